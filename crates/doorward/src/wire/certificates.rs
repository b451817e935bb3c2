//! What handshakes show from the first one on, and who keeps it fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_config::{Config, Tls};
use doorward_domain::Accounts;
use doorward_edge::metrics::{Exposition, Kind};
use doorward_edge::tls::{CertStore, Identity, self_signed};
use doorward_edge::{Challenges, NoChallenges};
use doorward_kit::{Clock as _, SystemClock, SystemEntropy};
use doorward_policy::Policy;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{OpenedAccounts, StartError};
use crate::certificate::{self, Authority, Keeper, KeeperParts};

/// Certificates, opened.
pub(super) struct Certificates {
    pub(super) shown: Arc<CertStore>,
    pub(super) challenges: Arc<dyn Challenges>,
    pub(super) is_placeholder: Arc<AtomicBool>,
    /// Where they are ordered.
    pub(super) keeper: Option<Keeper>,
}

/// Reads files, or makes one, or takes what the vault has.
pub(super) async fn open(
    config: &Config,
    policy: &Policy,
    accounts: &OpenedAccounts,
    authority: Authority,
) -> Result<Certificates, StartError> {
    let fixed = |identity| Certificates {
        shown: Arc::new(CertStore::new(identity, policy.hosts())),
        challenges: Arc::new(NoChallenges),
        is_placeholder: Arc::default(),
        keeper: None,
    };
    match &config.tls {
        Tls::Files { certificate, key } => Ok(fixed(Identity::from_files(certificate, key)?)),
        Tls::SelfSigned => Ok(fixed(self_signed(policy.hosts(), SystemClock.now(), &SystemEntropy)?.identity)),
        Tls::LeStaging { email } => {
            let opened = certificate::open(config, policy, &authority, (&accounts.store, &accounts.keys)).await?;
            Ok(ordered(opened, email.clone(), policy, &accounts.accounts, authority))
        }
    }
}

fn ordered(
    opened: certificate::Opened,
    email: Option<String>,
    policy: &Policy,
    accounts: &Arc<Accounts>,
    authority: Authority,
) -> Certificates {
    let shown = Arc::new(CertStore::new(opened.identity.clone(), policy.hosts()));
    let is_placeholder = Arc::new(AtomicBool::new(opened.is_placeholder));
    if opened.is_placeholder {
        tracing::warn!(target: "doorward", "no certificate is there yet: a self-signed one is served, and the node is not ready");
    }
    let challenges = opened.pending.clone();
    let keeper = Keeper::new(KeeperParts {
        opened,
        authority,
        email,
        site: policy.origin.host().clone(),
        hosts: policy.hosts().cloned().collect(),
        certificates: shown.clone(),
        accounts: accounts.clone(),
        is_placeholder: is_placeholder.clone(),
    });
    Certificates { shown, challenges, is_placeholder, keeper: Some(keeper) }
}

/// When the certificate ends that handshakes show now, and whether it is one that nobody trusts.
pub(super) fn write_metrics(out: &mut Exposition, shown: &CertStore, is_placeholder: &AtomicBool) {
    let current = shown.current();
    if let Ok((_, leaf)) = X509Certificate::from_der(current.leaf_der()) {
        out.family("doorward_certificate_not_after_timestamp_seconds", Kind::Gauge, "When the served certificate ends.");
        out.sample(&[], leaf.validity().not_after.timestamp().max(0).unsigned_abs());
    }
    out.family(
        "doorward_certificate_placeholder",
        Kind::Gauge,
        "1 while a self-signed certificate is served because none was issued yet.",
    );
    out.sample(&[], u64::from(is_placeholder.load(Ordering::Acquire)));
}
