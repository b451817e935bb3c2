//! The port to mail that waits.

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_kit::id::MailId;

use super::StoreError;
use crate::outbox::SealedMail;

/// What becomes of a mail that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is due at once.
    Due,
    /// It is never sent and its body is not kept: the row is there so that a flow writes as much as it does for a sent one (ENUM-07).
    Withheld,
}

/// Mail within a unit of work.
#[async_trait]
pub trait Outbox: Send {
    /// Adds a mail.
    async fn add(&mut self, mail: &SealedMail, delivery: Delivery) -> Result<(), StoreError>;

    /// Takes up to `limit` mails that are due at `now`, the longest due first, for one sender: they are not due again before `until`.
    /// Counts as an attempt.
    async fn claim(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<SealedMail>, StoreError>;

    /// Notes a delivery and wipes the body; says whether the mail was waiting.
    async fn mark_sent(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError>;

    /// Attempts made with a mail that still waits.
    async fn attempts(&mut self, id: MailId) -> Result<Option<u32>, StoreError>;

    /// Makes a mail due again at `at`; says whether it was waiting.
    async fn defer(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError>;

    /// Removes mails queued at or before `before`, sent or not; counts them (EMAIL-09).
    async fn sweep(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
