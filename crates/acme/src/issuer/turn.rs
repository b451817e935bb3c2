//! One look: take what the vault has, ring the alarm, renew what is due.

use doorward_kit::Timestamp;

use super::{Issuer, Served};
use crate::backoff::later;
use crate::fault::Fault;
use crate::port::{AcmeEvent, StoredCertificate};
use crate::trust::TrustFault;
use crate::{renewal, trust};

impl Issuer {
    /// Does what is due now and answers with the time of the next look.
    pub async fn turn(&mut self) -> Timestamp {
        let look = later(self.now(), self.parts.times.look);
        if let Err(fault) = self.adopt().await {
            tracing::warn!(%fault, "the vault of certificates could not be read");
            // Without it nobody knows whether there is a certificate: ordering would burn the authority's patience.
            return look;
        }
        self.save_again().await;
        self.alarm();
        let now = self.now();
        let due = self.due().await;
        if now < due {
            return due.min(look);
        }
        let allowed = self.pauses.next(now);
        if now < allowed {
            return allowed.min(look);
        }
        self.renew(now, look).await
    }

    /// Orders if this node may; the lease is given back whatever comes of it.
    async fn renew(&mut self, now: Timestamp, look: Timestamp) -> Timestamp {
        match self.parts.vault.lease(now, later(now, self.parts.times.lease)).await {
            Ok(true) => {}
            Ok(false) => return look,
            Err(fault) => {
                tracing::warn!(%fault, "the lease of the certificates could not be asked for");
                return look;
            }
        }
        let next = self.under_lease(look).await;
        if let Err(fault) = self.parts.vault.release().await {
            tracing::warn!(%fault, "the lease of the certificates was not given back");
        }
        next
    }

    async fn under_lease(&mut self, look: Timestamp) -> Timestamp {
        // Another node may have been done between the look and the lease.
        if self.adopt().await.is_err() || self.now() < self.due_by_lifetime() {
            return look;
        }
        self.attempt(look).await
    }

    /// Takes what the vault has, if it is new here and may be served.
    async fn adopt(&mut self) -> Result<(), Fault> {
        let Some(stored) = self.parts.vault.certificate().await? else { return Ok(()) };
        let known = self.served.as_ref().is_some_and(|served| served.certificate.chain_pem == stored.chain_pem);
        // What is in use and not yet kept is newer than what is kept.
        if known || self.unsaved.is_some() || self.distrusted.as_ref() == Some(&stored.chain_pem) {
            return Ok(());
        }
        let whole = match self.judge(&stored) {
            Ok(()) => true,
            // Names were added to the configuration: those it has are served until there is one with all.
            Err(Fault::Trust(TrustFault::Names)) if self.names_some(&stored) => false,
            Err(fault) => {
                self.record(AcmeEvent::Distrusted { reason: fault.reason().0 });
                self.distrusted = Some(stored.chain_pem);
                return Ok(());
            }
        };
        let not_after = stored.not_after;
        if self.install(stored).is_ok() {
            self.record(AcmeEvent::Adopted { not_after });
            if let Some(served) = self.served.as_mut().filter(|_| !whole) {
                served.due = Timestamp::MIN;
            }
        }
        Ok(())
    }

    fn names_some(&self, stored: &StoredCertificate) -> bool {
        self.parts.names.iter().any(|name| trust::covers(&stored.chain_pem, std::slice::from_ref(name)).is_ok())
    }

    /// Everything that has to be true before a certificate is served, whether it is fresh or was stored.
    pub(super) fn judge(&self, certificate: &StoredCertificate) -> Result<(), Fault> {
        trust::judge_stored(certificate, &self.parts.directory, self.now())?;
        // The vault's own columns are not believed where the certificate says it itself.
        if trust::validity(&certificate.chain_pem)? != (certificate.issued_at, certificate.not_after) {
            return Err(TrustFault::Time.into());
        }
        Ok(trust::covers(&certificate.chain_pem, &self.parts.names)?)
    }

    /// Takes a judged certificate into use.
    pub(super) fn install(&mut self, certificate: StoredCertificate) -> Result<(), Fault> {
        (self.parts.install)(&certificate).map_err(|fault| {
            tracing::error!(%fault, "the certificate in use stays");
            Fault::Install
        })?;
        let due = renewal::due_at(certificate.issued_at, certificate.not_after);
        self.served = Some(Served { certificate, due, ask_again: Timestamp::MIN, alarmed: false });
        Ok(())
    }

    async fn save_again(&mut self) {
        let Some(unsaved) = self.unsaved.take() else { return };
        if let Err(fault) = self.parts.vault.save_certificate(&unsaved).await {
            tracing::error!(%fault, "the certificate in use is not kept; it would have to be ordered again after a restart");
            self.unsaved = Some(unsaved);
        }
    }

    /// Rings once for each certificate.
    fn alarm(&mut self) {
        let now = self.now();
        let Some(served) = &mut self.served else { return };
        let (issued_at, not_after) = (served.certificate.issued_at, served.certificate.not_after);
        if served.alarmed || now < renewal::alarm_at(issued_at, not_after) {
            return;
        }
        served.alarmed = true;
        self.record(AcmeEvent::Alarm { days_left: renewal::days_left(not_after, now) });
    }

    /// When the certificate in use is renewed, without asking anybody.
    pub(super) fn due_by_lifetime(&self) -> Timestamp {
        self.served.as_ref().map_or(Timestamp::MIN, |served| served.due)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    pub(super) fn record(&self, event: AcmeEvent) {
        self.parts.events.record(event);
    }
}
