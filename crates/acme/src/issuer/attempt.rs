//! What is asked of the authority: a certificate, and when it would like to be asked for the next.

use std::time::Duration;

use doorward_kit::Timestamp;
use instant_acme::{Account, CertificateIdentifier, Error};
use rustls::pki_types::Der;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Issuer;
use crate::backoff::later;
use crate::fault::{Fault, NO_ACCOUNT, Reason};
use crate::order::Desk;
use crate::port::{AcmeEvent, StoredCertificate};
use crate::{account, renewal, trust};

/// How soon the suggestion may be asked for again, whatever the authority says (RFC 9773 §4.3.2).
const ASK_SOONEST: Duration = Duration::from_secs(3600);
/// And how late.
const ASK_LATEST: Duration = Duration::from_secs(24 * 3600);
/// Without an answer it is asked again after this.
const ASK_USUALLY: Duration = Duration::from_secs(6 * 3600);

impl Issuer {
    /// Orders with one kind of challenge, and with the other if the authority did not see the first; answers with the time of the next
    /// look, or attempt.
    pub(super) async fn attempt(&mut self, look: Timestamp) -> Timestamp {
        let mut told = None;
        for last in [false, true] {
            let begun = match self.begin(look).await {
                Ok(begun) => begun,
                Err(next) => return self.give_up(told, next),
            };
            let fault = match self.once(begun).await {
                Ok(()) => return look,
                Err(fault) => fault,
            };
            let (retry_at, is_wished) = self.failed(&fault).await;
            told = Some((fault.reason(), retry_at));
            let other_may_work = matches!(fault, Fault::Validation | Fault::Offer);
            if last || is_wished || !other_may_work {
                break;
            }
            self.method = self.method.other();
        }
        self.give_up(told, Timestamp::MIN)
    }

    /// Tells of the last failure, if there was one.
    fn give_up(&self, told: Option<(Reason, Timestamp)>, next: Timestamp) -> Timestamp {
        let Some((reason, retry_at)) = told else { return next };
        let retry_at = retry_at.max(next);
        self.record(AcmeEvent::Failed { reason, retry_at });
        retry_at
    }

    /// Notes a failure and answers with the time of the next attempt, and whether the authority asked to be left alone.
    async fn failed(&mut self, fault: &Fault) -> (Timestamp, bool) {
        tracing::warn!(%fault, "no certificate was ordered; what is served stays");
        if let Fault::Refused(class) = fault {
            self.record(AcmeEvent::Refused { class: *class });
        }
        let (now, wish) = (self.now(), self.wished());
        let paused = self.pauses.failure(now, wish, &self.parts.times, &*self.parts.entropy);
        (self.keep_wish().await.max(paused), wish.is_some())
    }

    async fn once(&mut self, begun: Timestamp) -> Result<(), Fault> {
        self.record(AcmeEvent::Ordered { names: self.parts.names.clone() });
        // Half the lease: whoever orders must be done before another node may begin.
        let ordered = tokio::time::timeout(self.parts.times.lease / 2, self.order()).await.map_err(|_| Fault::Slow)?;
        let certificate = ordered?;
        self.judge(&certificate)?;
        let (renewed, not_after) = (self.is_serving(), certificate.not_after);
        // Kept first: what is in use but not kept would be ordered again at the next start.
        let kept = self.parts.vault.save_certificate(&certificate).await;
        self.unsaved = kept.err().map(|fault| {
            tracing::error!(%fault, "the new certificate is not kept yet");
            certificate.clone()
        });
        self.install(certificate)?;
        self.pauses.success();
        // What is not kept is ordered again at the next start, and must not be for ever.
        if self.unsaved.is_none() {
            self.succeeded(begun).await;
        }
        self.record(if renewed { AcmeEvent::Renewed { not_after } } else { AcmeEvent::Issued { not_after } });
        Ok(())
    }

    fn is_serving(&self) -> bool {
        self.served.as_ref().is_some_and(|served| self.now() < served.certificate.not_after)
    }

    async fn order(&self) -> Result<StoredCertificate, Fault> {
        let parts = &self.parts;
        let account = self.account().await?;
        let issued = match self.desk(&account).order().await {
            // The authority forgot the account: nothing but a new one helps.
            Err(Fault::Problem(NO_ACCOUNT)) => {
                let email = parts.email.as_deref();
                let account = account::create(&self.client, &parts.directory, email, &*parts.vault).await?;
                self.desk(&account).order().await?
            }
            other => other?,
        };
        let (issued_at, not_after) = trust::validity(&issued.chain_pem)?;
        Ok(StoredCertificate {
            directory: parts.directory.url().to_owned(),
            names: parts.names.clone(),
            chain_pem: issued.chain_pem,
            key_pem: issued.key_pem,
            issued_at,
            not_after,
        })
    }

    async fn account(&self) -> Result<Account, Fault> {
        let parts = &self.parts;
        account::open(&self.client, &parts.directory, parts.email.as_deref(), &*parts.vault, &*parts.events).await
    }

    fn desk<'a>(&'a self, account: &'a Account) -> Desk<'a> {
        let parts = &self.parts;
        Desk {
            account,
            names: &parts.names,
            method: self.method,
            vault: &*parts.vault,
            challenges: &*parts.challenges,
            clock: &parts.clock,
        }
    }

    /// When the certificate in use is renewed; asks the authority for its suggestion now and then, where it makes any.
    pub(super) async fn due(&mut self) -> Timestamp {
        let now = self.now();
        let Some(served) = &self.served else { return Timestamp::MIN };
        if now < served.ask_again || now >= served.due {
            return served.due;
        }
        let Some(id) = identifier(&served.certificate.chain_pem) else { return served.due };
        let asked = self.suggestion(&id).await;
        let Some(served) = &mut self.served else { return Timestamp::MIN };
        match asked {
            Ok(Some((at, again))) => {
                // Only ever earlier: the last third is renewed in whatever is suggested.
                served.due = renewal::due_at(served.certificate.issued_at, served.certificate.not_after).min(at);
                served.ask_again = later(now, again);
            }
            Ok(None) => served.ask_again = later(now, ASK_LATEST),
            Err(fault) => {
                tracing::info!(%fault, "the authority suggests no time of renewal");
                served.ask_again = later(now, ASK_USUALLY);
                if let Fault::Refused(class) = fault {
                    self.record(AcmeEvent::Refused { class });
                }
            }
        }
        self.due_by_lifetime()
    }

    /// RFC 9773. `None` where the authority offers none.
    async fn suggestion(&self, id: &CertificateIdentifier<'_>) -> Result<Option<(Timestamp, Duration)>, Fault> {
        // Only an account that exists: asking must not make one.
        if self.parts.vault.account().await?.is_none() {
            return Ok(None);
        }
        let account = self.account().await?;
        let (info, again) = match account.renewal_info(id).await {
            Ok(answer) => answer,
            Err(Error::Unsupported(_)) => return Ok(None),
            Err(error) => return Err(Fault::from_library(&error)),
        };
        let window = info.suggested_window;
        let read = |seconds| Timestamp::from_second(seconds).map_err(|_| Fault::Answer);
        let (start, end) = (read(window.start.unix_timestamp())?, read(window.end.unix_timestamp())?);
        let at = renewal::within(start, end, &*self.parts.entropy).ok_or(Fault::Answer)?;
        Ok(Some((at, again.clamp(ASK_SOONEST, ASK_LATEST))))
    }
}

/// The name of a certificate in RFC 9773 §4.1: key identifier of its issuer, serial number.
fn identifier(chain_pem: &str) -> Option<CertificateIdentifier<'static>> {
    let chain = trust::read_chain(chain_pem).ok()?;
    let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
    let issuer = leaf.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.as_ref(),
        _ => None,
    })?;
    let id = CertificateIdentifier::new(Der::from_slice(issuer.0), Der::from_slice(leaf.raw_serial()));
    Some(id.into_owned())
}
