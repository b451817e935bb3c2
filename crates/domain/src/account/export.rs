//! Everything that is stored about one person, for that person.

use super::User;
use super::proof::{self, Unproven};
use crate::audit::{AuditEntry, AuditEvent, AuditRow, Outcome};
use crate::device::Device;
use crate::factor::Factor;
use crate::federation::Identity;
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::{ActiveSession, Session};
use crate::store::{AuditFilter, PageLimit, SessionFilter};

/// Most rows of the trail in one export.
const ACTIVITY_ROWS: u32 = 1000;

/// What is stored about an account; never a hash or a digest that proves anything.
pub struct AccountExport {
    /// The account, without its password hash.
    pub user: User,
    /// Its live sessions.
    pub sessions: Vec<Session>,
    /// Browsers that it is known to be used with.
    pub devices: Vec<Device>,
    /// Its second factors; what they are proved with is sealed and of no use to anybody.
    pub factors: Vec<Factor>,
    /// Its links with providers.
    pub identities: Vec<Identity>,
    /// What the trail says that this account did, newest first, at most a thousand rows.
    pub activity: Vec<AuditRow>,
}

pub(crate) async fn export(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<AccountExport, FlowError> {
    let now = accounts.high_water.now();
    let entry = |outcome| {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::AccountExported, outcome, now);
        entry.by(active.user.id).in_session(active.session.id)
    };
    if let Err(unproven) = proof::prove_fresh(accounts, active) {
        accounts.commit_entry(entry(Outcome::Failure).because(unproven.reason())).await?;
        return Err(unproven.error());
    }
    let mut tx = accounts.begin().await?;
    let user = tx.users().lookup(active.user.id).await?.ok_or(FlowError::NotThere)?;
    // What is known of the account in the session may be a second old.
    if user.has_second_factor && !active.session.is_two_factor {
        drop(tx);
        accounts.commit_entry(entry(Outcome::Failure).because(Unproven::Stale.reason())).await?;
        return Err(FlowError::StepUpNeeded);
    }
    let filter = SessionFilter::new().for_user(user.id).active_at(now);
    let sessions = tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?.items;
    let devices = tx.devices().list(user.id).await?;
    let factors = tx.factors().list(user.id).await?;
    let identities = tx.identities().list(user.id).await?;
    let activity = tx.audit().search(&AuditFilter::of_actor(user.id), None, PageLimit::new(ACTIVITY_ROWS)).await?;
    tx.note(entry(Outcome::Success));
    tx.commit().await?;
    Ok(AccountExport { user: User { password_hash: None, ..user }, sessions, devices, factors, identities, activity })
}
