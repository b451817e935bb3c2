//! People with second factors, and operators.

use serde_json::{Value, json};

use super::House;
use super::member::PASSWORD;
use crate::client::{Client, Request};
use crate::raw::Reply;
use crate::totp::Totp;

impl House {
    /// Gives a signed-in account an app with codes; its recovery codes come along when this is its first factor.
    #[track_caller]
    pub fn enrol_totp(&self, client: &mut Client) -> (Totp, Vec<String>) {
        let begun = client.send(&Request::post("/api/auth/factors/totp").csrf().json(&json!({}))).expect(200).json();
        let mut app = Totp::scan(begun["uri"].as_str().expect("a URI"));
        let body = json!({"enrolment": begun["enrolment"], "code": app.next_code()});
        let done = client.send(&Request::post("/api/auth/factors/totp/confirm").csrf().json(&body));
        assert!(matches!(done.status, 200 | 201), "{done:?}");
        (app, words(&done.json()["recovery_codes"]))
    }

    /// The first step of a sign-in, which has to ask for a second; the client waits for it.
    #[track_caller]
    #[must_use]
    pub fn first_step(&self, address: &str) -> Client {
        let mut client = self.client();
        let reply = client.post_json("/api/auth/login", &json!({"email": address, "password": PASSWORD})).expect(200);
        assert!(reply.json()["second_factor"].is_array(), "{reply:?}");
        assert!(client.cookie(crate::SESSION_COOKIE).is_none(), "no session before the second step");
        client
    }

    /// Signs an account with an app in, with a browser of its own.
    #[track_caller]
    #[must_use]
    pub fn sign_in_with_code(&self, address: &str, app: &mut Totp) -> Client {
        let mut client = self.first_step(address);
        second_step(&mut client, &app.next_code()).expect(200);
        client
    }

    /// A signed-in operator of a house with [`super::HouseBuilder::operators`].
    #[track_caller]
    #[must_use]
    pub fn operator(&self, address: &str) -> (Client, Totp) {
        self.add_member(address);
        let output = self.command(&["user", "roles", address, "operator"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut client = self.sign_in(address);
        let (app, _) = self.enrol_totp(&mut client);
        (client, app)
    }
}

/// The second step of a sign-in with a code of any kind.
#[track_caller]
pub fn second_step(client: &mut Client, code: &str) -> Reply {
    client.post_json("/api/auth/login/second-factor", &json!({"code": code}))
}

/// The strings of a list.
fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
