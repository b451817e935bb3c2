//! The application as one value: what it is made of, and what others may ask of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_domain::{Accounts, StoreError};
use doorward_kit::{Clock, Entropy, KeyPurpose, SharedRing};
use doorward_policy::Policy;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assertion::{Signer, SignerError};
use crate::door::Doorkeeper;
use crate::gate::Gates;
use crate::mail::{FileTransport, Relay, Sender, SenderError, Transport};
use crate::page::asset::AssetSet;
use crate::tether::Tethers;

/// What an [`App`] is made of.
pub struct AppParts<'a> {
    /// The flows.
    pub accounts: Arc<Accounts>,
    /// Decisions of the configuration.
    pub policy: Arc<Policy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Root of all keys; only the assertion keys are taken from it.
    pub keys: &'a SharedRing,
    /// Mail files go to `mail/` in here, where there is no relay.
    pub data_dir: PathBuf,
    /// The server that takes mail.
    pub relay: Option<Relay>,
    /// The `From` field of mails: one mailbox.
    pub mail_from: String,
}

/// Why an [`App`] could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// `mail_from` is not one mailbox.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The assertion key was not accepted.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// The accounts application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    state: AppState,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// Reached through [`AppState`].
pub(crate) struct Inner {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) signer: Signer,
    pub(crate) assets: AssetSet,
    pub(crate) sender: Sender,
    pub(crate) transport: Transport,
    pub(crate) job_restarts: AtomicU64,
    pub(crate) tethers: Tethers,
    pub(crate) gates: Gates,
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the application together; opens nothing.
    ///
    /// # Errors
    /// [`AppError`] when a part cannot be used.
    pub fn new(parts: AppParts<'_>) -> Result<Self, AppError> {
        let signer = Signer::new(parts.keys.of(KeyPurpose::AssertionSigning), parts.policy.origin.as_str())?;
        let sender = Sender::new(&parts.mail_from, parts.policy.origin.host())?;
        let inner = Inner {
            accounts: parts.accounts,
            policy: parts.policy,
            clock: parts.clock,
            entropy: parts.entropy,
            signer,
            assets: AssetSet::load(),
            sender,
            transport: match parts.relay {
                Some(relay) => Transport::Relay(relay),
                None => Transport::Folder(FileTransport::new(parts.data_dir.join("mail"))),
            },
            job_restarts: AtomicU64::new(0),
            tethers: Tethers::default(),
            gates: Gates::default(),
        };
        inner.gates.set(&inner.policy);
        Ok(Self { state: AppState(Arc::new(inner)) })
    }

    /// Every route of [`crate::route::ROUTES`], with JSON and page answers for what is not there.
    pub fn router(&self) -> axum::Router {
        crate::router::router(&self.state)
    }

    /// Takes the gates of a policy that a reload puts in force.
    pub fn set_gates(&self, policy: &Policy) {
        self.state.gates.set(policy);
    }

    /// Decides who may pass to an upstream.
    #[must_use]
    pub fn admission(&self) -> Doorkeeper {
        Doorkeeper::new(self.state.clone())
    }

    /// Starts mail delivery, sweeping and the watch over what stays open; they end soon after `shutdown` turns true or its sender is gone.
    #[must_use = "dropping the set ends the jobs"]
    pub fn spawn_jobs(&self, shutdown: watch::Receiver<bool>) -> JoinSet<()> {
        crate::work::spawn(&self.state, shutdown)
    }

    /// How often a job of [`Self::spawn_jobs`] was started again because it panicked.
    #[must_use]
    pub fn job_restarts(&self) -> u64 {
        self.state.job_restarts.load(Ordering::Relaxed)
    }

    /// Delivers the mails that are due now; says how many left.
    ///
    /// # Errors
    /// [`StoreError`]; a delivery that fails is no error, it is tried again later.
    pub async fn deliver_mail(&self) -> Result<usize, StoreError> {
        crate::work::outbox::deliver_due(&self.state).await
    }
}
