//! One look at the clock after another: what is due, who does it, what came of it.
//!
//! Comes in: [`IssuerParts`]. Goes out: certificates taken into use, events. What is served is only ever replaced by something that was
//! judged; every failure leaves it as it is (TLS-14).
//! Must never know: files, SQL, the edge.

mod attempt;
mod record;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Clock, Entropy, Host, Timestamp};
use tokio::sync::watch;

use crate::backoff::Pauses;
use crate::client::{Client, Dial};
use crate::directory::Directory;
use crate::fault::Fault;
use crate::order::Method;
use crate::port::{Challenges, Events, StoredCertificate, Vault};

/// A certificate that could not be taken into use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate could not be taken into use: {0}")]
pub struct InstallFault(pub String);

/// Takes a judged certificate into use.
pub type Install = Arc<dyn Fn(&StoredCertificate) -> Result<(), InstallFault> + Send + Sync>;

/// What an issuer is made of.
pub struct IssuerParts {
    /// Whom to ask.
    pub directory: Directory,
    /// The contact of the account, without `mailto:`.
    pub email: Option<String>,
    /// The names to order, and no others; at least one, at most 100, none an address.
    pub names: Vec<Host>,
    /// What lasts.
    pub vault: Arc<dyn Vault>,
    /// Who answers the authority.
    pub challenges: Arc<dyn Challenges>,
    /// Who writes down.
    pub events: Arc<dyn Events>,
    /// Takes a certificate into use.
    pub install: Install,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Opens sockets; [`crate::client::SystemDial`] outside tests.
    pub dial: Arc<dyn Dial>,
    /// How long things take.
    pub times: IssuerTimes,
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct IssuerTimes {
    /// How often the vault is looked at, for what another node put there. Default 1 min.
    pub look: Duration,
    /// How long a node may be the one that orders. Default 10 min, and an order must end within half of it.
    pub lease: Duration,
    /// The pause after the first failure; it doubles. Default 1 min.
    pub first_pause: Duration,
    /// The longest pause. Default 6 h.
    pub longest_pause: Duration,
}

impl Default for IssuerTimes {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        Self { look: minutes(1), lease: minutes(10), first_pause: minutes(1), longest_pause: minutes(360) }
    }
}

/// Keeps one certificate fresh.
pub struct Issuer {
    parts: IssuerParts,
    client: Client,
    pauses: Pauses,
    /// Until when the authority asked to be left alone, while the vault has not taken it.
    wish: Option<Timestamp>,
    /// The kind of challenge that is tried first: the one that worked last.
    method: Method,
    /// The end of the pause that the log was told of last.
    held_until: Option<Timestamp>,
    served: Option<Served>,
    /// Issued and in use, but the vault did not take it.
    unsaved: Option<StoredCertificate>,
    /// The stored chain that was refused last, so that the trail is told once and not at every look.
    distrusted: Option<String>,
}

/// What is in use.
struct Served {
    certificate: StoredCertificate,
    /// When to renew: a third of the lifetime is left, or earlier if the authority suggests it.
    due: Timestamp,
    /// When to ask the authority for its suggestion again.
    ask_again: Timestamp,
    alarmed: bool,
}

impl Issuer {
    /// Ready to run. Opens nothing.
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn new(parts: IssuerParts) -> Result<Self, Fault> {
        let client = Client::new(parts.directory.clone(), Arc::clone(&parts.dial), Arc::clone(&parts.clock))?;
        let (pauses, method) = (Pauses::default(), Method::Http01);
        let (wish, held_until, unsaved, distrusted) = (None, None, None, None);
        Ok(Self { parts, client, pauses, wish, method, held_until, served: None, unsaved, distrusted })
    }

    /// Runs until `ended` says `true` or its sender is gone. Never ends for another reason, whatever fails.
    pub async fn run(&mut self, mut ended: watch::Receiver<bool>) {
        loop {
            let work = async {
                let next = self.turn().await;
                let wait = Duration::try_from(next.duration_since(self.parts.clock.now())).unwrap_or_default();
                // Not longer than a look: the wall clock may be stepped, and another node may have ordered.
                tokio::time::sleep(wait.max(Duration::from_secs(1)).min(self.parts.times.look)).await;
            };
            tokio::select! {
                biased;
                _ = ended.wait_for(|ended| *ended) => break,
                () = work => {}
            }
        }
        self.end().await;
        // An order that was cut off must not keep the other nodes waiting.
        if let Err(fault) = self.parts.vault.release().await {
            tracing::warn!(%fault, "the lease of the certificates was not given back");
        }
    }
}
