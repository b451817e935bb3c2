//! A provider as it should be: `oidc-provider`, with pages of its own for sign-in and consent.

use serde_json::{Value, json};

use super::node::{CLIENT_ID, CLIENT_SECRET, Script};

/// A running provider. Alice's address is verified there, Bob's is not; any password is right.
pub struct Oidc {
    script: Script,
    users: Value,
}

impl Oidc {
    /// The name in the configuration and in the house's paths.
    pub const NAME: &'static str = "harbour";

    /// A provider that sends people back to a house at this origin.
    ///
    /// # Panics
    /// When Node.js or the package is missing (`cargo xtask test` installs them).
    #[track_caller]
    #[must_use]
    pub fn start(origin: &str) -> Self {
        let script = Script::lay_out("provider");
        let client = json!({
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [format!("{origin}/account/oauth/{}", Self::NAME)],
        });
        script.write("provider.json", &client.to_string());
        let mut provider = Self { script, users: json!({}) };
        provider.person("alice", &json!({"sub": "alice-17", "email": "alice@app.test", "email_verified": true}));
        provider.person("bob", &json!({"sub": "bob-23", "email": "bob@app.test", "email_verified": false}));
        provider.script.start();
        provider
    }

    /// What it says of whoever signs in under this name, from now on.
    pub fn person(&mut self, name: &str, claims: &Value) {
        self.users[name] = claims.clone();
        self.script.write("users.json", &self.users.to_string());
    }

    /// Starts again with other signing keys; whoever was signed in there is not any more.
    #[track_caller]
    pub fn rotate(&mut self) {
        self.script.stop();
        std::fs::remove_file(self.script.place("keys.json")).unwrap();
        self.script.start();
    }

    /// Ends it: whoever asks finds nobody there.
    pub fn stop(&mut self) {
        self.script.stop();
    }

    /// The issuer, which is the origin of its pages as well.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.script.issuer()
    }

    /// Its section of a configuration.
    #[must_use]
    pub fn section(&self) -> String {
        self.script.section(Self::NAME, "")
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.script.log()
    }
}
