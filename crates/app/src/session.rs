//! How a session begins, goes on and ends in the browser: both cookies together, always (CSRF-05).

use std::time::Duration;

use doorward_domain::ceremony::CeremonyKind;
use doorward_domain::factor::PendingSignIn;
use doorward_domain::service::SignedIn;
use doorward_domain::{ActiveSession, Visitor};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::AppState;
use crate::{cookie, csrf};

/// W3C Clear Site Data.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Sets the session cookie and a token that is bound to it, and makes the browser a known one (D-11).
pub(crate) fn begin(app: &AppState, headers: &mut HeaderMap, signed_in: &SignedIn) {
    for cookie in cookies(app, signed_in) {
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Some(device) = &signed_in.device {
        let life = app.accounts.rules().device_life;
        cookie::add(headers, &app.policy.cookies.device.set(&device.reveal(), Some(life)));
    }
}

/// Sets the cookie of a sign-in that waits for its second factor; the browser forgets it when we do.
pub(crate) fn wait(app: &AppState, headers: &mut HeaderMap, pending: &PendingSignIn) {
    let life = CeremonyKind::SecondFactor.life();
    cookie::add(headers, &app.policy.cookies.pending.set(&pending.token.reveal(), Some(life)));
}

/// The second step is done: the session begins, and nothing waits any more.
pub(crate) fn begin_waited(app: &AppState, headers: &mut HeaderMap, signed_in: &SignedIn) {
    begin(app, headers, signed_in);
    cookie::add(headers, &app.policy.cookies.pending.clear());
}

/// Takes the session's cookies away and asks the browser to forget what the site stored (SES-18). That is the device cookie too: whoever
/// signs out of somebody else's computer leaves nothing there, and at the next sign-in the browser is a stranger like any other.
pub(crate) fn end(app: &AppState, headers: &mut HeaderMap) {
    cookie::clear_all(headers, &app.policy.cookies);
    headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static(r#""cache", "cookies", "storage""#));
}

/// Replaces the credential of a session that is due for it (SES-13), and says what it was replaced by. `None` costs nothing where none
/// is due. A store that does not answer is no reason to refuse a session that was just found valid: the next request tries again.
pub(crate) async fn renew(app: &AppState, visitor: Visitor<'_>, active: &ActiveSession) -> Option<SignedIn> {
    if !app.accounts.is_rotation_due(active) {
        return None;
    }
    match app.accounts.rotate_session(visitor, active).await {
        Ok(renewed) => renewed,
        Err(error) => {
            tracing::warn!(message = "a session could not be given a new credential", error = %error);
            None
        }
    }
}

/// The cookies of a new credential. They end with the browser's session, or on our clock, whichever comes first; those of a remembered
/// session only on our clock.
pub(crate) fn cookies(app: &AppState, signed_in: &SignedIn) -> Vec<HeaderValue> {
    let (policy, active) = (&app.policy.cookies, &*signed_in.active);
    let token = app.accounts.csrf().issue(csrf::binding(Some(active)), &*app.entropy);
    let life = life(app, active);
    let session = cookie::value(&policy.session.set(&signed_in.token.reveal(), life));
    let csrf = cookie::value(&policy.csrf.set(&token, life));
    session.into_iter().chain(csrf).collect()
}

/// Adds the cookies of a renewed credential to an answer, unless its handler has set or cleared them itself.
pub(crate) fn carry(app: &AppState, headers: &mut HeaderMap, renewed: &[HeaderValue]) {
    let policy = &app.policy.cookies;
    if cookie::is_set(headers, policy.session.name) {
        return;
    }
    // A page that was made for the new credential has its own token in its form and its cookie.
    let has_token = cookie::is_set(headers, policy.csrf.name);
    let renewed = renewed.iter().take(if has_token { 1 } else { renewed.len() });
    headers.extend(renewed.map(|cookie| (header::SET_COOKIE, cookie.clone())));
}

/// The CSRF cookie of a caller: it lasts as long as the cookie that it belongs to.
pub(crate) fn csrf_cookie(app: &AppState, active: Option<&ActiveSession>, token: &str) -> String {
    app.policy.cookies.csrf.set(token, active.and_then(|active| life(app, active)))
}

/// How long the browser is to keep the cookies of a session; `None` for as long as it runs.
fn life(app: &AppState, active: &ActiveSession) -> Option<Duration> {
    let rest = active.session.expires_at.duration_since(app.clock.now());
    active.session.is_remembered.then(|| Duration::try_from(rest).unwrap_or_default())
}
