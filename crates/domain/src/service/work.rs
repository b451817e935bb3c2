//! One unit of work of a flow: what it changes, and what the audit trail will say of it, committed together (AUD-05).

use std::ops::{Deref, DerefMut};

use crate::audit::{AuditEntry, AuditRecord, append};
use crate::service::Accounts;
use crate::store::{StoreError, Tx};

/// A store transaction with the entries that belong to it. Dropped without [`commit`](Self::commit) it leaves no trace of either.
pub(crate) struct Work<'a> {
    accounts: &'a Accounts,
    tx: Box<dyn Tx>,
    entries: Vec<AuditRecord>,
    has_mail: bool,
}

impl Accounts {
    /// Opens a unit of work.
    pub(crate) async fn begin(&self) -> Result<Work<'_>, StoreError> {
        Ok(Work { accounts: self, tx: self.store.begin().await?, entries: Vec::new(), has_mail: false })
    }
}

impl Work<'_> {
    /// Says what happened; it is true once the unit of work is.
    pub(crate) fn note(&mut self, entry: AuditEntry) {
        self.entries.push(AuditRecord::new(entry, &self.accounts.rules.node));
    }

    /// Says that a mail was queued: the sender is woken once it is true.
    pub(crate) fn has_mail(&mut self) {
        self.has_mail = true;
    }

    /// Makes it all true, the entries last: whatever locks the trail needs are held for the shortest time.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let accounts = self.accounts;
        let moved = append(&mut *self.tx, (&accounts.chain, &accounts.reached), &accounts.rules.node, self.entries).await?;
        self.tx.commit().await?;
        accounts.reached.note(moved);
        if self.has_mail {
            accounts.mail_queued.notify_one();
        }
        Ok(())
    }
}

impl Deref for Work<'_> {
    type Target = dyn Tx;

    fn deref(&self) -> &Self::Target {
        &*self.tx
    }
}

impl DerefMut for Work<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.tx
    }
}
