//! `GET /api/auth/csrf`: makes sure that the browser holds a token for its present state.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::detail;
use crate::app::AppState;
use crate::cookie::{self, Cookies};
use crate::csrf::{binding, is_cookie_valid};
use crate::guard::Caller;
use crate::session::csrf_cookie;

/// The token itself is only in the cookie, which the site's own script can read (SES-17).
pub(crate) async fn issue(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let mut response = detail(StatusCode::OK, "ok");
    let binding = binding(caller.session.as_deref());
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    if !is_cookie_valid(app.accounts.csrf(), binding, cookies.csrf) {
        let token = app.accounts.csrf().issue(binding, &*app.entropy);
        cookie::add(response.headers_mut(), &csrf_cookie(&app, caller.session.as_deref(), &token));
    }
    response
}
