//! The port to mail that waits.

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_kit::id::MailId;

use super::{PageLimit, StoreError};
use crate::outbox::{MailKind, SealedMail};

/// What becomes of a mail that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is due at once.
    Due,
    /// It is never sent and its body is not kept: the row is there so that a flow writes as much as it does for a sent one (ENUM-07).
    Withheld,
}

/// What has become of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It waits to be sent.
    Waiting,
    /// It was sent.
    Sent,
    /// It was given up (EMAIL-10); an operator may have it tried again.
    Dead,
    /// It was never to be sent.
    Withheld,
}

/// A mail as operators see it: no body, which only the one recipient may read.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// Names it.
    pub id: MailId,
    /// Which text.
    pub kind: MailKind,
    /// The one recipient.
    pub to: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// What has become of it.
    pub state: MailState,
    /// Deliveries tried.
    pub attempts: u32,
    /// When it is due, while it waits.
    pub next_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the last delivery failed: a word from a closed set and perhaps an SMTP code, never the server's text (LOG-09).
    pub last_error: Option<String>,
}

/// Which mails to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailFilter {
    /// Only those in this state.
    pub state: Option<MailState>,
    /// Only those queued before this one, by its name: the next page.
    pub before: Option<MailId>,
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

    /// Makes a mail due again at `at` and notes why it was not delivered; says whether it was waiting.
    async fn defer(&mut self, id: MailId, at: Timestamp, why: &str) -> Result<bool, StoreError>;

    /// Gives a mail up: it waits no longer, its sealed body is kept so that it can be retried; says whether it was waiting.
    async fn bury(&mut self, id: MailId, at: Timestamp, why: &str) -> Result<bool, StoreError>;

    /// Makes a dead mail due at `at`, as if it had been queued then and never tried; says whether it was dead.
    async fn retry(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError>;

    /// Newest first.
    async fn list(&mut self, filter: MailFilter, limit: PageLimit) -> Result<Vec<OutboxRow>, StoreError>;

    /// One mail, as operators see it.
    async fn lookup(&mut self, id: MailId) -> Result<Option<OutboxRow>, StoreError>;

    /// How many wait: the queue is bounded (EMAIL-12).
    async fn count_waiting(&mut self) -> Result<u64, StoreError>;

    /// Removes every mail to an address, whatever has become of it; counts them.
    async fn remove_all(&mut self, to: &str) -> Result<u64, StoreError>;

    /// Removes up to `limit` mails that were queued at or before `settled` and neither wait nor can be retried, or that were queued at or
    /// before `all`, which is not later; counts them (EMAIL-09). What a sender holds is left for the next time.
    async fn sweep(&mut self, settled: Timestamp, all: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;
}
