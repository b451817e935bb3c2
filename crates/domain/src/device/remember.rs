//! Knowing a browser again.

use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, Token, UserId};

use super::Device;
use crate::instant::later;
use crate::service::{Accounts, Work};
use crate::store::StoreError;

/// Devices of one account; the oldest is forgotten first.
const DEVICES_MAX: u32 = 20;

/// Extends a known device, or makes this browser one. Returns what its cookie is to hold.
pub(crate) async fn remember(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: UserId,
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
        created_at: now,
        expires_at,
    };
    tx.devices().add(&device, DEVICES_MAX).await?;
    Ok(token)
}
