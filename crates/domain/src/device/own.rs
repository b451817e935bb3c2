//! What the owner of an account may do with the browsers that it is known to be used with.

use doorward_kit::id::DeviceId;

use super::Device;
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn list(accounts: &Accounts, active: &ActiveSession) -> Result<Vec<Device>, StoreError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let devices = tx.devices().list(active.user.id).await?;
    Ok(devices.into_iter().filter(|device| device.expires_at > now).collect())
}

/// One entry, whether the browser is the caller's, another's, or nobody's.
pub(crate) async fn forget(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    id: DeviceId,
) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let is_forgotten = tx.devices().remove(active.user.id, id).await?;
    let entry = |outcome| {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::DeviceForgotten, outcome, now);
        entry.by(active.user.id).in_session(active.session.id)
    };
    tx.note(if is_forgotten { entry(Outcome::Success) } else { entry(Outcome::Denied).because("unknown") });
    tx.commit().await?;
    if is_forgotten { Ok(()) } else { Err(FlowError::NotThere) }
}
