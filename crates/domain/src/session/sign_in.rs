//! Signing in with a password.
//!
//! The order is the defence: counters first (APP-RL-05), then the failures that came before (D-11), then the account, then a verification
//! that costs the same for every cause, then one transaction. The outside sees one refusal.

use super::opening::{self, Method, Opening};
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::{HashError, Password, PasswordCheck};
use crate::device::hindrance::{self, Attempt, STOP_AT};
use crate::factor::SignInOutcome;
use crate::service::{Accounts, FlowError, SignIn, Visitor, Work};
use crate::throttle::Subject;

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

pub(crate) async fn sign_in(accounts: &Accounts, visitor: Visitor<'_>, request: SignIn<'_>) -> Result<SignInOutcome, FlowError> {
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

    /// Everything that the right password leads to, in one transaction.
    async fn open(&self, proven: Proven, presented: Option<&str>, is_remembered: bool) -> Result<SignInOutcome, FlowError> {
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
        let opening = Opening {
            visitor: *visitor,
            method: Method::Password,
            subject_hash: self.subject_hash.clone(),
            after_failures: failures,
            presented,
            device: attempt.device.clone(),
            is_remembered,
        };
        let first = opening::after_first(accounts, &mut tx, opening, user, now).await?;
        if proven.rehashed.is_some() {
            let entry = AuditEntry::of_visitor(*visitor, AuditEvent::PasswordRehashed, Outcome::Success, now);
            tx.note(entry.by(proven.user.id).about(&self.subject_hash));
        }
        tx.commit().await?;
        hindrance::forgive(accounts, *visitor, &self.limiter, attempt.device.as_ref()).await;
        Ok(first.tell(accounts))
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
