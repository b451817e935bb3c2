//! `/account`: who is signed in, and the way out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::ActiveSession;
use http::{HeaderMap, Uri};

use super::view::{self, Shell};
use super::{see_other, with_token};
use crate::app::AppState;
use crate::guard::Caller;

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    name: &'a str,
    email: &'a str,
    roles: &'a [String],
    has_second_factor: bool,
    /// Whether the configuration names any.
    has_providers: bool,
    /// Date alone, `2026-03-01`, UTC.
    member_since: String,
    signed_in_at: String,
    done: Option<&'static str>,
}

impl<'a> Page<'a> {
    fn new(app: &'a AppState, active: &'a ActiveSession, token: &'a str, done: Option<&'static str>) -> Self {
        let user = &active.user;
        Self {
            shell: Shell::new(app),
            token,
            name: &user.display_name,
            email: &user.email.display,
            roles: &user.roles,
            has_second_factor: user.has_second_factor,
            has_providers: !app.accounts.providers().is_empty(),
            member_since: user.created_at.strftime("%-d %B %Y").to_string(),
            done,
            signed_in_at: active.session.created_at.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        }
    }
}

pub(crate) async fn show(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return see_other("/account/sign-in") };
    let done = done(uri.query().unwrap_or_default());
    with_token(&app, &caller, &headers, |token| view::render(&Page::new(&app, active, token, done)))
}

/// What a form that leads here has done; words of ours alone.
fn done(query: &str) -> Option<&'static str> {
    match query {
        "done=profile" => Some("Your profile is saved."),
        "done=password" => Some("Your password is changed. You are signed out everywhere else."),
        _ => None,
    }
}
