//! Telling the owner of an account what was done to it, with a way to end it all.
//!
//! A notice is a mail in the transaction of the deed. It goes to the address of the account, it is never held back for want of room in the
//! queue, and whoever caused it can neither stop it nor write into it: texts are fixed (EMAIL-08). Each carries a link that ends every
//! session of the account and brings a link for a new password. A reset by mail has ended the sessions already, and its notice
//! holds no token (RESET-07): it is told in `recovery`.

mod browser;
pub(crate) mod end;
mod letter;

use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, Token};

use crate::account::User;
use crate::factor::FactorKind;
use crate::instant::later;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::outbox;
use crate::service::{Accounts, Visitor, Work};
use crate::store::{Delivery, StoreError};

pub use browser::browser;

/// What was done.
#[derive(Clone, Copy)]
pub(crate) enum Notice<'a> {
    /// Somebody signed in with a browser that is not known.
    NewDevice(Visitor<'a>),
    /// A second factor was enrolled.
    FactorAdded(FactorKind),
    /// A second factor was removed.
    FactorRemoved(FactorKind),
    /// A recovery code stood in for a second factor; so many are left.
    RecoveryCodeUsed(u32),
    /// New recovery codes took the place of the former ones.
    RecoveryCodesMade,
    /// A provider was linked; what the configuration calls it.
    ProviderLinked(&'a str),
    /// A provider was unlinked; what the configuration calls it.
    ProviderUnlinked(&'a str),
    /// The password was changed by somebody who knew the old one.
    PasswordChanged,
}

/// Queues the notice within the caller's unit of work; the mail sender is woken by the commit. The account is locked there before, and
/// its address is the one that is told.
pub(crate) async fn tell(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    notice: Notice<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let token = Token::random(&*accounts.entropy);
    let purpose = Purpose::EndSessions { user: user.id, canonical: user.email.canonical.clone() };
    let digest = accounts.keys.one_time_digest(PurposeKind::EndSessions, &token);
    let id = OneTimeId::random(&*accounts.entropy);
    let expires_at = later(now, end::LINK_LIFE);
    tx.one_times().add(&OneTime { id, digest, purpose, created_at: now, expires_at }).await?;
    let letter = letter::of(&accounts.rules, &user.email, notice, &token, now);
    outbox::flow::queue(accounts, tx, letter, Delivery::Due, now).await?;
    tx.has_mail();
    Ok(())
}
