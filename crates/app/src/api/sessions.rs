//! `/api/auth/sessions`: where the caller is signed in, and how to end it (SES-14).

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use doorward_domain::Session;
use doorward_kit::{SessionId, Timestamp};
use http::StatusCode;
use serde::Serialize;

use super::json;
use crate::app::AppState;
use crate::extract::Member;
use crate::problem::Problem;
use crate::session;

#[derive(Serialize)]
struct List<'a> {
    sessions: Vec<Entry<'a>>,
}

/// One session. The id is a reference: nothing can be signed in with it.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    id: SessionId,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    user_agent: &'a str,
    /// The network, not the address.
    ip: String,
    is_current: bool,
    /// Whether a second factor was shown in it.
    is_two_factor: bool,
}

impl<'a> Entry<'a> {
    pub(super) fn new(session: &'a Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            user_agent: &session.user_agent,
            ip: session.client.masked(),
            is_current: session.id == current,
            is_two_factor: session.is_two_factor,
        }
    }
}

pub(crate) async fn list(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let sessions = app.accounts.list_sessions(caller.active()).await?;
    let current = caller.active().session.id;
    Ok(json(StatusCode::OK, &List { sessions: sessions.iter().map(|session| Entry::new(session, current)).collect() }))
}

/// 204, or 404 for what is not the caller's: unknown, another's, or no reference at all.
pub(crate) async fn revoke(State(app): State<AppState>, caller: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let id: SessionId = id.parse().map_err(|_| Problem::NOT_FOUND)?;
    let outcome = app.accounts.revoke_session(caller.visitor(), caller.active(), id).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if id == caller.active().session.id {
        session::end(&app, response.headers_mut());
    }
    Ok(response)
}

pub(crate) async fn revoke_others(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let outcome = app.accounts.revoke_other_sessions(caller.visitor(), caller.active()).await;
    let _count = outcome.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
