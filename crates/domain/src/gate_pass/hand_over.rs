//! Handing an operator session over to a gate's host.

use doorward_kit::{Timestamp, Token, TokenDigest, constant_time_eq};
use serde::{Deserialize, Serialize};

use super::{GatePass, GateRequest};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::ceremony::flow::{self, Whose};
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::ActiveSession;
use crate::store::StoreError;

/// Passes of one session at one gate: several windows may ask at once, and each browser needs only its last one.
const PASSES_MAX: u32 = 5;

/// What a hand-over remembers.
#[derive(Serialize, Deserialize)]
struct HandOver {
    gate: String,
    request: String,
}

/// Binds a request to the browser that makes it, on the gate's host.
pub(crate) fn request(accounts: &Accounts, gate: &str) -> GateRequest {
    let token = Token::random(&*accounts.entropy);
    let name = hexadecimal(&accounts.keys.gate_request_digest(gate, &token));
    GateRequest { token, name }
}

/// On the site: the session is an operator's, has shown a second factor, and has proved afresh who it is.
pub(crate) async fn hand_over(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    gate: &str,
    request: &str,
) -> Result<Token, FlowError> {
    accounts.charge_caller(visitor, "auth_gate").await?;
    let now = accounts.high_water.now();
    let entry = |event, outcome| entry(visitor, event, outcome, gate, now).by(active.user.id).in_session(active.session.id);
    if let Some(reason) = hindrance(accounts, active) {
        accounts.commit_entry(entry(AuditEvent::GateHandOverFailed, Outcome::Denied).because(reason)).await?;
        return Err(FlowError::Refused);
    }
    if !accounts.is_fresh(active) {
        return Err(FlowError::StepUpNeeded);
    }
    let mut tx = accounts.begin().await?;
    // Locked as every flow does, account first; what was cached may have ended meanwhile.
    let user = tx.users().lookup(active.user.id).await?;
    let session = tx.sessions().lookup(active.session.id).await?;
    let (Some(_), Some(session)) = (user.filter(|user| user.disabled_at.is_none()), session) else {
        return Err(FlowError::Refused);
    };
    let whose = Whose { user: Some(active.user.id), session: Some(session.id) };
    let body = HandOver { gate: gate.to_owned(), request: request.to_owned() };
    let token = flow::begin(accounts, &mut tx, CeremonyKind::GateHandOver, whose, &body, now).await?;
    tx.note(entry(AuditEvent::GateHandOver, Outcome::Success).because("issued"));
    tx.commit().await?;
    Ok(token)
}

/// Why a session opens no gate, whatever its age.
pub(crate) fn hindrance(accounts: &Accounts, active: &ActiveSession) -> Option<&'static str> {
    if !accounts.rules.is_operator(&active.user.roles) {
        Some("not_operator")
    } else if !active.user.has_second_factor || !active.session.is_two_factor {
        Some("no_second_factor")
    } else {
        None
    }
}

/// On the gate's host: takes the hand-over, for this gate, from the browser that asked.
pub(crate) async fn accept(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    gate: &str,
    token: &str,
    cookie: Option<&str>,
) -> Result<Token, FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let outcome = match Token::parse(token) {
        Some(token) => take(accounts, &mut tx, gate, &token, cookie, now).await?,
        None => Err("malformed"),
    };
    let accepted = match outcome {
        Ok(pass) => {
            let token = Token::random(&*accounts.entropy);
            let pass = GatePass { digest: accounts.keys.pass_digest(&token), ..pass };
            tx.gate_passes().add(&pass, PASSES_MAX).await?;
            let entry = entry(visitor, AuditEvent::GateHandOver, Outcome::Success, gate, now);
            tx.note(entry.in_session(pass.session_id).because("accepted"));
            Ok(token)
        }
        Err(reason) => {
            tx.note(entry(visitor, AuditEvent::GateHandOverFailed, Outcome::Denied, gate, now).because(reason));
            Err(FlowError::Refused)
        }
    };
    // A token that was shown is used up, whoever showed it and wherever.
    tx.commit().await?;
    accepted
}

/// The pass that a token is good for, its digest aside. The inner error is for the audit trail.
async fn take(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    gate: &str,
    token: &Token,
    cookie: Option<&str>,
    now: Timestamp,
) -> Result<Result<GatePass, &'static str>, StoreError> {
    let taken = flow::take::<HandOver>(accounts, tx, CeremonyKind::GateHandOver, token, now).await?;
    let Some((ceremony, body)) = taken else { return Ok(Err("unknown")) };
    let Some(session_id) = ceremony.session_id else { return Ok(Err("unknown")) };
    if body.gate != gate {
        return Ok(Err("other_gate"));
    }
    if !is_of_browser(accounts, gate, cookie, &body.request) {
        return Ok(Err("other_browser"));
    }
    let session = tx.sessions().lookup(session_id).await?;
    let pass = GatePass { digest: TokenDigest([0; 32]), gate: gate.to_owned(), session_id, created_at: now };
    Ok(session.map(|_| pass).ok_or("session_ended"))
}

/// Whether the cookie is the one that the request was made with: a link that somebody else prepared finds none (RFC 6749 §10.12).
fn is_of_browser(accounts: &Accounts, gate: &str, cookie: Option<&str>, request: &str) -> bool {
    let Some(token) = cookie.and_then(Token::parse) else { return false };
    let names = accounts.keys.gate_request_digests(gate, &token);
    names.iter().any(|name| constant_time_eq(hexadecimal(name).as_bytes(), request.as_bytes()))
}

fn hexadecimal(digest: &TokenDigest) -> String {
    digest.0.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn entry(visitor: Visitor<'_>, event: AuditEvent, outcome: Outcome, gate: &str, now: Timestamp) -> AuditEntry {
    AuditEntry::of_visitor(visitor, event, outcome, now).with(MetaKey::Ui, gate)
}
