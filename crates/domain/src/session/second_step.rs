//! The second step of a sign-in, and the sign-in that needs no other: a passkey's.
//!
//! Outside, every refusal is that of a wrong password (ENUM-01); the trail tells them apart.

use doorward_kit::{Timestamp, Token};

use super::guess::{self, Guess};
use super::opening::{self, Method, Opening};
use super::pending::{self, Waiting};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::factor::prove;
use crate::factor::{PasskeySignIn, SecondStep};
use crate::service::{Accounts, FlowError, SignedIn, Visitor, Work};

/// Charged by caller, then by the ceremony, then by the account.
pub(crate) async fn finish(accounts: &Accounts, visitor: Visitor<'_>, step: SecondStep<'_>) -> Result<SignedIn, FlowError> {
    accounts.charge_caller(visitor, "auth_second_factor").await?;
    let now = accounts.high_water.now();
    let refused = |reason| AuditEntry::of_visitor(visitor, AuditEvent::FactorFailed, Outcome::Failure, now).because(reason);
    let Some(token) = step.pending.and_then(Token::parse) else { return refuse(accounts, refused("no_sign_in")).await };
    let (id, waiting) = match pending::answer(accounts, &token, now).await? {
        Ok(found) => found,
        Err(reason) => return refuse(accounts, refused(reason)).await,
    };
    let refused = |reason| refused(reason).by(id).about(&waiting.subject_hash);
    let mut tx = accounts.begin().await?;
    let user = match still_asked(tx.users().lookup(id).await?, &waiting) {
        Ok(user) => user,
        Err(reason) => {
            drop(tx);
            return refuse(accounts, refused(reason)).await;
        }
    };
    let SecondStep { proof, presented, device, .. } = step;
    let guess = guess::weigh(accounts, &mut tx, visitor, &user, &proof, now).await?;
    if guess.is_stopped {
        drop(tx);
        return refuse(accounts, guess.stopped(visitor, &user, now)).await;
    }
    let shown = match prove::second(accounts, &mut tx, (&user, None), now, proof).await? {
        Ok(shown) => shown,
        Err(reason) => return fail(tx, &guess, refused(reason), now).await,
    };
    // Last, so that a wrong answer leaves it; of two right ones at once the second has shown nothing.
    if !pending::end(accounts, &mut tx, &token, now).await? {
        drop(tx);
        return refuse(accounts, refused("used")).await;
    }
    guess.clear(&mut tx).await?;
    let opening = Opening {
        visitor,
        method: waiting.method,
        subject_hash: waiting.subject_hash,
        after_failures: waiting.after_failures.saturating_add(guess.before),
        presented,
        device: device.and_then(Token::parse),
        is_remembered: waiting.is_remembered,
    };
    let opened = opening::open(accounts, &mut tx, opening, user, Some(shown.kind), now).await?;
    tx.commit().await?;
    Ok(opened.tell(accounts))
}

/// Nothing that the first step rests on may have changed since.
fn still_asked(user: Option<User>, waiting: &Waiting) -> Result<User, &'static str> {
    let Some(user) = user else { return Err("unknown") };
    match () {
        () if user.disabled_at.is_some() => Err("disabled"),
        () if user.credential_version != waiting.version => Err("changed_meanwhile"),
        () => Ok(user),
    }
}

/// With a passkey alone: whose it is, it says itself.
pub(crate) async fn with_passkey(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    request: PasskeySignIn<'_>,
) -> Result<SignedIn, FlowError> {
    accounts.charge_caller(visitor, "auth_login").await?;
    let now = accounts.high_water.now();
    let refused = |reason| {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignInFailed, Outcome::Failure, now).because(reason);
        entry.with(MetaKey::Method, Method::Passkey.as_str())
    };
    let PasskeySignIn { answer, presented, device, remember } = request;
    let mut tx = accounts.begin().await?;
    // Whatever comes of it, the challenge is used up.
    let (user, shown) = match prove::passkey_alone(accounts, &mut tx, now, answer).await? {
        Ok((user, _)) if user.disabled_at.is_some() => return commit_refusal(tx, refused("disabled").by(user.id)).await,
        Ok(proven) => proven,
        Err(reason) => return commit_refusal(tx, refused(reason)).await,
    };
    let opening = Opening {
        visitor,
        method: Method::Passkey,
        subject_hash: accounts.keys.subject_hash(&user.email.canonical),
        after_failures: 0,
        presented,
        device: device.and_then(Token::parse),
        is_remembered: remember,
    };
    let opened = opening::open(accounts, &mut tx, opening, user, Some(shown.kind), now).await?;
    tx.commit().await?;
    Ok(opened.tell(accounts))
}

/// The failure counts, and what the proof used up is used up.
async fn fail(mut tx: Work<'_>, guess: &Guess, entry: AuditEntry, now: Timestamp) -> Result<SignedIn, FlowError> {
    guess.add(&mut tx, now).await?;
    commit_refusal(tx, entry.with(MetaKey::AfterFailures, guess.before)).await
}

async fn commit_refusal(mut tx: Work<'_>, entry: AuditEntry) -> Result<SignedIn, FlowError> {
    tx.note(entry);
    tx.commit().await?;
    Err(FlowError::Refused)
}

/// In a unit of work of its own.
async fn refuse(accounts: &Accounts, entry: AuditEntry) -> Result<SignedIn, FlowError> {
    accounts.commit_entry(entry).await?;
    Err(FlowError::Refused)
}
