//! The one authority that may be asked.
//!
//! Comes in: text. Goes out: a [`Directory`], the only thing orders are made from, with the trust that belongs to it.
//! Must never know: sockets.

use std::sync::Arc;

use rustls::RootCertStore;

use crate::port::UrlClass;
use crate::trust::{self, Trust, TrustFault};
use crate::url::StrictUrl;

/// The directory of Let's Encrypt's staging environment, the only one that exists for Doorward (TLS-01).
pub const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// An authority that passed the allowlist. There is no way to make one for another address in a release build.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    host: String,
    port: u16,
    api_roots: Arc<RootCertStore>,
    trust: Trust,
}

/// Why a directory was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFault {
    /// It is not written as the one allowed URL is; the class says where it differs.
    #[error("only the staging directory may be ordered from (differs in: {0})")]
    Refused(UrlClass),
    /// The roots that belong to it could not be read.
    #[error(transparent)]
    Roots(#[from] TrustFault),
}

impl Directory {
    /// Reads a URL and compares it with [`STAGING`] after a strict parse (TLS-02).
    ///
    /// # Errors
    /// For everything else, in whatever spelling.
    pub fn parse(text: &str) -> Result<Self, DirectoryFault> {
        let asked = StrictUrl::parse(text).map_err(DirectoryFault::Refused)?;
        let allowed = StrictUrl::parse(STAGING).map_err(DirectoryFault::Refused)?;
        let differs = if asked.host != allowed.host {
            Some(UrlClass::Host)
        } else if asked.port != allowed.port {
            Some(UrlClass::Port)
        } else if asked.path != allowed.path {
            Some(UrlClass::Path)
        } else {
            None
        };
        match differs {
            Some(class) => Err(DirectoryFault::Refused(class)),
            None => Self::staging(),
        }
    }

    /// The staging directory: its interface is checked against public roots (TLS-10), what it issues against the bundled staging
    /// roots (TLS-07).
    ///
    /// # Errors
    /// When the bundled roots cannot be read, which a test rules out.
    pub fn staging() -> Result<Self, DirectoryFault> {
        let url = StrictUrl::parse(STAGING).map_err(DirectoryFault::Refused)?;
        // Compiled in: no file or variable of the machine (SSL_CERT_FILE) adds to them (TLS-05).
        let api_roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Self::new(STAGING, url, api_roots, trust::staging()?))
    }

    /// An authority on this machine, for tests: its own roots, and the name with which its issuers begin.
    ///
    /// # Errors
    /// When the URL is not that of `localhost` or `127.0.0.1`, or a root cannot be read.
    #[cfg(feature = "loopback-ca")]
    pub fn loopback(url: &str, own: &Loopback) -> Result<Self, DirectoryFault> {
        let parsed = StrictUrl::parse(url).map_err(DirectoryFault::Refused)?;
        if !matches!(parsed.host, "localhost" | "127.0.0.1") {
            return Err(DirectoryFault::Refused(UrlClass::Host));
        }
        let api_roots = trust::store(&own.api_root_pem)?;
        let trust = Trust { roots: Arc::new(trust::store(&own.issuing_root_pem)?), prefix: own.issuer_prefix.clone().into() };
        Ok(Self::new(url, parsed, api_roots, trust))
    }

    fn new(text: &str, url: StrictUrl<'_>, api_roots: RootCertStore, trust: Trust) -> Self {
        let (host, port) = (url.host.to_owned(), url.port);
        Self(Arc::new(Inner { url: text.to_owned(), host, port, api_roots: Arc::new(api_roots), trust }))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Its host, as the trail names it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// May a session with this authority ask this URL? Same scheme, host and port, and a plain path: newNonce, Location, Link,
    /// finalize and whatever else the authority names (TLS-03).
    ///
    /// # Errors
    /// The class of what differs. The URL itself is not repeated: it is the authority's text.
    pub fn permits(&self, url: &str) -> Result<(), UrlClass> {
        let url = StrictUrl::parse(url)?;
        if url.host != self.0.host {
            return Err(UrlClass::Host);
        }
        if url.port != self.0.port {
            return Err(UrlClass::Port);
        }
        Ok(())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn api_roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0.api_roots)
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.0.trust
    }
}

/// What a test says of its own authority.
#[cfg(feature = "loopback-ca")]
#[derive(Debug, Clone)]
pub struct Loopback {
    /// PEM of the root of the authority's own HTTPS interface.
    pub api_root_pem: String,
    /// PEM of the root that issued chains end at.
    pub issuing_root_pem: String,
    /// With what the issuer's common name begins, as `(STAGING)` does for the real one.
    pub issuer_prefix: String,
}
