//! Whether sessions that hold something open still live.
//!
//! A request finds out when it comes; what stays open (a WebSocket, a stream of events) sends no further request, so somebody has to look
//! for it. One read answers for many sessions, whatever node they were ended on.

use std::collections::HashMap;

use doorward_kit::{SessionId, Timestamp};

use super::Session;
use super::lookup::{CLOCK_SKEW, WRITE_BACK_EVERY, ended};
use crate::account::User;
use crate::instant::later;
use crate::service::Accounts;
use crate::store::StoreError;

/// The live ones of `ids` and the roles of their accounts, as the store knows them now: nothing here comes from a cache.
///
/// To be open is no request: an idle timeout runs on.
pub(crate) async fn standing(accounts: &Accounts, ids: &[SessionId]) -> Result<HashMap<SessionId, Vec<String>>, StoreError> {
    let found = accounts.store.find_sessions(ids).await?;
    let now = accounts.high_water.now();
    // Whoever became an operator meanwhile has to come in by the door again, where a second factor is asked for (D-14).
    let is_proven = |session: &Session, user: &User| session.is_two_factor || !accounts.rules.is_operator(&user.roles);
    let live = found.into_iter().filter(|(session, user)| {
        user.disabled_at.is_none() && is_proven(session, user) && lives(accounts, session, &user.roles, now)
    });
    Ok(live.map(|(session, user)| (session.id, user.roles)).collect())
}

/// The last request may have been on another node, which has not written it back yet.
fn lives(accounts: &Accounts, session: &Session, roles: &[String], now: Timestamp) -> bool {
    let seen = later(session.last_seen_at, WRITE_BACK_EVERY).min(later(now, CLOCK_SKEW));
    ended(accounts, session, roles, seen.as_microsecond(), now).is_none()
}
