//! One look at the clock after another: what is due, who does it, what came of it.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Clock, Entropy, Host};
use tokio::sync::watch;

use crate::client::Dial;
use crate::directory::Directory;
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
}

impl Issuer {
    /// Ready to run.
    #[must_use]
    pub fn new(parts: IssuerParts) -> Self {
        Self { parts }
    }

    /// Runs until `ended` says `true` or its sender is gone. Never ends for another reason.
    pub async fn run(self, mut ended: watch::Receiver<bool>) {
        let _ = (&self.parts, ended.wait_for(|ended| *ended).await);
    }
}
