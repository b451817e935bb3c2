//! A session's new credential after a fresh full proof, or after a change of what it may do (ASVS 7.2.4).
//!
//! The old credential stays good for what is under way (see `super::rotate`), but it is never fresh: whoever borrowed it gains nothing by
//! the proof that its owner gave.

use std::sync::Arc;

use doorward_kit::{Timestamp, Token};

use super::lookup::{self, CLOCK_SKEW};
use super::{ActiveSession, Session, rotate};
use crate::account::User;
use crate::instant::{earlier, later};
use crate::service::{Accounts, SignedIn, Visitor, Work};
use crate::store::StoreError;

/// A credential that is good once the unit of work is.
pub(crate) struct Renewed {
    token: Token,
    session: Session,
    user: User,
    former: Session,
    epoch: u64,
}

/// Replaces the credential, notes the proof, and says in the trail why. `user` is the account as it will be after the commit. `None` when
/// the credential that was presented is not the present one any more, or the session has ended.
pub(crate) async fn renew(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    (active, user): (&ActiveSession, User),
    (is_two_factor, reason): (bool, &'static str),
    now: Timestamp,
) -> Result<Option<Renewed>, StoreError> {
    let epoch = accounts.sessions.epoch();
    let Some((token, session)) = rotate::replace(accounts, tx, active, now).await? else { return Ok(None) };
    if !tx.sessions().authenticate(session.id, now, is_two_factor).await? {
        return Ok(None);
    }
    let session = Session { authenticated_at: now, is_two_factor: session.is_two_factor || is_two_factor, ..session };
    tx.note(rotate::entry(visitor, &session, reason, now));
    Ok(Some(Renewed { token, session, user, former: active.session.clone(), epoch }))
}

impl Renewed {
    /// To be called after the commit: what is remembered of the session, and what is to be answered.
    pub(crate) fn tell(self, accounts: &Accounts) -> SignedIn {
        let Self { token, session, user, former, epoch } = self;
        let presented = session.digest;
        let active = Arc::new(lookup::active(session, user, presented));
        // In before the old one is out, so that what was seen of the session is handed on.
        accounts.sessions.insert(Arc::clone(&active), epoch);
        accounts.sessions.evict(former.digests());
        SignedIn { token, device: None, active }
    }
}

/// Whether whoever holds this very credential has shown a second factor. A credential that a proof has just replaced may be borrowed: it
/// answers what is under way, and gains nothing by the proof.
pub(crate) fn is_two_factor(active: &ActiveSession) -> bool {
    let session = &active.session;
    let is_from_before = active.presented != session.digest && session.authenticated_at >= session.rotated_at;
    session.is_two_factor && !is_from_before
}

/// Whether the last full proof is fresh enough for a sensitive act (D-13): not too old, not from a clock that was ahead, and by all that the
/// account asks for by now: a session from before its first factor has shown none.
pub(crate) fn is_fresh(accounts: &Accounts, active: &ActiveSession) -> bool {
    let now = accounts.high_water.now();
    let proven = active.session.authenticated_at;
    let is_own = active.presented == active.session.digest;
    let is_full = active.session.is_two_factor || !active.user.has_second_factor;
    is_own && is_full && proven > earlier(now, accounts.rules.step_up_age) && proven <= later(now, CLOCK_SKEW)
}
