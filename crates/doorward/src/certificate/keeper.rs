//! What is served from the first moment on, and the task that keeps it fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorward_acme::account::{self, AccountFault};
use doorward_acme::client::SystemDial;
use doorward_acme::{Install, InstallFault, Issuer, IssuerParts, StoredCertificate, TrustFault, Vault, trust};
use doorward_config::Config;
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome, Store};
use doorward_edge::tls::{CertStore, Identity, self_signed};
use doorward_kit::{Clock as _, Host, KeyPurpose, Seal, SharedRing, SystemClock, SystemEntropy, Token};
use doorward_policy::Policy;
use tokio::sync::watch;

use super::folder::Folder;
use super::pending::Pending;
use super::shared::{FOLLOW_EVERY, Shared};
use super::{Authority, CertificateError, events};

/// How long an order that is under way may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the vault held, judged.
pub(crate) struct Opened {
    /// Shown in handshakes until there is another.
    pub(crate) identity: Identity,
    /// Whether that is a self-signed one, which nobody trusts.
    pub(crate) is_placeholder: bool,
    /// The edge's port.
    pub(crate) pending: Arc<dyn doorward_edge::Challenges>,
    vault: Arc<dyn Vault>,
    own: Arc<Pending>,
    is_shared: bool,
}

/// Opens the vault and judges what it holds. A certificate whose time is over is not served; anything that is not the staging
/// authority's own ends the start (TLS-08).
pub(crate) async fn open(
    config: &Config,
    policy: &Policy,
    authority: &Authority,
    (store, keys): (&Arc<dyn Store>, &SharedRing),
) -> Result<Opened, CertificateError> {
    let is_shared = store.vault().is_some();
    let (vault, place): (Arc<dyn Vault>, _) = if is_shared {
        let holder = Token::random(&SystemEntropy).reveal();
        let seal = Seal::new(keys.of(KeyPurpose::Vault));
        let shared =
            Shared { store: store.clone(), seal, holder, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
        (Arc::new(shared), None)
    } else {
        let folder = Folder::open(&config.site.data_dir)?;
        (Arc::new(folder.clone()), Some(folder))
    };
    let place =
        |what| place.as_ref().map_or_else(|| "the database".to_owned(), |folder| folder.file_of(what).display().to_string());
    let failed = |fault: doorward_acme::VaultFault| CertificateError::Vault(fault.0);
    let account = vault.account().await.map_err(failed)?;
    // Not only what stands beside the credentials: the addresses in them are where an account leads.
    if account.is_some_and(|account| {
        account.directory != authority.directory.url()
            || matches!(account::judge(&account, &authority.directory), Err(AccountFault::Foreign(_)))
    }) {
        return Err(CertificateError::Foreign { place: place("account"), what: "account", reason: TrustFault::Directory.word() });
    }
    let stored = match vault.certificate().await.map_err(failed)? {
        Some(stored) => match trust::judge_stored(&stored, &authority.directory, SystemClock.now()) {
            Ok(()) => Some(Identity::from_pem(&stored.chain_pem, stored.key_pem.expose())?),
            Err(TrustFault::Time) => None,
            Err(fault) => {
                let place = place("certificate");
                return Err(CertificateError::Foreign { place, what: "certificate", reason: fault.word() });
            }
        },
        None => None,
    };
    let own = Arc::new(Pending::new(Arc::new(SystemClock), Arc::new(SystemEntropy)));
    Ok(Opened {
        is_placeholder: stored.is_none(),
        identity: match stored {
            Some(identity) => identity,
            None => self_signed(policy.hosts(), SystemClock.now(), &SystemEntropy)?.identity,
        },
        pending: own.clone(),
        vault,
        own,
        is_shared,
    })
}

/// What a [`Keeper`] is made of.
pub(crate) struct KeeperParts {
    pub(crate) opened: Opened,
    pub(crate) authority: Authority,
    pub(crate) email: Option<String>,
    pub(crate) site: Host,
    pub(crate) hosts: Vec<Host>,
    pub(crate) certificates: Arc<CertStore>,
    pub(crate) accounts: Arc<Accounts>,
    /// Becomes `false` with the first certificate.
    pub(crate) is_placeholder: Arc<AtomicBool>,
}

/// Orders, renews, and answers for other nodes, for as long as the house runs.
pub(crate) struct Keeper {
    parts: KeeperParts,
    hosts: watch::Sender<Vec<Host>>,
}

impl Keeper {
    pub(crate) fn new(parts: KeeperParts) -> Self {
        let hosts = watch::Sender::new(sorted(&parts.site, parts.hosts.clone()));
        Self { parts, hosts }
    }

    /// Takes another list of hosts at any time: when it differs, a certificate is ordered for it (TLS-13).
    pub(crate) fn orders(&self) -> Orders {
        Orders { site: self.parts.site.clone(), hosts: self.hosts.clone() }
    }

    /// Runs until told to end.
    pub(crate) async fn run(self, mut ended: watch::Receiver<bool>) {
        let mut hosts = self.hosts.subscribe();
        let follow = follow(&self.parts.opened);
        tokio::pin!(follow);
        loop {
            let names = hosts.borrow_and_update().clone();
            let (stop, stopped) = watch::channel(false);
            let mut issuer = match self.issuer(names) {
                Ok(issuer) => issuer,
                Err(error) => return tracing::error!(target: "doorward", %error, "no certificates are ordered"),
            };
            let mut issuing = Box::pin(issuer.run(stopped));
            let is_over = tokio::select! {
                () = &mut issuing => true,
                () = &mut follow => true,
                _ = ended.wait_for(|ended| *ended) => true,
                changed = hosts.changed() => changed.is_err(),
            };
            let _ = stop.send(true);
            let _ = tokio::time::timeout(PATIENCE, issuing).await;
            if is_over {
                return;
            }
        }
    }

    fn issuer(&self, names: Vec<Host>) -> Result<Issuer, doorward_acme::Fault> {
        let parts = &self.parts;
        Issuer::new(IssuerParts {
            directory: parts.authority.directory.clone(),
            email: parts.email.clone(),
            names,
            vault: parts.opened.vault.clone(),
            challenges: parts.opened.own.clone(),
            events: Arc::new(events::Trail {
                accounts: parts.accounts.clone(),
                clock: Arc::new(SystemClock),
                directory_host: parts.authority.directory.host().to_owned(),
                site: parts.site.clone(),
            }),
            install: self.install(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            dial: Arc::new(SystemDial),
            times: parts.authority.times,
        })
    }

    fn install(&self) -> Install {
        let (certificates, accounts) = (self.parts.certificates.clone(), self.parts.accounts.clone());
        let is_placeholder = self.parts.is_placeholder.clone();
        Arc::new(move |stored: &StoredCertificate| {
            let identity = Identity::from_pem(&stored.chain_pem, stored.key_pem.expose());
            let identity = identity.map_err(|error| InstallFault(error.to_string()))?;
            is_placeholder.store(false, Ordering::Release);
            if certificates.renew(&identity) {
                tracing::info!(target: "doorward", not_after = %stored.not_after, "another certificate is served");
                let entry = AuditEntry::of_house(AuditEvent::CertificateReloaded, Outcome::Success, SystemClock.now());
                accounts.record(entry.because("acme"));
            }
            Ok(())
        })
    }
}

/// Where a reload says which hosts there are now.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    site: Host,
    hosts: watch::Sender<Vec<Host>>,
}

impl Orders {
    /// The hosts from now on; nothing happens when they are the same.
    pub(crate) fn set<'a>(&self, hosts: impl IntoIterator<Item = &'a Host>) {
        let hosts = sorted(&self.site, hosts.into_iter().cloned().collect());
        self.hosts.send_if_modified(|known| {
            let differs = *known != hosts;
            *known = hosts;
            differs
        });
    }
}

/// The site's own host first, then by name: the order of a configuration means nothing.
fn sorted(site: &Host, mut hosts: Vec<Host>) -> Vec<Host> {
    hosts.sort_by(|left, right| (left != site, left).cmp(&(right != site, right)));
    hosts.dedup();
    hosts
}

/// Keeps this node able to answer what other nodes were asked to prove; never done, and at rest where there are none.
async fn follow(opened: &Opened) {
    if !opened.is_shared {
        return std::future::pending().await;
    }
    loop {
        // A database that does not answer is told of elsewhere; what is known stays until its time is over.
        if let Ok(challenges) = opened.vault.challenges(SystemClock.now()).await {
            opened.own.follow(challenges);
        }
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}
