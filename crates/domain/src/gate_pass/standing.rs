//! From the cookie of a gate's host to the operator session behind it.
//!
//! No cache: operators are few, and a session that was ended must close its gates with the next request.

use std::sync::Arc;

use doorward_kit::Token;

use super::hand_over::hindrance;
use crate::audit::Job;
use crate::instant::later;
use crate::service::Accounts;
use crate::session::ActiveSession;
use crate::session::lookup::{WRITE_BACK_EVERY, active, ended};
use crate::store::StoreError;

pub(crate) async fn recognise(
    accounts: &Accounts,
    gate: &str,
    cookie_value: &str,
) -> Result<Option<Arc<ActiveSession>>, StoreError> {
    let Some(token) = Token::parse(cookie_value) else { return Ok(None) };
    for digest in accounts.keys.pass_digests(&token) {
        let Some((pass, session, user)) = accounts.store.find_gate_pass(&digest).await? else { continue };
        let is_disabled = user.disabled_at.is_some();
        let presented = session.digest;
        let active = active(session, user, presented);
        let stands = pass.gate == gate && !is_disabled && hindrance(accounts, &active).is_none() && lives(accounts, &active);
        return Ok(stands.then(|| Arc::new(active)));
    }
    Ok(None)
}

/// Judged by the clocks of the session; a request at a gate is one of its own, or the idle timeout would end it under the operator's hands.
fn lives(accounts: &Accounts, active: &ActiveSession) -> bool {
    let (session, now) = (&active.session, accounts.high_water.now());
    // Requests since the last write-back are known to the node that saw them alone.
    let seen = later(session.last_seen_at, WRITE_BACK_EVERY).min(now);
    let is_live = ended(accounts, session, &active.user.roles, seen.as_microsecond(), now).is_none();
    if is_live && now >= later(session.last_seen_at, WRITE_BACK_EVERY) {
        accounts.writer.queue(Job::Touch(session.id, now));
    }
    is_live
}
