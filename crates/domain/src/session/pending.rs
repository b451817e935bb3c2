//! A sign-in whose first step was right, and that waits for the second factor of its account.
//!
//! There is no session yet: what the browser gets finds one row, for ten minutes and five answers.

use doorward_kit::Timestamp;
use serde::{Deserialize, Serialize};

use super::opening::{Method, Opening};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::ceremony::flow::{self, Whose};
use crate::factor::{FactorKind, PendingSignIn};
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
    Ok(PendingSignIn { token, kinds: kinds(tx, user).await? })
}

/// What the account may show.
async fn kinds(tx: &mut Work<'_>, user: &User) -> Result<Vec<&'static str>, FlowError> {
    let factors = tx.factors().list(user.id).await?;
    let mut kinds = Vec::with_capacity(3);
    for kind in [FactorKind::Passkey, FactorKind::Totp] {
        if factors.iter().any(|factor| factor.kind == kind) {
            kinds.push(kind.as_str());
        }
    }
    if tx.factors().count_recovery_codes(user.id).await? > 0 {
        kinds.push("recovery_code");
    }
    Ok(kinds)
}
