//! Linking a provider's account with that of a session (OAUTH-10, OAUTH-11).

use super::finish::Arrival;
use super::grant;
use crate::notice::{self, Notice};
use crate::service::FlowError;

/// Links of one account.
const LINKS_MAX: usize = 10;

/// The inner error is for the trail; a link that another account holds is a failure like any other (ENUM-09).
pub(super) async fn link(arrival: &Arrival<'_>) -> Result<Result<(), &'static str>, FlowError> {
    let (accounts, account) = (arrival.journey.accounts, arrival.account);
    let Some(active) = arrival.active else { return Ok(Err("other_session")) };
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let Some(user) = tx.users().lookup(active.user.id).await? else { return Ok(Err("other_session")) };
    if user.disabled_at.is_some() {
        return Ok(Err("disabled"));
    }
    // What is known of the session may be a second old.
    if tx.sessions().lookup(active.session.id).await?.is_none() {
        return Ok(Err("other_session"));
    }
    match tx.identities().find(&account.issuer, &account.subject).await? {
        Some(held) if held.user_id != user.id => return Ok(Err("held_by_other")),
        Some(own) => {
            let grant = grant::seal(accounts, own.id, account)?;
            tx.identities().touch(own.id, now, grant.as_deref()).await?;
            tx.commit().await?;
            return Ok(Ok(()));
        }
        None => {}
    }
    if tx.identities().list(user.id).await?.len() >= LINKS_MAX {
        return Ok(Err("too_many"));
    }
    arrival.add_link(&mut tx, &user, now).await?;
    notice::tell(accounts, &mut tx, &user, Notice::ProviderLinked(arrival.journey.provider.label()), now).await?;
    tx.commit().await?;
    Ok(Ok(()))
}
