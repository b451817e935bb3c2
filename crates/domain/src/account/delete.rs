//! Deleting an account by its owner: at once and for good. The audit trail keeps what was done; it never held an address in clear.

use super::{mail, proof};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::Password;
use crate::outbox;
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::Delivery;

pub(crate) async fn delete(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    current: Password,
) -> Result<(), FlowError> {
    proof::charge(accounts, visitor, "auth_delete", active).await?;
    let now = accounts.high_water.now();
    let entry = |outcome| {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::AccountDeleted, outcome, now);
        entry.by(active.user.id).in_session(active.session.id)
    };
    let proof = match proof::prove(accounts, active, current).await? {
        Ok(proof) => proof,
        Err(unproven) => {
            accounts.commit_entry(entry(Outcome::Failure).because(unproven.reason())).await?;
            return Err(unproven.error());
        }
    };
    let mut tx = accounts.begin().await?;
    let Some(user) = proof.confirm(&mut tx).await? else {
        drop(tx);
        accounts.commit_entry(entry(Outcome::Failure).because("changed_meanwhile")).await?;
        return Err(FlowError::Changed);
    };
    let ended = tx.sessions().revoke_all(user.id, None).await?;
    tx.users().remove(user.id).await?;
    outbox::flow::queue(accounts, &mut tx, mail::deleted_mail(&accounts.rules, &user.email), Delivery::Due, now).await?;
    let subject = accounts.keys.subject_hash(&user.email.canonical);
    tx.note(entry(Outcome::Success).about(&subject).with(MetaKey::Sessions, ended.len()));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    accounts.mail_queued.notify_one();
    Ok(())
}
