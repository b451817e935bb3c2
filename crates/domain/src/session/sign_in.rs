//! Signing in with a password.
//!
//! The order is the defence: counters first (APP-RL-05), then the failures that came before (D-11), then the account, then a verification
//! that costs the same for every cause, then one transaction. The outside sees one refusal.

use std::sync::Arc;

use doorward_kit::{SessionId, Timestamp, Token};

use super::{Session, lookup};
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::{HashError, Password, PasswordCheck};
use crate::device::hindrance::{self, Attempt, STOP_AT};
use crate::device::remember::remember;
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

/// What the parts of one sign-in share.
struct Trial<'a> {
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    /// The identifier as counters see it.
    limiter: String,
    /// The identifier as the trail sees it.
    subject_hash: String,
    /// The identifier as accounts are found by it; empty when it is no address.
    canonical: String,
    attempt: Attempt,
}

pub(crate) async fn sign_in(accounts: &Accounts, visitor: Visitor<'_>, request: SignIn<'_>) -> Result<SignedIn, FlowError> {
    let SignIn { identifier: identifier_text, password, presented, device, remember } = request;
    let limiter = identifier::limiter(identifier_text);
    charge(accounts, visitor, &limiter).await?;
    let email: Option<EmailAddress> = identifier_text.parse().ok();
    let attempt = hindrance::weigh(accounts, visitor, identifier_text, email.as_ref(), device).await?;
    let subject_hash = accounts.keys.subject_hash(identifier_text);
    let canonical = email.map(|email| email.canonical).unwrap_or_default();
    let trial = Trial { accounts, visitor, limiter, subject_hash, canonical, attempt };
    match trial.prove(password.normalised()).await? {
        Ok(proven) => trial.open(proven, presented, remember).await,
        Err(reason) => Err(trial.refuse(reason).await),
    }
}

/// By caller, and by caller and identifier: known or not, right or wrong (APP-RL-07).
async fn charge(accounts: &Accounts, visitor: Visitor<'_>, limiter: &str) -> Result<(), FlowError> {
    let prefix = visitor.prefix();
    accounts.charge_caller(visitor, "auth_login").await?;
    accounts.charge_subject(visitor, "auth_login_account", Subject::AddressAtPrefix(limiter, &prefix)).await
}

impl Trial<'_> {
    /// One look-up and one hash for every identifier, malformed ones included (ENUM-07). The inner error is for the audit trail.
    async fn prove(&self, password: Password) -> Result<Result<Proven, &'static str>, FlowError> {
        let accounts = self.accounts;
        let user = accounts.store.find_user_by_email(&self.canonical).await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        // A stopped attempt is compared with nothing at all, which takes as long (ENUM-01, ENUM-07).
        let compared = stored.clone().filter(|_| !self.attempt.is_stopped);
        let check = match accounts.hasher.verify(password.clone(), compared).await {
            Ok(check) => check,
            Err(HashError::Unusable) => {
                tracing::error!(user_id = ?user.as_ref().map(|user| user.id), "stored password hash cannot be used");
                PasswordCheck::Mismatch
            }
            Err(HashError::Busy) => return Err(FlowError::Busy),
        };
        if self.attempt.is_stopped {
            return Ok(Err("locked"));
        }
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

    /// One more failure of the identifier, whoever it is, and one entry.
    async fn refuse(&self, reason: &'static str) -> FlowError {
        match self.try_refuse(reason).await {
            Ok(()) => FlowError::Refused,
            Err(error) => error,
        }
    }

    async fn try_refuse(&self, reason: &'static str) -> Result<(), FlowError> {
        let now = self.accounts.high_water.now();
        let mut tx = self.accounts.begin().await?;
        let count = self.attempt.add(&mut tx, now).await?;
        // Asked whatever the reason is, since every refusal costs the same (ENUM-07).
        let is_pending = tx.sign_ups().find_only(&self.canonical, now).await?.is_some();
        let entry = |event, outcome, reason| {
            let entry = AuditEntry::of_visitor(self.visitor, event, outcome, now).about(&self.subject_hash).because(reason);
            entry.with(MetaKey::AfterFailures, count.saturating_sub(1))
        };
        tx.note(match reason {
            "locked" => entry(AuditEvent::Locked, Outcome::Denied, reason).with(MetaKey::Scope, hindrance::SCOPE),
            "unknown" if is_pending => entry(AuditEvent::SignInFailed, Outcome::Failure, "unverified"),
            _ => entry(AuditEvent::SignInFailed, Outcome::Failure, reason),
        });
        Ok(tx.commit().await?)
    }

    /// Everything a sign-in changes, in one transaction.
    async fn open(&self, proven: Proven, presented: Option<&str>, remember_me: bool) -> Result<SignedIn, FlowError> {
        let Self { accounts, visitor, attempt, .. } = self;
        let now = accounts.high_water.now();
        let mut tx = accounts.begin().await?;
        let Some(user) = still_valid(&mut tx, &proven).await? else {
            drop(tx);
            return Err(self.refuse("changed_meanwhile").await);
        };
        let failures = attempt.clear(&mut tx).await?;
        // Guesses that ran beside this one count as if they had come before it: no burst gets more of them than the limit allows.
        if failures >= STOP_AT && attempt.device.is_none() {
            drop(tx);
            return Err(self.refuse("locked").await);
        }
        let token = Token::random(&*accounts.entropy);
        let session = new_session(accounts, *visitor, &user, &token, remember_me, now);
        let mut ended = Vec::new();
        ended.extend(end_presented(accounts, &mut tx, *visitor, presented, now).await?);
        ended.extend(make_room(accounts, &mut tx, *visitor, &user, now).await?);
        tx.sessions().add(&session).await?;
        let device = remember(accounts, &mut tx, user.id, attempt.device.clone(), now).await?;
        self.write_entries(&mut tx, &proven, &session, failures);
        tx.commit().await?;
        accounts.sessions.evict(ended.iter().flat_map(Session::digests));
        hindrance::forgive(accounts, *visitor, &self.limiter, attempt.device.as_ref()).await;
        let presented = session.digest;
        Ok(SignedIn { token, device: Some(device), active: Arc::new(lookup::active(session, user, presented)) })
    }

    fn write_entries(&self, tx: &mut Work<'_>, proven: &Proven, session: &Session, failures: u32) {
        let entry = |event| {
            let entry = AuditEntry::of_visitor(self.visitor, event, Outcome::Success, session.created_at);
            entry.by(session.user_id).about(&self.subject_hash).in_session(session.id)
        };
        tx.note(entry(AuditEvent::SignIn).with(MetaKey::Method, "password").with(MetaKey::AfterFailures, failures));
        tx.note(entry(AuditEvent::SessionCreated));
        if proven.rehashed.is_some() {
            tx.note(entry(AuditEvent::PasswordRehashed));
        }
    }
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

fn new_session(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    user: &User,
    token: &Token,
    is_remembered: bool,
    now: Timestamp,
) -> Session {
    let rules = &accounts.rules;
    let absolute = if is_remembered { rules.remembered_absolute } else { rules.session_absolute };
    Session {
        id: SessionId::random(&*accounts.entropy),
        user_id: user.id,
        digest: accounts.keys.session_digest(token),
        previous: None,
        rotated_at: now,
        authenticated_at: now,
        is_two_factor: false,
        is_remembered,
        created_at: now,
        last_seen_at: now,
        expires_at: later(now, absolute),
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
) -> Result<Option<Session>, FlowError> {
    let Some(token) = presented.and_then(Token::parse) else { return Ok(None) };
    for digest in accounts.keys.session_digests(&token) {
        if let Some(session) = tx.sessions().find_by_digest(&digest).await? {
            revoke(tx, visitor, &session, "replaced", now).await?;
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Ends the oldest sessions until one more fits (SES-14).
async fn make_room(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    user: &User,
    now: Timestamp,
) -> Result<Vec<Session>, FlowError> {
    let limit = usize::try_from(accounts.rules.session_limit.max(1)).unwrap_or(usize::MAX);
    let filter = SessionFilter::new().for_user(user.id);
    // A limit is at most a thousand, and so is a page: one page holds all there can be.
    let page = tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?;
    let surplus = (page.items.len() + 1).saturating_sub(limit);
    let mut ended = page.items;
    ended.truncate(surplus);
    for session in &ended {
        revoke(tx, visitor, session, "session_limit", now).await?;
    }
    Ok(ended)
}

async fn revoke(
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
        .because(reason)
        .with(MetaKey::By, "house");
    tx.note(entry);
    Ok(())
}
