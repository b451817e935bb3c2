//! Asking for an account.
//!
//! The rules of the form are judged first and look nothing up (ENUM-04). Then every address costs the same: one hash, one transaction with
//! a pending row, a mail and an audit row. Only the mails differ (D-01).

use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, Token};

use super::model::DISPLAY_NAME_MAX_CHARS;
use super::{EmailAddress, User, identifier, mail, password, text};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::{Password, policy};
use crate::instant::later;
use crate::one_time::{Purpose, PurposeKind};
use crate::outbox::{self, Letter, MailAllowance};
use crate::service::{Accounts, FieldFault, FlowError, SignUp, SignUpMode, Visitor, Work};
use crate::store::{Delivery, StoreError};
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
    let SignUp { email, password, name, invitation } = request;
    accounts.charge_caller(visitor, "auth_register").await?;
    let is_admitted = match accounts.rules.sign_up {
        SignUpMode::Open => true,
        SignUpMode::Invitation => invitation.is_some(),
        SignUpMode::Closed => false,
    };
    if !is_admitted {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignUp, Outcome::Failure, accounts.clock.now());
        let entry = entry.about(&accounts.keys.subject_hash(email)).because("not_open");
        accounts.commit_entry(entry.with(MetaKey::Mode, accounts.rules.sign_up.as_str())).await?;
        return Err(FlowError::Refused);
    }
    let request = judge(accounts, email, password, name)?;
    let password_hash = password::hash(accounts, request.password.clone()).await?;
    // Mails to one address are few, whoever asks for them; the visitor is told nothing of it (ENUM-03).
    let allowance = accounts.mail_allowance(&identifier::limiter(&request.email.canonical)).await;
    store(accounts, visitor, &request, password_hash, allowance, invitation).await
}

/// The same verdict for everyone: nothing here knows which addresses exist. All faults at once.
fn judge(accounts: &Accounts, email: &str, password: Password, name: Option<&str>) -> Result<Request, FlowError> {
    let mut faults = Vec::new();
    let parsed = email.parse::<EmailAddress>();
    let detail = match &parsed {
        Err(_) => Some("Enter an e-mail address such as name@example.com"),
        Ok(email) if !accounts.rules.allows(email) => Some("Addresses of this domain cannot be used here"),
        Ok(_) => None,
    };
    faults.extend(detail.map(|detail| FieldFault { field: "email", detail: detail.to_owned() }));
    let display_name = name.unwrap_or_default().trim_matches(' ');
    if let Some(detail) = text::line_fault(display_name, DISPLAY_NAME_MAX_CHARS) {
        faults.push(FieldFault { field: "username", detail });
    }
    let password = password.normalised();
    if let Some(detail) = policy::fault(&password, accounts.rules.password_min, &accounts.rules.guesses(email)) {
        faults.push(FieldFault { field: "password", detail });
    }
    match parsed {
        Ok(email) if faults.is_empty() => Ok(Request { email, display_name: display_name.to_owned(), password }),
        _ => Err(FlowError::Invalid(faults)),
    }
}

async fn store(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    request: &Request,
    password_hash: String,
    allowance: MailAllowance,
    invitation: Option<&str>,
) -> Result<(), FlowError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let owner = tx.users().find_by_email(&request.email.canonical).await?;
    let is_known = owner.is_some();
    let Some(roles) = accept(accounts, &mut tx, request, invitation, allowance.link, now).await? else {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignUp, Outcome::Failure, now);
        let entry = entry.about(&accounts.keys.subject_hash(&request.email.canonical)).because("invitation");
        let entry = entry.with(MetaKey::Mode, accounts.rules.sign_up.as_str());
        // An invitation for another address goes on working: one slip of the keyboard does not cost it.
        drop(tx);
        accounts.commit_entry(entry).await?;
        return Err(FlowError::Refused);
    };
    let token = Token::random(&*accounts.entropy);
    let delivery = if is_known { allowance.notice } else { allowance.link };
    // Every live row has cost a mail, and mails to one address are few: so are they, and none has to make room for another.
    let is_live = !is_known && delivery == Delivery::Due;
    let row = PendingSignUp { roles, ..pending(accounts, request, password_hash, &token, now, is_live) };
    tx.sign_ups().add(&row).await?;
    outbox::flow::queue(accounts, &mut tx, letter(accounts, request, &token, owner.as_ref()), delivery, now).await?;
    note(accounts, &mut tx, visitor, request, is_known, now);
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

/// Takes the invitation, if one came along: the roles that it grants; `None` when it is good for nothing, or for another address. It is
/// put back when too many mails went to the address for one more, since nobody could use it then.
async fn accept(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    request: &Request,
    invitation: Option<&str>,
    link: Delivery,
    now: Timestamp,
) -> Result<Option<Vec<String>>, StoreError> {
    let Some(text) = invitation else { return Ok(Some(Vec::new())) };
    let Some(token) = Token::parse(text) else { return Ok(None) };
    for digest in accounts.keys.one_time_digests(PurposeKind::Invitation, &token) {
        let found = tx.one_times().consume(PurposeKind::Invitation, &digest, now).await?;
        let Some(found) = found else { continue };
        let Purpose::Invitation { email, roles } = &found.purpose else { continue };
        let is_theirs = email.as_ref().is_none_or(|email| email.canonical == request.email.canonical);
        if link == Delivery::Withheld {
            tx.one_times().add(&found).await?;
        }
        return Ok(is_theirs.then(|| roles.clone()));
    }
    Ok(None)
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

/// The owner is told at the address as it is stored: another spelling of it may be another mailbox.
fn letter(accounts: &Accounts, request: &Request, token: &Token, owner: Option<&User>) -> Letter {
    match owner {
        Some(owner) => mail::known_account_mail(&accounts.rules, &owner.email),
        None => verification_mail(&accounts.rules, &request.email, token),
    }
}

/// What the trail says of a sign-up that was accepted.
fn note(accounts: &Accounts, tx: &mut Work<'_>, visitor: Visitor<'_>, request: &Request, is_known: bool, now: Timestamp) {
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignUp, Outcome::Success, now)
        .about(&accounts.keys.subject_hash(&request.email.canonical))
        .because(if is_known { "duplicate" } else { "pending" })
        .with(MetaKey::Mode, accounts.rules.sign_up.as_str())
        .with(MetaKey::Duplicate, is_known);
    tx.note(entry);
}
