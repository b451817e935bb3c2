//! `/account/sessions`: where the account is signed in, and how to end it (SES-14).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::device::Device;
use doorward_domain::{Session, notice};
use doorward_kit::id::DeviceId;
use doorward_kit::{SessionId, Timestamp};
use http::HeaderMap;

use super::view::{self, Shell};
use super::{see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

const HERE: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    rows: &'a [Row],
    browsers: &'a [Browser],
}

/// One session, in words.
struct Row {
    id: SessionId,
    device: String,
    network: String,
    began_at: String,
    seen_at: String,
    is_current: bool,
    is_two_factor: bool,
}

/// One known browser, in words.
struct Browser {
    id: DeviceId,
    name: String,
    known_since: String,
}

impl Browser {
    fn new(device: &Device) -> Self {
        let name = if device.browser.is_empty() { "Unknown".into() } else { device.browser.clone() };
        Self { id: device.id, name, known_since: moment(device.created_at) }
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

impl Row {
    fn new(session: &Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            device: device(&session.user_agent),
            network: session.client.masked(),
            began_at: moment(session.created_at),
            seen_at: moment(session.last_seen_at),
            is_current: session.id == current,
            is_two_factor: session.is_two_factor,
        }
    }
}

pub(crate) async fn show(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(active) = caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let current = active.session.id;
    let sessions = app.accounts.list_sessions(active).await?;
    let rows: Vec<_> = sessions.iter().map(|session| Row::new(session, current)).collect();
    let devices = app.accounts.list_devices(active).await?;
    let browsers: Vec<_> = devices.iter().map(Browser::new).collect();
    Ok(with_token(&app, &caller, &headers, |token| {
        view::render(&Page { shell: Shell::new(&app), token, rows: &rows, browsers: &browsers })
    }))
}

/// One of them ends; that it was gone already is no fault.
pub(crate) async fn end(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let id: SessionId = form.text("id").parse().map_err(|_| Problem::NOT_FOUND)?;
    let outcome = app.accounts.revoke_session(form.caller.visitor(), active, id).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    if id != active.session.id {
        return Ok(see_other(HERE));
    }
    let mut response = see_other("/account/sign-in");
    session::end(&app, response.headers_mut());
    Ok(response)
}

pub(crate) async fn end_others(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let outcome = app.accounts.revoke_other_sessions(form.caller.visitor(), active).await;
    let _count = outcome.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    Ok(see_other(HERE))
}

/// One known browser is forgotten; that it was gone already is no fault.
pub(crate) async fn forget(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let id: DeviceId = form.text("id").parse().map_err(|_| Problem::NOT_FOUND)?;
    let outcome = app.accounts.forget_device(form.caller.visitor(), active, id).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    Ok(see_other(HERE))
}

/// What a browser says it is, to whom it belongs: in words of ours, or in its own, cut.
fn device(user_agent: &str) -> String {
    notice::browser(user_agent).unwrap_or_else(|| match user_agent {
        "" => "Unknown".into(),
        other => other.chars().take(60).collect(),
    })
}
