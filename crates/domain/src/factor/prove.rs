//! Second factors shown: what a sign-in's second step, a step-up and a sign-in with a passkey alone have in common.

use doorward_kit::Timestamp;
use doorward_kit::id::FactorId;

use super::{PasskeyAnswer, SecondProof};
use crate::account::User;
use crate::service::{Accounts, FlowError, Work};

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `passkey`, `totp` or `recovery_code`.
    pub(crate) kind: &'static str,
    /// Which factor; recovery codes are none.
    pub(crate) factor: Option<FactorId>,
}

/// A second factor of an account that the caller has locked; the inner error is the reason for the trail. What it uses up is used up with
/// the caller's commit, so a caller commits after a refusal too.
pub(crate) async fn second(
    _accounts: &Accounts,
    _tx: &mut Work<'_>,
    _user: &User,
    _now: Timestamp,
    _proof: SecondProof<'_>,
) -> Result<Result<Shown, &'static str>, FlowError> {
    Ok(Err("not_built"))
}

/// A passkey that says by itself whose it is. The account comes locked; whether it may sign in is the caller's to judge.
pub(crate) async fn passkey_alone(
    _accounts: &Accounts,
    _tx: &mut Work<'_>,
    _now: Timestamp,
    _answer: PasskeyAnswer<'_>,
) -> Result<Result<(User, Shown), &'static str>, FlowError> {
    Ok(Err("not_built"))
}
