//! How busy this node is, for whoever watches it.

use super::Accounts;
use crate::outbox;
use crate::store::{MailFilter, MailState, PageLimit, StoreError};

/// Dead mails are counted up to here: whether there are any is what matters.
const DEAD_MAX: u32 = 1000;

/// Queues of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Audit entries that wait to be stored.
    pub audit_waiting: usize,
    /// Passwords that wait to be hashed.
    pub hashes_waiting: usize,
    /// Sessions that were used lately, as far as they are remembered.
    pub sessions_remembered: usize,
}

/// Mail that has not left, of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailBacklog {
    /// Waits to be sent.
    pub waiting: u64,
    /// Was given up; at most 1000 are counted.
    pub dead: usize,
}

impl Accounts {
    /// How busy this process is; asks nobody.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            audit_waiting: self.writer.waiting(),
            hashes_waiting: self.hasher.waiting(),
            sessions_remembered: self.sessions.len(),
        }
    }

    /// Mail that has not left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_backlog(&self) -> Result<MailBacklog, StoreError> {
        let dead = MailFilter { state: Some(MailState::Dead), before: None };
        let dead = outbox::operate::list(self, dead, PageLimit::new(DEAD_MAX)).await?.len();
        Ok(MailBacklog { waiting: self.count_mail().await?, dead })
    }
}
