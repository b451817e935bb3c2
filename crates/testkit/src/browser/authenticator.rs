//! A security key that exists in the browser only (W3C WebAuthn, section 11, WebDriver extension).

use serde_json::{Value, json};

use super::Browser;

/// An authenticator that a browser has; it holds passkeys and touches itself.
pub struct Authenticator<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// Plugs an authenticator in. `verifies`: whether its owner's finger or PIN is right.
    #[track_caller]
    #[must_use]
    pub fn authenticator(&self, verifies: bool) -> Authenticator<'_> {
        let options = json!({
            "protocol": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": verifies,
        });
        let id = self.call("POST", "/webauthn/authenticator", Some(&options));
        Authenticator { browser: self, id: id.as_str().expect("an id").to_owned() }
    }
}

impl Authenticator<'_> {
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.browser.call(method, &format!("/webauthn/authenticator/{}{path}", self.id), body)
    }

    /// The passkeys that it holds, private keys and counters included.
    #[track_caller]
    #[must_use]
    pub fn credentials(&self) -> Vec<Value> {
        self.call("GET", "/credentials", None).as_array().cloned().unwrap_or_default()
    }

    /// Puts a passkey in, as [`Self::credentials`] told it: a copy of a key.
    #[track_caller]
    pub fn put(&self, credential: &Value) {
        self.call("POST", "/credential", Some(credential));
    }

    /// Takes a passkey out.
    #[track_caller]
    pub fn take(&self, credential: &Value) {
        let id = credential["credentialId"].as_str().expect("an id");
        self.call("DELETE", &format!("/credentials/{id}"), None);
    }

    /// From now on its owner is recognised, or not.
    #[track_caller]
    pub fn verify_user(&self, verifies: bool) {
        self.call("POST", "/uv", Some(&json!({"isUserVerified": verifies})));
    }

    /// Pulls it out.
    #[track_caller]
    pub fn unplug(self) {
        self.call("DELETE", "", None);
    }
}
