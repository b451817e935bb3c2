//! Who it is, asked for once more before something that a borrowed session must not be able to do (ASVS 7.5.1, 7.5.3).
//!
//! | account | asked for |
//! |---|---|
//! | with a second factor | a fresh proof of it in this session, and the password where there is one |
//! | with a password alone | the password |
//! | with neither | a fresh proof: what it signs in with |

use super::User;
use crate::credential::{HashError, Password, PasswordCheck};
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::{ActiveSession, renew};
use crate::throttle::Subject;

/// The account as it was when the password matched.
pub(crate) struct Proof {
    user: User,
}

/// Charges the scope to the account and to the caller, whether the password is right or not (PWD-06): a stolen session must not be a way
/// to guess.
pub(crate) async fn charge(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    scope: &'static str,
    active: &ActiveSession,
) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, scope).await?;
    accounts.charge_subject(visitor, scope, Subject::Address(&active.user.id.to_string())).await
}

/// Why an act was refused for want of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// What was shown is not right.
    Wrong(&'static str),
    /// The last full proof lies too far back.
    Stale,
}

impl Unproven {
    /// For the trail.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Wrong(reason) => reason,
            Self::Stale => "step_up_needed",
        }
    }

    /// For outside.
    pub(crate) const fn error(self) -> FlowError {
        match self {
            Self::Wrong(_) => FlowError::Refused,
            Self::Stale => FlowError::StepUpNeeded,
        }
    }
}

/// Everything that is asked for. Where there is no password, `current` is not looked at.
pub(crate) async fn prove(
    accounts: &Accounts,
    active: &ActiveSession,
    current: Password,
) -> Result<Result<Proof, Unproven>, FlowError> {
    let user = whose(accounts, active).await?;
    let is_fresh = renew::is_fresh(accounts, active);
    match user {
        // What is known of the account in the session may be a second old.
        Some(user) if user.has_second_factor && !(is_fresh && active.session.is_two_factor) => Ok(Err(Unproven::Stale)),
        Some(user) if user.password_hash.is_none() => Ok(if is_fresh { Ok(Proof { user }) } else { Err(Unproven::Stale) }),
        user => Ok(check(accounts, user, current).await?.map_err(Unproven::Wrong)),
    }
}

/// The fresh proof alone, for an act that comes without a password.
pub(crate) fn prove_fresh(accounts: &Accounts, active: &ActiveSession) -> Result<(), Unproven> {
    if renew::is_fresh(accounts, active) { Ok(()) } else { Err(Unproven::Stale) }
}

/// The password alone; the inner error is the reason for the audit trail. An account without a password costs a hash as well.
pub(crate) async fn compare(
    accounts: &Accounts,
    active: &ActiveSession,
    current: Password,
) -> Result<Result<Proof, &'static str>, FlowError> {
    check(accounts, whose(accounts, active).await?, current).await
}

async fn check(accounts: &Accounts, user: Option<User>, current: Password) -> Result<Result<Proof, &'static str>, FlowError> {
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let check = match accounts.hasher.verify(current.normalised(), stored).await {
        Ok(check) => check,
        Err(HashError::Unusable) => PasswordCheck::Mismatch,
        Err(HashError::Busy) => return Err(FlowError::Busy),
    };
    let Some(user) = user else { return Ok(Err("changed_meanwhile")) };
    Ok(match check {
        PasswordCheck::Match | PasswordCheck::MatchRehash => Ok(Proof { user }),
        PasswordCheck::Mismatch if user.password_hash.is_none() => Err("no_password"),
        PasswordCheck::Mismatch => Err("bad_password"),
    })
}

/// The account as it is now. What a session is known by may be a second old, and its account have moved to another address meanwhile:
/// then it is looked for by its id.
async fn whose(accounts: &Accounts, active: &ActiveSession) -> Result<Option<User>, FlowError> {
    let found = accounts.store.find_user_by_email(&active.user.email.canonical).await?.filter(|user| user.id == active.user.id);
    if found.is_some() {
        return Ok(found);
    }
    let mut tx = accounts.begin().await?;
    Ok(tx.users().lookup(active.user.id).await?)
}

impl Proof {
    /// The account, locked, provided that nothing that the proof rests on has changed since.
    pub(crate) async fn confirm(&self, tx: &mut Work<'_>) -> Result<Option<User>, FlowError> {
        let user = tx.users().lookup(self.user.id).await?;
        let is_same = |user: &User| {
            user.disabled_at.is_none()
                && user.password_hash == self.user.password_hash
                && user.credential_version == self.user.credential_version
                && user.has_second_factor == self.user.has_second_factor
        };
        Ok(user.filter(is_same))
    }
}
