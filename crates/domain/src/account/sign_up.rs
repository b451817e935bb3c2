//! Asking for an account.
//!
//! The rules of the form are judged first and look nothing up (ENUM-04). Then every address costs the same: one hash, one transaction with
//! a pending row, a mail and an audit row. Only the mails differ (D-01).

use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, Token};

use super::model::DISPLAY_NAME_MAX_CHARS;
use super::{EmailAddress, identifier, mail};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::credential::{HashError, Password, policy};
use crate::instant::later;
use crate::outbox::{self, Letter, MailAllowance};
use crate::service::{Accounts, FieldFault, FlowError, SignUp, SignUpMode, Visitor, Work};
use crate::store::Delivery;
use crate::throttle::Subject;
use crate::verification::{PendingSignUp, verification_mail};

/// Stands where the hash of a row would be whose link nobody gets: what a stranger typed there is not kept.
const NO_HASH: &str = "$none$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A sign-up whose every field is within the rules.
struct Request {
    email: EmailAddress,
    display_name: String,
    password: Password,
}

pub(crate) async fn sign_up(accounts: &Accounts, visitor: Visitor<'_>, request: SignUp<'_>) -> Result<(), FlowError> {
    let SignUp { email, password, name, .. } = request;
    accounts.charge_subject(visitor, "auth_register", Subject::Prefix(&visitor.prefix())).await?;
    if accounts.rules.sign_up != SignUpMode::Open {
        return Err(FlowError::Refused);
    }
    let request = judge(accounts, email, password, name)?;
    let password_hash = hash(accounts, request.password.clone()).await?;
    // Mails to one address are few, whoever asks for them; the visitor is told nothing of it (ENUM-03).
    let allowance = accounts.mail_allowance(&identifier::limiter(&request.email.canonical)).await;
    store(accounts, visitor, &request, password_hash, allowance).await
}

/// The same verdict for everyone: nothing here knows which addresses exist. All faults at once.
fn judge(accounts: &Accounts, email: &str, password: Password, name: Option<&str>) -> Result<Request, FlowError> {
    let mut faults = Vec::new();
    let parsed = email.parse::<EmailAddress>();
    if parsed.is_err() {
        faults.push(FieldFault { field: "email", detail: "Enter an e-mail address such as name@example.com".to_owned() });
    }
    let display_name = name.unwrap_or_default().trim_matches(' ');
    if let Some(detail) = name_fault(display_name) {
        faults.push(FieldFault { field: "username", detail });
    }
    let password = password.normalised();
    let site = policy::Context { site_name: &accounts.rules.site_name, link_origin: &accounts.rules.link_origin, email };
    if let Some(detail) = policy::fault(&password, accounts.rules.password_min, &site) {
        faults.push(FieldFault { field: "password", detail });
    }
    match parsed {
        Ok(email) if faults.is_empty() => Ok(Request { email, display_name: display_name.to_owned(), password }),
        _ => Err(FlowError::Invalid(faults)),
    }
}

fn name_fault(name: &str) -> Option<String> {
    if name.chars().count() > DISPLAY_NAME_MAX_CHARS {
        Some(format!("Use at most {DISPLAY_NAME_MAX_CHARS} characters"))
    } else if name.chars().any(disturbs_text) {
        Some("Leave out control characters".to_owned())
    } else {
        None
    }
}

/// Controls, line separators, and what turns the writing direction of the text that follows (PROF-02). Joiners stay: names need them.
fn disturbs_text(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

async fn hash(accounts: &Accounts, password: Password) -> Result<String, FlowError> {
    accounts.hasher.hash(password).await.map_err(|error| match error {
        HashError::Busy | HashError::Unusable => FlowError::Busy,
    })
}

async fn store(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    request: &Request,
    password_hash: String,
    allowance: MailAllowance,
) -> Result<(), FlowError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let is_known = tx.users().find_by_email(&request.email.canonical).await?.is_some();
    let token = Token::random(&*accounts.entropy);
    let delivery = if is_known { allowance.notice } else { allowance.link };
    // Every live row has cost a mail, and mails to one address are few: so are they, and none has to make room for another.
    let is_live = !is_known && delivery == Delivery::Due;
    tx.sign_ups().add(&pending(accounts, request, password_hash, &token, now, is_live)).await?;
    outbox::flow::queue(accounts, &mut tx, letter(accounts, request, &token, is_known), delivery, now).await?;
    write_entry(accounts, &mut tx, visitor, request, is_known, now).await?;
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

/// Where no link is mailed the row is a decoy: it has expired, keeps no hash, and its token is never told to anybody.
fn pending(
    accounts: &Accounts,
    request: &Request,
    password_hash: String,
    token: &Token,
    now: Timestamp,
    is_live: bool,
) -> PendingSignUp {
    PendingSignUp {
        id: SignUpId::random(&*accounts.entropy),
        email: request.email.clone(),
        display_name: if is_live { request.display_name.clone() } else { String::new() },
        roles: Vec::new(),
        password_hash: if is_live { password_hash } else { NO_HASH.to_owned() },
        digest: accounts.keys.verification_digest(token),
        created_at: now,
        expires_at: if is_live { later(now, accounts.rules.verification_life) } else { now },
    }
}

fn letter(accounts: &Accounts, request: &Request, token: &Token, is_known: bool) -> Letter {
    if is_known {
        mail::known_account_mail(&accounts.rules, &request.email)
    } else {
        verification_mail(&accounts.rules, &request.email, token)
    }
}

async fn write_entry(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    request: &Request,
    is_known: bool,
    now: Timestamp,
) -> Result<(), FlowError> {
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignUp, Outcome::Success, now)
        .about(&accounts.keys.subject_hash(&request.email.canonical))
        .because(if is_known { "duplicate" } else { "pending" });
    tx.note(entry);
    Ok(())
}
