//! A sign-in whose first step was right, and that waits for the second factor of its account.
//!
//! There is no session yet: what the browser gets finds one row, for ten minutes and five answers.

use doorward_kit::{Timestamp, Token, UserId};
use serde::{Deserialize, Serialize};

use super::opening::{Method, Opening};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::ceremony::flow::{self, Whose};
use crate::factor::{PendingSignIn, kinds};
use crate::service::{Accounts, FlowError, Work};

/// What the first step was, for the session that the second one opens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) method: Method,
    pub(crate) is_remembered: bool,
    /// The account's credential version at the first step: a password or an address changed since voids it.
    pub(crate) version: u32,
    pub(crate) subject_hash: String,
    pub(crate) after_failures: u32,
}

/// Asks for the second factor.
pub(crate) async fn begin(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    opening: &Opening<'_>,
    user: &User,
    now: Timestamp,
) -> Result<PendingSignIn, FlowError> {
    let waiting = Waiting {
        method: opening.method,
        is_remembered: opening.is_remembered,
        version: user.credential_version,
        subject_hash: opening.subject_hash.clone(),
        after_failures: opening.after_failures,
    };
    let whose = Whose { user: Some(user.id), session: None };
    let entry = AuditEntry::of_visitor(opening.visitor, AuditEvent::SecondFactorAsked, Outcome::Success, now);
    let entry = entry.by(user.id).about(&opening.subject_hash).with(MetaKey::Method, opening.method.as_str());
    tx.note(entry.with(MetaKey::AfterFailures, opening.after_failures));
    let token = flow::begin(accounts, tx, CeremonyKind::SecondFactor, whose, &waiting, now).await?;
    Ok(PendingSignIn { token, kinds: kinds(tx, user.id).await? })
}

/// How many answers one first step is good for.
pub(crate) const ANSWERS_MAX: u32 = 5;

/// Counts an answer, and says whose sign-in it is for; the inner error is for the trail. In a unit of work of its own, before the account
/// is locked: what is counted stays counted whatever comes of the answer.
pub(super) async fn answer(
    accounts: &Accounts,
    token: &Token,
    now: Timestamp,
) -> Result<Result<(UserId, Waiting), &'static str>, FlowError> {
    let mut tx = accounts.begin().await?;
    // Expired or exhausted, it is found as long as it is there: so the trail can tell one from the other.
    let found = flow::attempt(accounts, &mut tx, CeremonyKind::SecondFactor, token, u32::MAX, Timestamp::UNIX_EPOCH).await?;
    tx.commit().await?;
    let Some((ceremony, waiting)) = found else { return Ok(Err("unknown")) };
    Ok(match ceremony.user_id {
        _ if ceremony.expires_at <= now => Err("expired"),
        _ if ceremony.attempts > ANSWERS_MAX => Err("exhausted"),
        Some(user) => Ok((user, waiting)),
        None => Err("unknown"),
    })
}

/// Ends it; says whether it was there until now.
pub(super) async fn end(accounts: &Accounts, tx: &mut Work<'_>, token: &Token, now: Timestamp) -> Result<bool, FlowError> {
    Ok(flow::take::<Waiting>(accounts, tx, CeremonyKind::SecondFactor, token, now).await?.is_some())
}
