//! `/account/sessions`: where the account is signed in, and how to end it (SES-14).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::Session;
use doorward_kit::SessionId;
use http::HeaderMap;

use super::view::{self, Shell};
use super::{see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::{masked, session};

const HERE: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    rows: &'a [Row],
}

/// One session, in words.
struct Row {
    id: SessionId,
    device: String,
    network: String,
    began_at: String,
    seen_at: String,
    is_current: bool,
}

impl Row {
    fn new(session: &Session, current: SessionId) -> Self {
        let moment = |at: doorward_kit::Timestamp| at.strftime("%-d %B %Y, %H:%M UTC").to_string();
        Self {
            id: session.id,
            device: device(&session.user_agent),
            network: masked::network(session.client),
            began_at: moment(session.created_at),
            seen_at: moment(session.last_seen_at),
            is_current: session.id == current,
        }
    }
}

pub(crate) async fn show(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(active) = caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let current = active.session.id;
    let sessions = app.accounts.list_sessions(active).await?;
    let rows: Vec<_> = sessions.iter().map(|session| Row::new(session, current)).collect();
    Ok(with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token, rows: &rows })))
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

/// Browser and system, as far as the browser says; a hint for its owner and nothing more. Order matters: most name several others.
fn device(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        (None, Some(system)) => format!("A program on {system}"),
        (None, None) if user_agent.is_empty() => "Unknown".into(),
        (None, None) => user_agent.chars().take(60).collect(),
    }
}
