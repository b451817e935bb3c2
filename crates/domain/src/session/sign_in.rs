//! Signing in with a password.
//!
//! The order is the defence: counters first (APP-RL-05), then the look-up, then a verification that costs the same for every cause,
//! then one transaction. The outside sees one refusal.

use std::sync::Arc;

use doorward_kit::{SessionId, Timestamp, Token, TokenDigest};

use super::Session;
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::credential::{HashError, Password, PasswordCheck};
use crate::instant::later;
use crate::service::{Accounts, FlowError, SignIn, SignedIn, Visitor, Work};
use crate::store::{PageLimit, SessionFilter};
use crate::throttle::Subject;

/// Longest `User-Agent` kept with a session, in octets.
const USER_AGENT_MAX: usize = 512;

/// Who was found to be who they say.
struct Proven {
    user: User,
    /// The stored hash that the password matched, and a stronger one to put in its place.
    matched: String,
    rehashed: Option<String>,
}

pub(crate) async fn sign_in(accounts: &Accounts, visitor: Visitor<'_>, request: SignIn<'_>) -> Result<SignedIn, FlowError> {
    let SignIn { identifier: identifier_text, password, presented, .. } = request;
    charge(accounts, visitor, identifier_text).await?;
    let subject = accounts.keys.subject_hash(identifier_text);
    match prove(accounts, identifier_text, password.normalised()).await? {
        Ok(proven) => open(accounts, visitor, proven, &subject, presented).await,
        Err(reason) => Err(refuse(accounts, visitor, &subject, reason).await),
    }
}

/// By caller, and by caller and identifier: known or not, right or wrong (APP-RL-07).
async fn charge(accounts: &Accounts, visitor: Visitor<'_>, identifier_text: &str) -> Result<(), FlowError> {
    let prefix = visitor.prefix();
    accounts.charge_subject(visitor, "auth_login", Subject::Prefix(&prefix)).await?;
    let limiter = identifier::limiter(identifier_text);
    accounts.charge_subject(visitor, "auth_login_account", Subject::AddressAtPrefix(&limiter, &prefix)).await
}

/// One look-up and one hash for every identifier, malformed ones included (ENUM-07). The inner error is for the audit trail.
async fn prove(
    accounts: &Accounts,
    identifier_text: &str,
    password: Password,
) -> Result<Result<Proven, &'static str>, FlowError> {
    let email: Option<EmailAddress> = identifier_text.parse().ok();
    let canonical = email.as_ref().map_or("", |email| &email.canonical);
    let user = accounts.store.find_user_by_email(canonical).await?;
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let check = match accounts.hasher.verify(password.clone(), stored.clone()).await {
        Ok(check) => check,
        Err(HashError::Unusable) => {
            tracing::error!(user_id = ?user.as_ref().map(|user| user.id), "stored password hash cannot be used");
            PasswordCheck::Mismatch
        }
        Err(HashError::Busy) => return Err(FlowError::Busy),
    };
    let Some(user) = user else { return Ok(Err("unknown")) };
    let Some(matched) = stored else { return Ok(Err("no_password")) };
    let rehashed = match check {
        PasswordCheck::Mismatch => return Ok(Err("bad_password")),
        // Only after the hash, so that a disabled account answers as late as any other.
        PasswordCheck::Match | PasswordCheck::MatchRehash if user.disabled_at.is_some() => return Ok(Err("disabled")),
        PasswordCheck::Match => None,
        // A full queue postpones the upgrade to the next sign-in.
        PasswordCheck::MatchRehash => accounts.hasher.hash(password).await.ok(),
    };
    Ok(Ok(Proven { user, matched, rehashed }))
}

async fn refuse(accounts: &Accounts, visitor: Visitor<'_>, subject: &str, reason: &'static str) -> FlowError {
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignInFailed, Outcome::Failure, accounts.clock.now());
    match accounts.commit_entry(entry.about(subject).because(reason)).await {
        Ok(()) => FlowError::Refused,
        Err(error) => error.into(),
    }
}

/// Everything a sign-in changes, in one transaction.
async fn open(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    proven: Proven,
    subject: &str,
    presented: Option<&str>,
) -> Result<SignedIn, FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let Some(user) = still_valid(&mut tx, &proven).await? else {
        drop(tx);
        return Err(refuse(accounts, visitor, subject, "changed_meanwhile").await);
    };
    let token = Token::random(&*accounts.entropy);
    let session = new_session(accounts, visitor, &user, &token, now);
    let mut ended = Vec::new();
    ended.extend(end_presented(accounts, &mut tx, visitor, presented, now).await?);
    ended.extend(make_room(accounts, &mut tx, visitor, &user, now).await?);
    tx.sessions().add(&session).await?;
    write_entries(accounts, &mut tx, visitor, &proven, &session, subject).await?;
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    Ok(SignedIn { token, device: None, active: Arc::new(super::lookup::active(session, user)) })
}

/// The account as it is now: a password changed or an account disabled while we hashed must win. Upgrades the hash on the way.
async fn still_valid(tx: &mut Work<'_>, proven: &Proven) -> Result<Option<User>, FlowError> {
    let user = tx.users().lookup(proven.user.id).await?;
    let is_same = |user: &User| user.disabled_at.is_none() && user.password_hash.as_deref() == Some(&proven.matched);
    let Some(user) = user.filter(is_same) else { return Ok(None) };
    if let Some(rehashed) = &proven.rehashed {
        tx.users().replace_password_hash(user.id, &proven.matched, rehashed).await?;
    }
    Ok(Some(user))
}

fn new_session(accounts: &Accounts, visitor: Visitor<'_>, user: &User, token: &Token, now: Timestamp) -> Session {
    Session {
        id: SessionId::random(&*accounts.entropy),
        user_id: user.id,
        digest: accounts.keys.session_digest(token),
        previous: None,
        rotated_at: now,
        authenticated_at: now,
        is_remembered: false,
        created_at: now,
        last_seen_at: now,
        expires_at: later(now, accounts.rules.session_absolute),
        user_agent: crate::audit::escaped(visitor.user_agent.unwrap_or_default(), USER_AGENT_MAX),
        client: visitor.context.client,
    }
}

/// Ends the session whose cookie came along, whoever's it is: what somebody planted dies here (SES-07).
async fn end_presented(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    presented: Option<&str>,
    now: Timestamp,
) -> Result<Option<TokenDigest>, FlowError> {
    let Some(token) = presented.and_then(Token::parse) else { return Ok(None) };
    let Some(session) = tx.sessions().find_by_digest(&accounts.keys.session_digest(&token)).await? else { return Ok(None) };
    revoke(accounts, tx, visitor, &session, "replaced", now).await?;
    Ok(Some(session.digest))
}

/// Ends the oldest sessions until one more fits (SES-14).
async fn make_room(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    user: &User,
    now: Timestamp,
) -> Result<Vec<TokenDigest>, FlowError> {
    let mut ended = Vec::new();
    let limit = usize::try_from(accounts.rules.session_limit.max(1)).unwrap_or(usize::MAX);
    let filter = SessionFilter::new().for_user(user.id);
    // A limit is at most a thousand, and so is a page: one page holds all there can be.
    let page = tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?;
    let surplus = (page.items.len() + 1).saturating_sub(limit);
    for session in page.items.iter().take(surplus) {
        revoke(accounts, tx, visitor, session, "session_limit", now).await?;
        ended.push(session.digest);
    }
    Ok(ended)
}

async fn revoke(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    session: &Session,
    reason: &'static str,
    now: Timestamp,
) -> Result<(), FlowError> {
    tx.sessions().revoke(session.id).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SessionRevoked, Outcome::Success, now)
        .by(session.user_id)
        .in_session(session.id)
        .because(reason);
    tx.note(entry);
    Ok(())
}

async fn write_entries(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    proven: &Proven,
    session: &Session,
    subject: &str,
) -> Result<(), FlowError> {
    let mut events = vec![AuditEvent::SignIn, AuditEvent::SessionCreated];
    if proven.rehashed.is_some() {
        events.push(AuditEvent::PasswordRehashed);
    }
    for event in events {
        let entry = AuditEntry::of_visitor(visitor, event, Outcome::Success, session.created_at);
        let entry = entry.by(session.user_id).about(subject).in_session(session.id);
        tx.note(entry);
    }
    Ok(())
}
