//! The record of attempts that every start and every node shares (TLS-13).
//!
//! It is read, changed and kept under the lease, so that no node overwrites what another has just noted. What cannot be noted is not
//! tried: an attempt that nobody remembers is one too many.

use doorward_kit::Timestamp;

use super::Issuer;
use crate::backoff::{LONGEST_WISH, Ledger, later};
use crate::port::VaultFault;

impl Issuer {
    /// Notes an attempt and answers with its time; otherwise with the time of the next look at it.
    pub(super) async fn begin(&mut self, look: Timestamp) -> Result<Timestamp, Timestamp> {
        let (names, now, mut next) = (self.parts.names.clone(), self.now(), look);
        let noted = self.update(|ledger| {
            next = ledger.next(&names, now);
            if next <= now {
                ledger.attempt(&names, now);
            }
        });
        match noted.await {
            Ok(_) if next <= now => Ok(now),
            Ok(_) => {
                // Told once: whoever starts the program again wants to know why nothing is ordered.
                if self.held_until.replace(next) != Some(next) {
                    tracing::warn!(%next, "the names were tried too often, or the authority asked to be left alone");
                }
                Err(next)
            }
            Err(fault) => {
                tracing::warn!(%fault, "an attempt that cannot be noted is not made");
                Err(look)
            }
        }
    }

    /// Takes the note of an attempt away that was begun then.
    pub(super) async fn succeeded(&mut self, begun: Timestamp) {
        (_, self.wish) = (self.client.take_wish(), None);
        let names = self.parts.names.clone();
        if let Err(fault) = self.update(|ledger| ledger.success(&names, begun)).await {
            tracing::warn!(%fault, "an attempt that succeeded counts as one that failed");
        }
    }

    /// What the authority asked for since it was last asked, as a time; remembered until the vault has it.
    pub(super) fn wished(&mut self) -> Option<Timestamp> {
        let until = later(self.now(), self.client.take_wish()?.min(LONGEST_WISH));
        self.wish = self.wish.max(Some(until));
        Some(until)
    }

    /// Hands the vault what the authority asked for last, should an order have been cut off before that.
    pub(super) async fn end(&mut self) {
        self.wished();
        if self.wish.is_some() {
            self.keep_wish().await;
        }
    }

    /// Hands the vault what the authority asked for, and answers with the earliest time of the next attempt.
    pub(super) async fn keep_wish(&mut self) -> Timestamp {
        let now = self.now();
        match self.update(|_| ()).await {
            Ok(ledger) => ledger.next(&self.parts.names, now),
            Err(fault) => {
                tracing::warn!(%fault, "the record of attempts could not be asked for");
                self.wish.map_or(now, |until| until.max(now))
            }
        }
    }

    async fn update(&mut self, change: impl FnOnce(&mut Ledger) + Send) -> Result<Ledger, VaultFault> {
        let (vault, now) = (&self.parts.vault, self.now());
        // Asked for again: it may be half over, and an order must end within half of one.
        if !vault.lease(now, later(now, self.parts.times.lease)).await? {
            return Err(VaultFault("another node orders".to_owned()));
        }
        let known = vault.attempts().await?;
        let mut ledger = known.clone();
        self.wish.into_iter().for_each(|until| ledger.heed(until));
        change(&mut ledger);
        if ledger != known {
            vault.save_attempts(&ledger).await?;
        }
        self.wish = None;
        Ok(ledger)
    }
}
