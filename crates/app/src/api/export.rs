//! `POST /api/auth/me/export` → 200 with everything that is stored about the caller, as a file.
//!
//! POST, although it only reads: the trail notes every export, so it is no safe method, and no foreign page may cause one.

use axum::extract::State;
use axum::response::Response;
use doorward_domain::account::AccountExport;
use doorward_domain::audit::AuditRow;
use doorward_domain::device::Device;
use doorward_domain::factor::Factor;
use doorward_domain::federation::Identity;
use doorward_domain::{ActiveSession, Visitor};
use doorward_kit::{SessionId, Timestamp, UserId};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::json;
use super::sessions::Entry;
use crate::app::AppState;
use crate::extract::Member;
use crate::problem::Problem;

#[derive(Serialize)]
struct Document<'a> {
    account: Account<'a>,
    sessions: Vec<Entry<'a>>,
    browsers: Vec<Browser<'a>>,
    factors: Vec<OwnFactor<'a>>,
    providers: Vec<Link<'a>>,
    activity: Vec<Activity<'a>>,
}

#[derive(Serialize)]
struct Account<'a> {
    id: UserId,
    email: &'a str,
    display_name: &'a str,
    avatar_url: Option<&'a str>,
    bio: Option<&'a str>,
    roles: &'a [String],
    created_at: Timestamp,
}

/// A browser that the account is known to be used with.
#[derive(Serialize)]
struct Browser<'a> {
    name: &'a str,
    known_since: Timestamp,
    known_until: Timestamp,
}

/// A second factor, without what it is proved with.
#[derive(Serialize)]
struct OwnFactor<'a> {
    kind: &'static str,
    name: &'a str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

/// A link with a provider, as both sides know it.
#[derive(Serialize)]
struct Link<'a> {
    provider: &'a str,
    issuer: &'a str,
    subject: &'a str,
    label: &'a str,
    created_at: Timestamp,
    last_used_at: Timestamp,
}

impl<'a> From<&'a Device> for Browser<'a> {
    fn from(device: &'a Device) -> Self {
        Self { name: &device.browser, known_since: device.created_at, known_until: device.expires_at }
    }
}

impl<'a> From<&'a Factor> for OwnFactor<'a> {
    fn from(factor: &'a Factor) -> Self {
        let Factor { kind, name, created_at, last_used_at, .. } = factor;
        Self { kind: kind.as_str(), name, created_at: *created_at, last_used_at: *last_used_at }
    }
}

impl<'a> From<&'a Identity> for Link<'a> {
    fn from(identity: &'a Identity) -> Self {
        let Identity { provider, issuer, subject, label, created_at, last_used_at, .. } = identity;
        Self { provider, issuer, subject, label, created_at: *created_at, last_used_at: *last_used_at }
    }
}

/// One act of the caller, without what only operators are to see.
#[derive(Serialize)]
struct Activity<'a> {
    at: Timestamp,
    event: &'static str,
    outcome: &'static str,
    ip: Option<String>,
    user_agent: Option<&'a str>,
    session: Option<SessionId>,
}

impl<'a> Document<'a> {
    fn new(export: &'a AccountExport, current: SessionId) -> Self {
        let user = &export.user;
        Self {
            account: Account {
                id: user.id,
                email: &user.email.display,
                display_name: &user.display_name,
                avatar_url: user.avatar_url.as_deref(),
                bio: user.bio.as_deref(),
                roles: &user.roles,
                created_at: user.created_at,
            },
            sessions: export.sessions.iter().map(|session| Entry::new(session, current)).collect(),
            browsers: export.devices.iter().map(Browser::from).collect(),
            factors: export.factors.iter().map(OwnFactor::from).collect(),
            providers: export.identities.iter().map(Link::from).collect(),
            activity: export.activity.iter().map(activity).collect(),
        }
    }
}

/// The person's own addresses are theirs to see in full: this is what the law calls a copy of the data.
fn activity(row: &AuditRow) -> Activity<'_> {
    let record = &row.record;
    Activity {
        at: record.at,
        event: record.event.as_str(),
        outcome: record.outcome.as_str(),
        ip: record.client_ip.map(|ip| ip.to_string()),
        user_agent: record.user_agent.as_deref(),
        session: record.session,
    }
}

pub(crate) async fn export(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    file(&app, caller.visitor(), caller.active()).await
}

/// The answer; the page's button leads to the same one.
pub(crate) async fn file(app: &AppState, visitor: Visitor<'_>, active: &ActiveSession) -> Result<Response, Problem> {
    let outcome = app.accounts.export_account(visitor, active).await;
    let export = outcome.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    let mut response = json(StatusCode::OK, &Document::new(&export, active.session.id));
    let name = HeaderValue::from_static("attachment; filename=\"account.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
