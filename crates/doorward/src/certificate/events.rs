//! What happens to certificates, in the audit trail and in the log.

use std::sync::Arc;

use doorward_acme::{AcmeEvent, Events};
use doorward_domain::audit::MetaKey;
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_kit::{Clock, Host, Timestamp};

/// Writes entries `acme.order`, `acme.refused` and `acme.alarm`; `tls.reload` is written where a certificate is taken into use.
pub(super) struct Trail {
    pub(super) accounts: Arc<Accounts>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) directory_host: String,
    /// The site's own host: the first name of every order.
    pub(super) site: Host,
}

impl Trail {
    fn entry(&self, event: AuditEvent, outcome: Outcome, reason: &'static str) -> AuditEntry {
        let entry = AuditEntry::of_house(event, outcome, self.clock.now()).because(reason);
        entry.with(MetaKey::DirectoryHost, &self.directory_host).with(MetaKey::Name, self.site.as_str())
    }

    fn obtained(&self, reason: &'static str, not_after: Timestamp) -> AuditEntry {
        tracing::info!(target: "doorward", directory = %self.directory_host, reason, %not_after, "a certificate was obtained");
        self.entry(AuditEvent::CertificateOrdered, Outcome::Success, reason)
    }
}

impl Events for Trail {
    fn record(&self, event: AcmeEvent) {
        let directory = &*self.directory_host;
        let entry = match event {
            AcmeEvent::Ordered { names } => {
                tracing::info!(target: "doorward", directory, names = names.len(), "ordering a certificate");
                self.entry(AuditEvent::CertificateOrdered, Outcome::Success, "ordered")
            }
            AcmeEvent::Issued { not_after } => self.obtained("issued", not_after),
            AcmeEvent::Renewed { not_after } => self.obtained("renewed", not_after),
            // Another node has written the entry of the order; what this node serves from now on is told by `tls.reload`.
            AcmeEvent::Adopted { not_after } => {
                tracing::info!(target: "doorward", directory, %not_after, "a certificate of another node was taken up");
                return;
            }
            AcmeEvent::Failed { reason, retry_at } => {
                tracing::warn!(target: "doorward", directory, reason = reason.0, %retry_at, "no certificate was obtained");
                self.entry(AuditEvent::CertificateOrdered, Outcome::Failure, reason.0)
            }
            AcmeEvent::Refused { class } => {
                tracing::error!(target: "doorward", directory, class = class.word(), "the authority named an address that is not allowed");
                self.entry(AuditEvent::CertificateRefused, Outcome::Denied, class.word())
            }
            AcmeEvent::Distrusted { reason } => {
                tracing::error!(target: "doorward", directory, reason, "a stored certificate or account was not taken");
                self.entry(AuditEvent::CertificateRefused, Outcome::Denied, reason)
            }
            AcmeEvent::Alarm { days_left } => {
                tracing::error!(target: "doorward", directory, days_left, "the certificate ends soon and was not renewed");
                self.entry(AuditEvent::CertificateAlarm, Outcome::Failure, "ends_soon")
            }
        };
        self.accounts.record(entry);
    }
}
