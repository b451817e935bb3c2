//! The accounts of the scripted site: they do everything right, but for the one thing that a test has weakened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_kit::{Secret, Timestamp};
use doorward_policy::Audience;
use doorward_verify::{Backstage, BackstageError, Sink, TrailState};
use serde_json::Value;

use crate::house::{Asked, Reply, error, reply};

const SESSION: &str = "__Host-doorward_session";
const CSRF: &str = "__Host-doorward_csrf";

/// Who has an account, who is signed in, which links are out.
#[derive(Default)]
pub(crate) struct Accounts {
    /// What is not as it should be; empty when everything is.
    flaw: Mutex<&'static str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: BTreeMap<String, String>,
    /// Token by credential.
    sessions: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
    events: Vec<String>,
    count: u32,
}

impl State {
    fn note(&mut self, event: &str) {
        self.events.push(event.to_owned());
    }

    fn draw(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{:032x}", self.count)
    }
}

impl Accounts {
    /// Makes one thing wrong.
    pub(crate) fn weaken(&self, flaw: &'static str) {
        *self.flaw.lock().expect("nobody panicked") = flaw;
    }

    /// Whom nobody removed.
    pub(crate) fn left(&self) -> Vec<String> {
        self.state.lock().expect("nobody panicked").people.keys().cloned().collect()
    }

    fn has(&self, flaw: &str) -> bool {
        *self.flaw.lock().expect("nobody panicked") == flaw
    }

    /// `None` where the site's usual answer is right.
    pub(crate) fn answer(&self, asked: &Asked) -> Option<Reply> {
        let state = &mut self.state.lock().expect("nobody panicked");
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match (asked.method.as_str(), asked.target.as_str()) {
            ("GET", "/api/auth/me") => {
                let is_in = cookie(asked, SESSION).is_some_and(|value| state.sessions.contains_key(&value));
                (is_in && !self.has("me refuses")).then(|| api(200, "{\"role\":\"user\"}"))
            }
            ("POST", "/api/auth/login") if !asked.body.is_empty() => {
                Some(self.sign_in(asked, state, &text("email"), &text("password")))
            }
            ("POST", "/api/auth/logout") => Some(self.sign_out(asked, state)),
            ("POST", "/api/auth/register") => Some(self.sign_up(state, text("email"), text("password"))),
            ("POST", "/api/auth/forgot-password") => Some(self.forgot(state, &text("email"))),
            ("POST", "/api/auth/reset-password") => Some(self.reset(state, &text("token"), text("password"))),
            _ => None,
        }
    }

    fn sign_in(&self, asked: &Asked, state: &mut State, email: &str, password: &str) -> Reply {
        let is_foreign = match (asked.field("sec-fetch-site"), asked.field("origin")) {
            (Some(site), _) => site != "same-origin" && !self.has("any site"),
            (None, Some(origin)) => !origin.starts_with("https://app.test") && !self.has("any origin"),
            (None, None) => false,
        };
        if is_foreign {
            return refused(state);
        }
        if state.people.get(email).is_none_or(|known| known != password) {
            return error(401, Audience::Api, "Invalid credentials");
        }
        state.note("auth.login");
        let shown = cookie(asked, SESSION).filter(|_| self.has("keeps credentials"));
        let (session, token) = (shown.unwrap_or_else(|| state.draw("session")), state.draw("token"));
        state.sessions.insert(session.clone(), token.clone());
        if let Some(planted) = cookie(asked, SESSION).filter(|_| self.has("adopts credentials")) {
            state.sessions.insert(planted, token.clone());
        }
        api(200, "{\"role\":\"user\"}")
            .add("set-cookie", &format!("{SESSION}={session}; Path=/; Secure; HttpOnly; SameSite=Lax"))
            .add("set-cookie", &format!("{CSRF}={token}; Path=/; Secure; SameSite=Strict"))
    }

    fn sign_out(&self, asked: &Asked, state: &mut State) -> Reply {
        let Some((session, token)) =
            cookie(asked, SESSION).and_then(|value| Some((value.clone(), state.sessions.get(&value)?.clone())))
        else {
            return error(401, Audience::Api, "Not authenticated");
        };
        let is_right = match asked.field("x-csrf-token") {
            None => self.has("no token"),
            Some(sent) => sent == token || (self.has("any token") && cookie(asked, CSRF).as_deref() == Some(sent)),
        };
        if !is_right {
            if self.has("refusal ends session") {
                state.sessions.remove(&session);
            }
            return refused(state);
        }
        // With another token than its own the session lives on: what is wrong is the answer alone.
        if asked.field("x-csrf-token") == Some(&token) {
            state.note("auth.logout");
            if !self.has("keeps sessions") {
                state.sessions.remove(&session);
            }
        }
        let gone = |name: &str, rest: &str| format!("{name}=; Path=/; Secure; {rest}; Max-Age=0");
        let reply = api(204, "");
        if self.has("keeps cookies") {
            return reply;
        }
        reply.add("set-cookie", &gone(SESSION, "HttpOnly; SameSite=Lax")).add("set-cookie", &gone(CSRF, "SameSite=Strict"))
    }

    fn sign_up(&self, state: &mut State, email: String, password: String) -> Reply {
        state.note("auth.signup");
        if self.has("sign-up is closed") {
            return error(403, Audience::Api, "Sign-up is closed");
        }
        let is_known = state.people.contains_key(&email);
        if is_known && self.has("known sign-up") {
            return error(409, Audience::Api, "The address is taken");
        }
        if !is_known {
            state.people.insert(email, password);
        }
        let reply = api(202, "{\"detail\":\"A message is on its way\"}");
        if !is_known && self.has("unknown sign-up") { reply.add("x-welcome", "yes") } else { reply }
    }

    fn forgot(&self, state: &mut State, email: &str) -> Reply {
        state.note("password.reset_requested");
        match state.people.contains_key(email) {
            true if self.has("known forgot") => api(202, "{\"detail\":\"A message is on its way\"}"),
            false if self.has("unknown forgot") => api(200, "{\"detail\":\"No such account\"}"),
            _ => api(200, "{\"detail\":\"A message is on its way\"}"),
        }
    }

    fn reset(&self, state: &mut State, token: &str, password: String) -> Reply {
        let refusal = error(400, Audience::Api, "Invalid or expired token");
        let Some(email) = state.links.get(token).cloned() else {
            state.note("password.reset_failed");
            return match token.contains(' ') {
                true if self.has("malformed reset") => error(400, Audience::Api, "Malformed token"),
                false if self.has("talkative reset") && token.len() == 43 => error(400, Audience::Api, "Unknown token"),
                _ => refusal,
            };
        };
        if self.has("dead link") {
            return refusal;
        }
        state.people.insert(email, password);
        state.note("password.reset");
        if !self.has("eternal link") {
            state.links.remove(token);
        }
        api(200, "{\"detail\":\"Password reset\"}")
    }
}

fn api(status: u16, body: &str) -> Reply {
    reply(status, Audience::Api, body)
}

fn refused(state: &mut State) -> Reply {
    state.note("csrf.rejected");
    error(403, Audience::Api, "CSRF failed")
}

fn cookie(asked: &Asked, name: &str) -> Option<String> {
    let pairs = asked.field("cookie")?.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(seen, _)| *seen == name).map(|(_, value)| value.to_owned())
}

/// Hands on the side of that site.
pub(crate) struct Landlord(pub(crate) Arc<Accounts>);

impl Landlord {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().expect("nobody panicked")
    }
}

#[async_trait]
impl Backstage for Landlord {
    async fn add_account(&self, address: &str, password: &Secret<String>) -> Result<(), BackstageError> {
        self.state().people.insert(address.to_owned(), password.expose().clone());
        Ok(())
    }

    async fn remove_account(&self, address: &str) -> Result<(), BackstageError> {
        self.state().people.remove(address);
        Ok(())
    }

    async fn recovery_token(&self, address: &str) -> Result<Secret<String>, BackstageError> {
        let mut state = self.state();
        let token = state.draw("recovery");
        state.links.insert(token.clone(), address.to_owned());
        Ok(Secret::new(token))
    }

    async fn trail(&self, _: Timestamp) -> Result<TrailState, BackstageError> {
        Ok(TrailState { faults: Vec::new(), events: self.state().events.clone() })
    }

    async fn search(&self, _: &[Secret<String>]) -> Result<Vec<Sink>, BackstageError> {
        Ok(["store", "log"].map(|name| Sink { name: name.to_owned(), hits: 0 }).into())
    }
}
