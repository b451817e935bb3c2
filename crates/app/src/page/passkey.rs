//! `/account/factors/passkey`: adds a passkey. Browsers make them for script alone, so this page needs it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use super::view::{self, Shell};
use super::{sign_in_first, step_up_first, with_token};
use crate::app::AppState;
use crate::guard::Caller;

const HERE: &str = "/account/factors/passkey";

#[derive(Template)]
#[template(path = "passkey.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first(HERE) };
    if let Some(first) = step_up_first(&app, active, HERE) {
        return first;
    }
    with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token }))
}
