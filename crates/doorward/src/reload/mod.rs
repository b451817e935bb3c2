//! Another configuration for a running process: at SIGHUP, or when a file that it is made of has changed.
//!
//! Comes in: the path of the configuration, signals, the files' marks. Goes out: a new policy, users and certificate for the edge, new
//! quotas for the accounts; an audit entry and a line of the log either way. Must never know: requests.
//!
//! Everything that can fail is done before anything is exchanged, so a configuration is taken whole or not at all (GATE-21, CFG-08):
//!
//! ```text
//! read -> compare (what only a restart can change is refused) -> policy, users, certificate -> exchange -> audit
//! ```
//!
//! Routes and gates with their users are one value behind one pointer: a request sees all of the old ones or all of the new ones.

mod change;
mod files;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use doorward_app::App;
use doorward_config::{Config, Faults};
use doorward_domain::audit::MetaKey;
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_edge::gate::GateLoadError;
use doorward_edge::tls::TlsError;
use doorward_edge::{CertStore, Edge};
use doorward_kit::{Clock as _, SystemClock};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::certificate::Orders;
use crate::notify::Supervisor;
use crate::wire::SecretFault;
use change::Change;
use files::Watch;

pub(crate) use change::gatekeeper;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a reload needs of the running house.
pub struct ReloadParts {
    /// The configuration file.
    pub path: PathBuf,
    /// The configuration in force.
    pub config: Config,
    /// Takes policy and users.
    pub edge: Edge,
    /// Takes the certificate.
    pub certificates: Arc<CertStore>,
    /// Takes the hosts, where certificates are ordered for them.
    pub(crate) orders: Option<Orders>,
    /// Takes the quotas, and writes the entry.
    pub accounts: Arc<Accounts>,
    /// Takes the gates that it hands sessions over to.
    pub app: App,
    /// Is told that a reload goes on.
    pub supervisor: Arc<Supervisor>,
    /// Counts how it went.
    pub counts: Arc<ReloadCounts>,
}

/// Why everything stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is not right.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// The file is right, and wants what only a new process can be.
    #[error("needs a restart: {}", .0.join(", "))]
    NeedsRestart(Vec<String>),
    /// Secrets that are weak, or open to others.
    #[error("{}", told(.0))]
    Secrets(Vec<SecretFault>),
    /// The users of a gate.
    #[error(transparent)]
    Gate(#[from] GateLoadError),
    /// TLS to an upstream.
    #[error(transparent)]
    Upstream(#[from] doorward_edge::proxy::UpstreamError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The thread that read the files is gone.
    #[error("the files were not read to their end")]
    Unread,
}

fn told(faults: &[SecretFault]) -> String {
    faults.iter().map(|fault| format!("{}: {}", fault.key, fault.problem)).collect::<Vec<_>>().join("; ")
}

impl ReloadError {
    /// The word of the closed set in audit entries.
    fn reason(&self) -> &'static str {
        match self {
            Self::Faults(_) => "faults",
            Self::NeedsRestart(_) => "needs_restart",
            Self::Secrets(_) => "secrets",
            Self::Gate(_) => "gate_users",
            Self::Upstream(_) => "upstream",
            Self::Tls(_) => "certificate",
            Self::Unread => "unread",
        }
    }
}

/// How reloads went.
#[derive(Debug, Default)]
pub struct ReloadCounts {
    taken: AtomicU64,
    refused: AtomicU64,
    is_stale: AtomicBool,
}

impl ReloadCounts {
    /// Configurations that were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Configurations that were not.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether the latest one was not.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    fn note(&self, is_taken: bool) {
        let count = if is_taken { &self.taken } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        self.is_stale.store(!is_taken, Ordering::Relaxed);
    }
}

/// Waits for a reason to reload, and reloads.
pub struct Reloader {
    parts: ReloadParts,
    watch: Watch,
}

impl Reloader {
    /// Starts from what is in force; the files are marked now.
    #[must_use]
    pub fn new(parts: ReloadParts) -> Self {
        let watch = Watch::new(files::of(&parts.path, &parts.config));
        Self { parts, watch }
    }

    /// Reloads at every signal and every change, until told to end.
    pub async fn run(mut self, mut hangup: Signal, mut ended: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = is_told(&mut ended) => return,
                Some(()) = hangup.recv() => {
                    self.watch.take();
                    self.reload("signal").await;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if self.watch.has_settled() {
                        self.reload("file").await;
                    }
                }
            }
        }
    }

    async fn reload(&mut self, cause: &'static str) {
        self.parts.supervisor.reloading();
        match self.change().await {
            Ok(change) => self.exchange(change, cause),
            Err(error) => self.stay(&error, cause),
        }
        self.parts.supervisor.ready();
    }

    /// Reads everything on a thread that may block: files, and one hash of every kind in the users files.
    async fn change(&mut self) -> Result<Change, ReloadError> {
        let path = self.parts.path.clone();
        let current = self.parts.config.clone();
        let config = tokio::task::spawn_blocking(move || change::read(&path, &current)).await;
        let config = config.map_err(|_| ReloadError::Unread)??;
        // Its files are watched even if one of them is not right yet: the operator may be about to write it.
        self.watch.also(files::of(&self.parts.path, &config));
        let (before, shown) = (self.parts.config.clone(), self.parts.certificates.current());
        let made = tokio::task::spawn_blocking(move || change::make(config, &before, &shown)).await;
        made.map_err(|_| ReloadError::Unread)?
    }

    /// Nothing here can fail. Quotas first: one that became stricter holds before a route that relies on it is there.
    fn exchange(&mut self, change: Change, cause: &'static str) {
        let Change { config, policy, gatekeeper, secrets, upstreams, identity, is_new_identity } = change;
        let parts = &mut self.parts;
        parts.accounts.set_limits(policy.limits.clone());
        match identity {
            Some(identity) => parts.certificates.swap(identity, policy.hosts()),
            None => parts.certificates.set_hosts(policy.routes.hosts()),
        }
        if let Some(orders) = &parts.orders {
            orders.set(policy.hosts());
        }
        // Before the routes that lead there; the secrets first, since health checks carry them.
        parts.edge.entrust(secrets);
        parts.edge.adopt(&upstreams);
        parts.app.set_gates(&policy);
        parts.edge.reload(policy, gatekeeper);
        parts.counts.note(true);
        tracing::info!(target: "doorward", cause, config_sha256 = config.sha256, "the configuration was reloaded");
        let entry = AuditEntry::of_house(AuditEvent::ConfigLoaded, Outcome::Success, SystemClock.now());
        parts.accounts.record(entry.because(cause).with(MetaKey::ConfigHash, &config.sha256));
        if is_new_identity {
            parts.accounts.record(AuditEntry::of_house(AuditEvent::CertificateReloaded, Outcome::Success, SystemClock.now()));
        }
        self.watch.only(&files::of(&parts.path, &config));
        parts.config = config;
    }

    fn stay(&self, error: &ReloadError, cause: &'static str) {
        self.parts.counts.note(false);
        tracing::error!(target: "doorward", cause, reason = error.reason(), %error, "the configuration was not taken; the old one stays");
        let entry = AuditEntry::of_house(AuditEvent::ConfigRejected, Outcome::Failure, SystemClock.now());
        self.parts.accounts.record(entry.because(error.reason()));
    }
}

/// Done once it was said, or when nobody is left to say it. The value is not kept: it would hold a lock.
async fn is_told(ended: &mut watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await.is_ok();
}
