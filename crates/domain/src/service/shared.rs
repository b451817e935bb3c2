//! What the flows share: charging, mail allowances, entries of their own.

use std::num::NonZeroU32;
use std::time::Duration;

use doorward_policy::Quota;

use super::{Accounts, FlowError, Visitor};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::outbox::MailAllowance;
use crate::store::{Delivery, StoreError};
use crate::throttle::Subject;

/// Notices to one address that nobody with its mailbox asked for: three a day.
const NOTICES_PER_ADDRESS: Quota = Quota { count: NonZeroU32::new(3).unwrap(), window: Duration::from_secs(86_400) };

impl Accounts {
    /// Charges the caller: its line, and then the network that the line is part of. Who has a whole /48 has 65 536 lines, and must neither
    /// use up what is for all callers together nor get that many times as much as others.
    pub(crate) async fn charge_caller(&self, visitor: Visitor<'_>, scope: &'static str) -> Result<(), FlowError> {
        self.charge_subject(visitor, scope, Subject::Prefix(&visitor.prefix())).await?;
        match visitor.context.client.network() {
            Some(network) => self.charge_subject(visitor, scope, Subject::Network(&network.to_string())).await,
            None => Ok(()),
        }
    }

    /// Charges a subject; the first refusal of a window is audited (APP-RL-18).
    pub(crate) async fn charge_subject(
        &self,
        visitor: Visitor<'_>,
        scope: &'static str,
        subject: Subject<'_>,
    ) -> Result<(), FlowError> {
        let now = self.clock.now();
        let Err(exceeded) = self.charger.take(&self.keys, scope, subject, now).await else { return Ok(()) };
        if exceeded.is_first {
            let entry = AuditEntry::of_visitor(visitor, AuditEvent::RateLimited, Outcome::Denied, now);
            let entry = entry.because(scope).with(MetaKey::Layer, "app").with(MetaKey::Scope, scope);
            // Whom it is about tells the keys of one caller apart.
            self.record(match subject {
                Subject::AddressAtPrefix(address, _) => entry.about(&self.keys.subject_hash(address)),
                _ => entry,
            });
        }
        Err(FlowError::Throttled { retry_after: exceeded.retry_after })
    }

    /// Charges a mail with a link to an address, silently (FORGOT-06).
    pub(crate) async fn link_allowance(&self, address: &str) -> Delivery {
        self.allowance("verify_email_resend_address", address).await
    }

    /// Charges a mail that a stranger may have asked for: to a scope of its own, to the day's mails of the address, and it needs room in
    /// the queue (EMAIL-12). Nothing is looked up, so that an address with an account is treated as one without (ENUM-13).
    pub(crate) async fn allowance(&self, scope: &'static str, address: &str) -> Delivery {
        let (now, subject) = (self.clock.now(), Subject::Address(address));
        // One after the other: what is held back anyway does not use up the day's mails.
        for scope in [scope, "mail_address"] {
            if self.charger.take(&self.keys, scope, subject, now).await.is_err() {
                return Delivery::Withheld;
            }
        }
        if self.waiting.has_room(self.rules.mail.queue_max) {
            return Delivery::Due;
        }
        self.record(AuditEntry::of_house(AuditEvent::MailQueueFailed, Outcome::Failure, now).because("queue_full"));
        Delivery::Withheld
    }

    /// Charges a mail of either kind, since only the transaction will know which it is to be (ENUM-03).
    pub(crate) async fn mail_allowance(&self, address: &str) -> MailAllowance {
        let link = self.link_allowance(address).await;
        let subject = Subject::Address(address);
        let notice = self.charger.take_of(&self.keys, "notice_address", NOTICES_PER_ADDRESS, subject, self.clock.now()).await;
        MailAllowance { link, notice: if notice.is_ok() { link } else { Delivery::Withheld } }
    }

    /// Stores one entry in a transaction of its own, before the answer.
    pub(crate) async fn commit_entry(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.note(entry);
        tx.commit().await
    }
}
