//! The certificate that handshakes show, exchangeable while running.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use doorward_kit::Host;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity::Identity;

/// Holds the certificate and the names it is shown for.
///
/// A handshake that names a host which is not ours is ended with an alert before any certificate is shown (TLS-17). One that
/// names nobody, or an address, gets the certificate: the request's own host is judged later, for every request.
#[derive(Debug)]
pub struct CertStore(ArcSwap<Served>);

struct Served {
    identity: Identity,
    hosts: HashSet<Box<str>>,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("identity", &self.identity).field("hosts", &self.hosts).finish()
    }
}

impl CertStore {
    /// Starts with one certificate for these hosts.
    #[must_use]
    pub fn new<'a>(identity: Identity, hosts: impl IntoIterator<Item = &'a Host>) -> Self {
        Self(ArcSwap::from_pointee(Served::new(identity, hosts)))
    }

    /// Puts another certificate in its place. Handshakes under way end with the old one; established connections do not notice.
    pub fn swap<'a>(&self, identity: Identity, hosts: impl IntoIterator<Item = &'a Host>) {
        self.0.store(Arc::new(Served::new(identity, hosts)));
    }

    /// Puts another certificate in its place, for the same hosts; says whether it differs.
    pub fn renew(&self, identity: &Identity) -> bool {
        let before = self.0.rcu(|served| Served { identity: identity.clone(), hosts: served.hosts.clone() });
        before.identity.leaf_der() != identity.leaf_der()
    }

    /// Shows the same certificate for these hosts from now on.
    pub fn set_hosts<'a>(&self, hosts: impl IntoIterator<Item = &'a Host>) {
        let hosts: HashSet<Box<str>> = hosts.into_iter().map(|host| host.as_str().into()).collect();
        self.0.rcu(|served| Served { identity: served.identity.clone(), hosts: hosts.clone() });
    }

    /// What is shown now.
    #[must_use]
    pub fn current(&self) -> Identity {
        self.0.load().identity.clone()
    }
}

impl Served {
    fn new<'a>(identity: Identity, hosts: impl IntoIterator<Item = &'a Host>) -> Self {
        Self { identity, hosts: hosts.into_iter().map(|host| host.as_str().into()).collect() }
    }

    fn covers(&self, name: &str) -> bool {
        self.hosts.contains(name) || name.parse::<Host>().is_ok_and(|host| self.hosts.contains(host.as_str()))
    }
}

impl ResolvesServerCert for CertStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let served = self.0.load();
        match hello.server_name() {
            Some(name) if !served.covers(name) => None,
            _ => Some(served.identity.0.clone()),
        }
    }
}
