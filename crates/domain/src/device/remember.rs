//! Knowing a browser again.

use std::time::Duration;

use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, Token, UserId};

use super::Device;
use crate::account::User;
use crate::instant::later;
use crate::notice::browser;
use crate::service::{Accounts, Visitor, Work};
use crate::store::{PageLimit, SessionFilter, StoreError};

/// Devices of one account; the oldest is forgotten first.
const DEVICES_MAX: u32 = 20;

/// A sign-in so soon after the account was made is the first one of whoever made it.
const MADE_JUST_NOW: Duration = Duration::from_secs(3600);

/// Whether a sign-in with this browser is news to the owner of the account. To be asked before the sign-in leaves its own traces. An account
/// of which nothing is known any more, after a reset for instance, is not one that was never used.
pub(crate) async fn is_news(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    presented: Option<&Token>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let digests = presented.map(|token| accounts.keys.device_digests(token)).unwrap_or_default();
    let devices = tx.devices().list(user.id).await?;
    if devices.iter().any(|device| device.expires_at > now && digests.contains(&device.digest)) {
        return Ok(false);
    }
    let sessions = tx.sessions().list(SessionFilter::new().for_user(user.id), None, PageLimit::new(1)).await?;
    let was_used = !devices.is_empty() || !sessions.items.is_empty();
    Ok(was_used || later(user.created_at, MADE_JUST_NOW) <= now)
}

/// Extends a known device, or makes this browser one. Returns what its cookie is to hold.
pub(crate) async fn remember(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: UserId,
    visitor: Visitor<'_>,
    known: Option<Token>,
    now: Timestamp,
) -> Result<Token, StoreError> {
    let expires_at = later(now, accounts.rules.device_life);
    if let Some(token) = known
        && tx.devices().renew(user, &accounts.keys.device_digest(&token), expires_at).await?
    {
        return Ok(token);
    }
    let token = Token::random(&*accounts.entropy);
    let device = Device {
        id: DeviceId::random(&*accounts.entropy),
        user_id: user,
        digest: accounts.keys.device_digest(&token),
        browser: browser(visitor.user_agent.unwrap_or_default()).unwrap_or_default(),
        created_at: now,
        expires_at,
    };
    tx.devices().add(&device, DEVICES_MAX).await?;
    Ok(token)
}
