//! Asking a passkey for a signature: to sign in, as the second step of a sign-in, or as a fresh proof.

use doorward_kit::{Token, UserId};

use super::{Factor, PasskeyOffer, PasskeyPurpose, enrol, passkey};
use crate::account::proof;
use crate::ceremony::CeremonyKind;
use crate::ceremony::flow::{self, Whose};
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::pending;

pub(crate) async fn ask(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    purpose: PasskeyPurpose<'_>,
) -> Result<PasskeyOffer, FlowError> {
    match &purpose {
        PasskeyPurpose::SignIn | PasskeyPurpose::SecondStep(_) => accounts.charge_caller(visitor, "auth_passkey").await?,
        PasskeyPurpose::StepUp(active) => proof::charge(accounts, visitor, "auth_step_up", active).await?,
    }
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let whose = match purpose {
        PasskeyPurpose::SignIn => Whose::default(),
        PasskeyPurpose::SecondStep(cookie) => {
            let waiting = match cookie.and_then(Token::parse) {
                Some(token) => flow::look(accounts, &mut tx, CeremonyKind::SecondFactor, &token, now).await?,
                None => None,
            };
            // One that has had all its answers waits for nothing.
            let waiting = waiting.filter(|ceremony| ceremony.attempts < pending::ANSWERS_MAX);
            let user = waiting.and_then(|ceremony| ceremony.user_id).ok_or(FlowError::Refused)?;
            Whose { user: Some(user), session: None }
        }
        PasskeyPurpose::StepUp(active) => Whose { user: Some(active.user.id), session: Some(active.session.id) },
    };
    let allowed = allowed(&mut tx, whose.user).await?;
    let (asked, options) = passkey::ask(accounts, &allowed)?;
    let token = flow::begin(accounts, &mut tx, CeremonyKind::PasskeyRequest, whose, &asked, now).await?;
    tx.commit().await?;
    Ok(PasskeyOffer { token, options })
}

/// Of an account that is known its own; without one, nothing is said of anybody (ENUM-01).
async fn allowed(tx: &mut Work<'_>, user: Option<UserId>) -> Result<Vec<Factor>, FlowError> {
    let Some(user) = user else { return Ok(Vec::new()) };
    let passkeys = enrol::passkeys(tx, user).await?;
    if passkeys.is_empty() { Err(FlowError::Refused) } else { Ok(passkeys) }
}
