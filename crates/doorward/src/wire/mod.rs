//! Puts the rooms together; the only place that names them all.

mod accounts;
mod admission;
mod audit;
mod blocklist;
mod certificates;
mod counters;
mod error;
pub(crate) mod key;
mod mail;
mod metrics;
mod node;
mod probe;
mod providers;
mod secret;
mod service;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use doorward_app::{App, AppParts};
use doorward_config::{Config, Env, EnvSource, Listen};
use doorward_domain::audit::MetaKey;
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_edge::listen::{self, Bound, Handed, ListenSpec, Passed, ServeParts};
use doorward_edge::proxy::{Forwarder, Upstreams};
use doorward_edge::stack::{Edge, EdgeParts};
use doorward_kit::{Clock as _, SystemClock, SystemEntropy};
use doorward_policy::Policy;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::certificate::{self, Authority, CertificateError};
use crate::notify::Supervisor;
use crate::reload::{ReloadCounts, ReloadParts, Reloader};
use crate::trail::{Keeper, KeeperSettings};

pub use accounts::{OpenedAccounts, open_accounts};
pub use blocklist::{BlocklistError, blocklist_fault};
pub use error::StartError;
pub use secret::{SecretFault, named_faults, secret_faults, upstream_secrets};

/// How long requests under way may take once the process was told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Everything, bound and ready to serve.
pub struct House {
    bound: Bound,
    serve: ServeParts,
    app: App,
    accounts: Arc<Accounts>,
    keeper: Keeper,
    config_sha256: String,
    follower: Option<key::Follower>,
    orders: Option<certificate::Keeper>,
    reloads: Option<(Reloader, Signal)>,
    supervisor: Arc<Supervisor>,
    counts: Arc<ReloadCounts>,
}

impl House {
    /// Opens the store, reads keys, users and certificates, and binds every listener. Nothing is served yet.
    ///
    /// # Errors
    /// [`StartError`]; nothing stays bound then.
    pub async fn open(config: &Config, env: &dyn EnvSource) -> Result<Self, StartError> {
        Self::open_on(config, env, Vec::new(), Authority::staging().map_err(CertificateError::from)?).await
    }

    /// As [`Self::open`], on sockets that were handed over and others that are bound here; certificates are ordered from that
    /// authority where the configuration wants any ordered.
    ///
    /// # Errors
    /// [`StartError`]; nothing stays bound then.
    pub async fn open_on(
        config: &Config,
        env: &dyn EnvSource,
        passed: Vec<Passed>,
        authority: Authority,
    ) -> Result<Self, StartError> {
        let policy = Arc::new(Policy::decide(config));
        let faults = secret_faults(config, &policy, env);
        if !faults.is_empty() {
            return Err(StartError::Secrets(faults));
        }
        // Before anything is opened: what root has made is root's, and the next start as somebody else would not get in.
        if crate::process::is_root() && config.site.env != Env::Development && !config.site.danger_run_as_root {
            return Err(StartError::Root);
        }
        let handed = Handed::judge(&listen_spec(&config.listen), passed)?;
        let relay = mail::relay(config, env)?;
        probe::refuse_open_servers(config, env, &SystemEntropy).await?;
        let opened = accounts::open_with(config, env, providers::open(config, env)?).await?;
        if let Some(shared) = &opened.shared_counters {
            counters::check(shared).await?;
        }
        let app = App::new(AppParts {
            accounts: opened.accounts.clone(),
            policy: policy.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            keys: &opened.keys,
            data_dir: config.site.data_dir.clone(),
            relay,
            mail_from: config.mail.from.clone(),
        })?;
        let certificates = certificates::open(config, &policy, &opened, authority).await?;
        let gatekeeper = crate::reload::gatekeeper(&policy)?;
        let forwarder = Forwarder::new(policy.times, policy.sizes);
        // Before the health checks begin, which carry them.
        forwarder.entrust(upstream_secrets(config, env).map_err(|fault| StartError::Secrets(vec![fault]))?);
        forwarder.adopt(&Upstreams::load(&policy)?);
        let edge = Edge::new(EdgeParts {
            app: service::app_service(app.router()),
            admission: Arc::new(admission::AskDoorkeeper(app.admission())),
            audit: Arc::new(audit::AuditTrail { accounts: opened.accounts.clone(), clock: Arc::new(SystemClock) }),
            challenges: certificates.challenges,
            entropy: Arc::new(SystemEntropy),
            gatekeeper,
            forwarder,
            https_port: policy.origin.port(),
            policy,
        });
        let follower = key::Follower::new(config, &opened.keys);
        let accounts = opened.accounts;
        let (asked, is_placeholder) = (accounts.clone(), certificates.is_placeholder.clone());
        let ready = Arc::new(move || {
            let (accounts, is_placeholder) = (asked.clone(), is_placeholder.load(Ordering::Acquire));
            Box::pin(async move { !is_placeholder && accounts.is_store_up().await })
                as futures_util::future::BoxFuture<'static, bool>
        });
        let keeper = Keeper::new(accounts.clone(), Arc::new(SystemClock), KeeperSettings::from(&config.audit));
        let counts: Arc<ReloadCounts> = Arc::default();
        let metrics = metrics::source(metrics::Sources {
            edge: edge.clone(),
            accounts: accounts.clone(),
            shared_counters: opened.shared_counters,
            reloads: counts.clone(),
            anchored_at: keeper.anchored_at(),
            started_at: SystemClock.now().as_second(),
            certificates: certificates.shown.clone(),
            is_placeholder: certificates.is_placeholder,
        });
        let bound = listen::bind_beside(&listen_spec(&config.listen), handed)?;
        Ok(Self {
            bound,
            serve: ServeParts { edge, certificates: certificates.shown, ready, metrics, documents: documents(), drain: DRAIN },
            app,
            accounts,
            keeper,
            config_sha256: config.sha256.clone(),
            follower,
            orders: certificates.keeper,
            reloads: None,
            supervisor: Arc::default(),
            counts,
        })
    }

    /// Reads the configuration again at `hangup` and whenever one of its files has changed, and says so to a supervisor. `config` is what
    /// the house was opened with, read from `path`.
    #[must_use]
    pub fn reloading(mut self, path: PathBuf, config: Config, hangup: Signal, supervisor: Supervisor) -> Self {
        self.supervisor = Arc::new(supervisor);
        let parts = ReloadParts {
            path,
            config,
            edge: self.serve.edge.clone(),
            certificates: self.serve.certificates.clone(),
            orders: self.orders.as_ref().map(certificate::Keeper::orders),
            accounts: self.accounts.clone(),
            app: self.app.clone(),
            supervisor: self.supervisor.clone(),
            counts: self.counts.clone(),
        };
        self.reloads = Some((Reloader::new(parts), hangup));
        self
    }

    /// What is listened on, with the ports that were really taken.
    #[must_use]
    pub fn listening(&self) -> Vec<(&'static str, SocketAddr)> {
        let spec = self.bound.addresses();
        let named = |kind, addresses: &[SocketAddr]| addresses.iter().map(|address| (kind, *address)).collect::<Vec<_>>();
        let internal: Vec<_> = spec.internal.into_iter().collect();
        [named("https", &spec.https), named("http", &spec.http), named("internal", &internal)].concat()
    }

    /// Serves until `stop` is done, then drains.
    ///
    /// # Errors
    /// [`StartError::Tls`] when TLS cannot be set up.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), StartError> {
        let of_house = |event| AuditEntry::of_house(event, Outcome::Success, SystemClock.now());
        let loaded = of_house(AuditEvent::ConfigLoaded).because("start");
        self.accounts.record(loaded.with(MetaKey::ConfigHash, &self.config_sha256));
        self.accounts.record(of_house(AuditEvent::Started));
        let (end, ended) = watch::channel(false);
        let mut jobs = self.app.spawn_jobs(ended.clone());
        let keeping = tokio::spawn(self.keeper.run(ended.clone()));
        if let Some(follower) = self.follower {
            jobs.spawn(follower.run(ended.clone()));
        }
        if let Some(keeper) = self.orders {
            jobs.spawn(keeper.run(ended.clone()));
        }
        if let Some((reloader, hangup)) = self.reloads {
            jobs.spawn(reloader.run(hangup, ended));
        }
        self.supervisor.ready();
        let supervisor = self.supervisor;
        let stop = async {
            stop.await;
            supervisor.stopping();
        };
        let served = listen::serve(self.bound, self.serve, stop).await;
        // Jobs end after the last request, so that the mail of the last sign-up still leaves.
        let _ = end.send(true);
        let _ = tokio::time::timeout(DRAIN, async { while jobs.join_next().await.is_some() {} }).await;
        self.accounts.record(AuditEntry::of_house(AuditEvent::Stopped, Outcome::Success, SystemClock.now()));
        // Entries that were queued while draining are stored before the process ends (CFG-08).
        self.accounts.end().await;
        if let Ok(mut keeper) = keeping.await {
            keeper.end().await;
        }
        Ok(served?)
    }
}

fn listen_spec(listen: &Listen) -> ListenSpec {
    ListenSpec { http: listen.http.clone(), https: listen.https.clone(), internal: listen.internal }
}

/// What the internal listener shows beside health (EXPO-04).
fn documents() -> listen::Documents {
    Arc::new([("/openapi.json", doorward_app::openapi::text().into())])
}
