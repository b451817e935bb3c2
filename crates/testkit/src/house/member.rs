//! People: signing up by the mail's link, signing in.

use std::time::Duration;

use serde_json::json;

use super::{House, until};
use crate::address::INSIDE;
use crate::client::{Client, Request};

/// A password that no list holds.
pub(super) const PASSWORD: &str = "seven tall ferns stand by the north wall";

impl House {
    /// The password of everybody whom [`House::add_member`] makes.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Signs an address up; the account waits for its verification.
    #[track_caller]
    pub fn sign_up(&self, address: &str, password: &str) {
        let reply = self.client().post_json("/api/auth/register", &json!({"email": address, "password": password}));
        assert_eq!(reply.status, 202, "{reply:?}");
    }

    /// Makes an account the way a person does: sign-up, mail, verification.
    #[track_caller]
    pub fn add_member(&self, address: &str) {
        let before = self.mailbox().to(address).len();
        self.sign_up(address, PASSWORD);
        let token = self.mailbox().wait_for_nth(address, before + 1).token();
        let reply = self.client().post_json("/api/auth/verify-email", &json!({"token": token}));
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// An account whose password is gone: somebody else had its address changed, and its owner took that back.
    #[track_caller]
    pub fn add_member_without_password(&self, address: &str) {
        let moved = format!("moved.{address}");
        let mut member = self.member(address);
        let body = json!({"email": moved, "current_password": PASSWORD});
        member.send(&Request::post("/api/auth/email").csrf().json(&body)).expect(202);
        let confirm = self.mailbox().wait_for(&moved).token();
        self.client().post_json("/api/auth/email/confirm", &json!({"token": confirm})).expect(200);
        let undo = until(Duration::from_secs(15), "the way back", || {
            self.mailbox().to(address).into_iter().find(|mail| mail.body().contains("/email/undo#"))
        });
        self.client().post_json("/api/auth/email/undo", &json!({"token": undo.token()})).expect(200);
    }

    /// Signs an existing account in, with a browser of its own.
    #[track_caller]
    #[must_use]
    pub fn sign_in(&self, address: &str) -> Client {
        let mut client = self.client_from(INSIDE);
        let reply = client.post_json("/api/auth/login", &json!({"email": address, "password": PASSWORD}));
        assert_eq!(reply.status, 200, "{reply:?}");
        client
    }

    /// A new account, signed in.
    #[track_caller]
    #[must_use]
    pub fn member(&self, address: &str) -> Client {
        self.add_member(address);
        self.sign_in(address)
    }
}
