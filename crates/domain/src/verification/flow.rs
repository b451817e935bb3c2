//! Proving an address, and asking for the mail again.

use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, Token, UserId};

use super::{PendingSignUp, verification_mail};
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::{HashError, Password, PasswordCheck};
use crate::instant::later;
use crate::outbox;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::{Delivery, StoreError};

/// What the tokens are for, as the audit trail says it.
const PURPOSE: &str = "sign_up";

/// Consumes a token and makes the account. Unknown, expired, used, malformed, or an address that has an account by now: one refusal.
///
/// Where others asked for the same address, its owner may have opened the mail of a stranger, and the account would have the stranger's
/// password (ENUM-14): then the password of this very sign-up is asked for. Only who holds a good token learns of it.
pub(crate) async fn verify(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    token: &str,
    password: Option<Password>,
) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "verify_email").await?;
    let proven = match (Token::parse(token), password) {
        (Some(token), Some(password)) => prove(accounts, &token, password).await?,
        _ => None,
    };
    let outcome = match attempt(accounts, visitor, token, proven.as_deref()).await {
        // Two links of one address at once: the database let the other one win. What that one left is looked at afresh, once.
        Err(FlowError::Store(StoreError::Conflict)) => attempt(accounts, visitor, token, proven.as_deref()).await,
        outcome => outcome,
    };
    if let Err(FlowError::Store(StoreError::Conflict)) = outcome {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::VerifyFailed, Outcome::Failure, accounts.clock.now());
        accounts.commit_entry(entry.because("taken").with(MetaKey::Purpose, PURPOSE)).await?;
        return Err(FlowError::Refused);
    }
    outcome
}

/// What came of a token.
enum Consumed {
    Made(Box<User>),
    PasswordNeeded,
    Refused(&'static str),
}

/// The hash that the password matches, if it is that of the token's sign-up; compared outside any transaction, since it takes its time.
async fn prove(accounts: &Accounts, token: &Token, password: Password) -> Result<Option<String>, FlowError> {
    let stored = {
        let mut tx = accounts.begin().await?;
        // Looked at and left where it is: the unit of work is dropped.
        find(accounts, &mut tx, token, accounts.high_water.now()).await?.map(|pending| pending.password_hash)
    };
    match accounts.hasher.verify(password.normalised(), stored.clone()).await {
        Ok(PasswordCheck::Match | PasswordCheck::MatchRehash) => Ok(stored),
        Ok(PasswordCheck::Mismatch) | Err(HashError::Unusable) => Ok(Some(String::new())),
        Err(HashError::Busy) => Err(FlowError::Busy),
    }
}

/// Takes the sign-up of a token.
async fn find(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    now: Timestamp,
) -> Result<Option<PendingSignUp>, StoreError> {
    for digest in accounts.keys.verification_digests(token) {
        if let Some(pending) = tx.sign_ups().consume(&digest, now).await? {
            return Ok(Some(pending));
        }
    }
    Ok(None)
}

async fn attempt(accounts: &Accounts, visitor: Visitor<'_>, token: &str, proven: Option<&str>) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let consumed = match Token::parse(token) {
        Some(token) => consume(accounts, &mut tx, &token, proven, now).await?,
        None => Consumed::Refused("malformed"),
    };
    let entry = |event, outcome| AuditEntry::of_visitor(visitor, event, outcome, now).with(MetaKey::Purpose, PURPOSE);
    let failed = |reason| entry(AuditEvent::VerifyFailed, Outcome::Failure).because(reason);
    match consumed {
        Consumed::Made(user) => {
            let entry = entry(AuditEvent::Verified, Outcome::Success);
            tx.note(entry.by(user.id).about(&accounts.keys.subject_hash(&user.email.canonical)));
            tx.commit().await?;
            Ok(())
        }
        Consumed::Refused(reason) => {
            tx.note(failed(reason));
            tx.commit().await?;
            Err(FlowError::Refused)
        }
        Consumed::PasswordNeeded => {
            // The token must go on working.
            drop(tx);
            accounts.commit_entry(failed(if proven.is_some() { "bad_password" } else { "password_needed" })).await?;
            Err(FlowError::PasswordNeeded)
        }
    }
}

async fn consume(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    proven: Option<&str>,
    now: Timestamp,
) -> Result<Consumed, StoreError> {
    let Some(pending) = find(accounts, tx, token, now).await? else { return Ok(Consumed::Refused("unknown")) };
    // Whoever proved the address settles it: what others asked for under it is void (ENUM-14).
    let others = tx.sign_ups().remove_all(&pending.email.canonical).await?;
    if tx.users().find_by_email(&pending.email.canonical).await?.is_some() {
        return Ok(Consumed::Refused("taken"));
    }
    if others > 0 && proven != Some(&*pending.password_hash) {
        return Ok(Consumed::PasswordNeeded);
    }
    let user = account(accounts, pending, now);
    tx.users().add(&user).await?;
    Ok(Consumed::Made(Box::new(user)))
}

fn account(accounts: &Accounts, pending: PendingSignUp, now: Timestamp) -> User {
    User {
        id: UserId::random(&*accounts.entropy),
        email: pending.email,
        display_name: pending.display_name,
        avatar_url: None,
        bio: None,
        password_hash: Some(pending.password_hash),
        roles: pending.roles,
        credential_version: 1,
        has_second_factor: false,
        disabled_at: None,
        created_at: now,
    }
}

/// Mails a new token for the sign-up of an address, if there is one. Every address gets the same answer (EMAIL-04), and costs the
/// same writes: where there is nothing to send, a mail is written that never leaves.
pub(crate) async fn resend(accounts: &Accounts, visitor: Visitor<'_>, email: &str) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "verify_email_resend").await?;
    let allowed = accounts.link_allowance(&identifier::limiter(email)).await;
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let reason = match email.parse::<EmailAddress>() {
        Ok(email) => reissue(accounts, &mut tx, &email, allowed, now).await?,
        Err(_) => "malformed",
    };
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::VerifyIssued, Outcome::Success, now);
    let entry = entry.about(&accounts.keys.subject_hash(email)).because(reason);
    tx.note(entry.with(MetaKey::Purpose, PURPOSE));
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

/// Replaces the token of the sign-up: the one mailed before dies (FORGOT-07). Says what came of it, for the audit trail.
///
/// Of several sign-ups nobody can tell which is the owner's, and the link of the wrong one would make an account with a stranger's
/// password (ENUM-14): then the links that were mailed go on, and whoever lost theirs signs up again.
async fn reissue(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    email: &EmailAddress,
    allowed: Delivery,
    now: Timestamp,
) -> Result<&'static str, StoreError> {
    let has_account = tx.users().find_by_email(&email.canonical).await?.is_some();
    let pending = tx.sign_ups().find_only(&email.canonical, now).await?.filter(|_| !has_account);
    let (id, to, delivery, reason) = match (&pending, allowed) {
        (Some(pending), Delivery::Due) => (pending.id, &pending.email, Delivery::Due, "issued"),
        // The link that was mailed before must go on working: nothing is rotated.
        (Some(pending), Delivery::Withheld) => {
            (SignUpId::random(&*accounts.entropy), &pending.email, Delivery::Withheld, "suppressed")
        }
        (None, _) => (SignUpId::random(&*accounts.entropy), email, Delivery::Withheld, "nothing_to_send"),
    };
    let token = Token::random(&*accounts.entropy);
    let expires_at = later(now, accounts.rules.verification_life);
    tx.sign_ups().rotate(id, &accounts.keys.verification_digest(&token), expires_at).await?;
    outbox::flow::queue(accounts, tx, verification_mail(&accounts.rules, to, &token), delivery, now).await?;
    Ok(reason)
}
