//! Second factors shown: what a sign-in's second step, a step-up and a sign-in with a passkey alone have in common.

use doorward_kit::id::FactorId;
use doorward_kit::{SessionId, Timestamp, Token, UserId};

use super::list::RECOVERY_CODE;
use super::passkey::{Answer, Asked};
use super::{FactorKind, PasskeyAnswer, SecondProof, passkey, recovery_code, secret, totp};
use crate::account::User;
use crate::ceremony::CeremonyKind;
use crate::ceremony::flow::{self, Whose};
use crate::notice::{self, Notice};
use crate::service::{Accounts, FlowError, Work};

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `passkey`, `totp` or `recovery_code`.
    pub(crate) kind: &'static str,
    /// Which factor; recovery codes are none.
    pub(crate) factor: Option<FactorId>,
}

/// A second factor of an account that the caller has locked, shown in a session or, at a sign-in, in none; the inner error is the reason for the trail. What it uses up is used up with
/// the caller's commit, so a caller commits after a refusal too.
pub(crate) async fn second(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    (user, session): (&User, Option<SessionId>),
    now: Timestamp,
    proof: SecondProof<'_>,
) -> Result<Result<Shown, &'static str>, FlowError> {
    match proof {
        SecondProof::Code(text) => match (totp::digits(text), recovery_code::normalised(text)) {
            (Some(code), _) => by_totp(accounts, tx, user.id, &code, now).await,
            (None, Some(code)) => by_recovery_code(accounts, tx, user, &code, now).await,
            (None, None) => Ok(Err("malformed")),
        },
        SecondProof::Passkey(answer) => {
            let (asked, answer) = match taken(accounts, tx, answer, Whose { user: Some(user.id), session }, now).await? {
                Ok(taken) => taken,
                Err(reason) => return Ok(Err(reason)),
            };
            passkey::judge(accounts, tx, (user.id, asked, &answer), now).await
        }
    }
}

/// A passkey that says by itself whose it is. The account comes locked; whether it may sign in is the caller's to judge.
pub(crate) async fn passkey_alone(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    now: Timestamp,
    answer: PasskeyAnswer<'_>,
) -> Result<Result<(User, Shown), &'static str>, FlowError> {
    let (asked, answer) = match taken(accounts, tx, answer, Whose::default(), now).await? {
        Ok(taken) => taken,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(id) = answer.user_handle().and_then(|handle| handle.try_into().ok()).map(UserId::from_bytes) else {
        return Ok(Err("no_account"));
    };
    // The account first, and then what hangs on it: the passkey that the answer names must turn out to be this account's.
    let Some(user) = tx.users().lookup(id).await? else { return Ok(Err("unknown_passkey")) };
    let shown = passkey::judge(accounts, tx, (user.id, asked, &answer), now).await?;
    Ok(shown.map(|shown| (user, shown)))
}

/// The challenge that an answer is to, taken: it must have been made for this account, or for nobody's, and in this session, or in none.
async fn taken(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    answer: PasskeyAnswer<'_>,
    whose: Whose,
    now: Timestamp,
) -> Result<Result<(Asked, Answer), &'static str>, FlowError> {
    let Some(token) = Token::parse(answer.challenge) else { return Ok(Err("no_challenge")) };
    let found = flow::take::<Asked>(accounts, tx, CeremonyKind::PasskeyRequest, &token, now).await?;
    let Some((ceremony, asked)) = found else { return Ok(Err("no_challenge")) };
    if ceremony.user_id != whose.user {
        return Ok(Err("other_account"));
    }
    // What somebody asked for in a borrowed session proves nothing in another one.
    if ceremony.session_id != whose.session {
        return Ok(Err("other_session"));
    }
    Ok(Answer::read(answer.credential).map(|answer| (asked, answer)).ok_or("malformed"))
}

async fn by_totp(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<Result<Shown, &'static str>, FlowError> {
    let factor = tx.factors().list(user).await?.into_iter().find(|factor| factor.kind == FactorKind::Totp);
    let Some(factor) = factor else { return Ok(Err("no_totp")) };
    let Some(secret) = secret::open(accounts, &factor) else { return Ok(Err("unreadable")) };
    // By the clock as it is, not as it was at most: a phone's clock does not wait for ours.
    let Some(step) = totp::step_of(&secret, code, accounts.clock.now()) else { return Ok(Err("bad_code")) };
    let sealed = secret::seal(accounts, factor.id, &secret)?;
    let is_new = step > factor.counter && tx.factors().advance(factor.id, factor.counter, step, &sealed, now).await?;
    Ok(is_new.then_some(Shown { kind: factor.kind.as_str(), factor: Some(factor.id) }).ok_or("used_code"))
}

async fn by_recovery_code(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    code: &str,
    now: Timestamp,
) -> Result<Result<Shown, &'static str>, FlowError> {
    if !user.has_second_factor || !recovery_code::consume(accounts, tx, user.id, code).await? {
        return Ok(Err("bad_recovery_code"));
    }
    let left = tx.factors().count_recovery_codes(user.id).await?;
    notice::tell(accounts, tx, user, Notice::RecoveryCodeUsed(left), now).await?;
    Ok(Ok(Shown { kind: RECOVERY_CODE, factor: None }))
}
