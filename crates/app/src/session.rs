//! How a session begins and ends in the browser: both cookies together, always (CSRF-05).

use doorward_domain::CsrfBinding;
use doorward_domain::service::SignedIn;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::AppState;
use crate::cookie;

/// W3C Clear Site Data.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Sets the session cookie and a token that is bound to it. Neither has a `Max-Age`: they end with the browser's session,
/// or on our clock, whichever comes first.
pub(crate) fn begin(app: &AppState, headers: &mut HeaderMap, signed_in: &SignedIn) {
    let cookies = &app.policy.cookies;
    let binding = CsrfBinding::Session(signed_in.active.session.digest);
    let token = app.accounts.csrf().issue(binding, &*app.entropy);
    cookie::add(headers, &cookies.session.set(&signed_in.token.reveal(), None));
    cookie::add(headers, &cookies.csrf.set(&token, None));
}

/// Takes both cookies away and asks the browser to forget what the site stored (SES-18).
pub(crate) fn end(app: &AppState, headers: &mut HeaderMap) {
    cookie::clear_all(headers, &app.policy.cookies);
    headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static(r#""cache", "cookies", "storage""#));
}
