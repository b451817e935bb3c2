//! Who may have issued what is served (TLS-07).
//!
//! Comes in: a chain and the directory it is said to come from. Goes out: yes, or what is wrong.
//! The chain is verified by rustls; this file adds the rule about the issuer's name.
//! Must never know: files, sockets.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Host, Timestamp};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::directory::Directory;
use crate::port::StoredCertificate;

/// With this the common name of every staging issuer begins.
pub const STAGING_PREFIX: &str = "(STAGING)";

/// More certificates than this are no chain of this authority.
const LONGEST_CHAIN: usize = 6;

const ROOTS: [&str; 4] = [
    include_str!("../roots/letsencrypt-stg-root-x1.pem"),
    include_str!("../roots/letsencrypt-stg-root-x2.pem"),
    include_str!("../roots/root-ye.pem"),
    include_str!("../roots/root-yr.pem"),
];

/// Roots, and how issuers' names begin.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) prefix: Box<str>,
}

/// Why a chain or a stored certificate may not be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// Not PEM, not X.509, empty or far too long.
    #[error("the chain cannot be read")]
    Unreadable,
    /// The issuer's common name does not begin as a staging issuer's does, or there is not exactly one.
    #[error("the issuer is not a staging authority")]
    Issuer,
    /// It does not end at a bundled root.
    #[error("the chain does not end at a staging root")]
    Chain,
    /// Its time is over, or has not begun.
    #[error("the certificate is not valid now")]
    Time,
    /// It came from another directory.
    #[error("the certificate is stored for another directory")]
    Directory,
    /// It lacks a configured name.
    #[error("the certificate does not name every configured host")]
    Names,
    /// The private key is another's.
    #[error("the private key does not belong to the certificate")]
    Key,
}

impl TrustFault {
    /// One word for the trail.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Issuer => "issuer",
            Self::Chain => "chain",
            Self::Time => "time",
            Self::Directory => "directory",
            Self::Names => "names",
            Self::Key => "key",
        }
    }
}

/// May this chain, leaf first, be served as coming from this directory? For fresh, stored and served chains alike.
///
/// # Errors
/// The first thing that is wrong; the issuer's name is looked at first, so that a production chain is called one.
pub fn judge(chain: &[CertificateDer<'_>], directory: &Directory, now: Timestamp) -> Result<(), TrustFault> {
    let (leaf, rest) = chain.split_first().ok_or(TrustFault::Unreadable)?;
    if chain.len() > LONGEST_CHAIN {
        return Err(TrustFault::Unreadable);
    }
    let trust = directory.trust();
    if !issuer_name(leaf)?.starts_with(&*trust.prefix) {
        return Err(TrustFault::Issuer);
    }
    let parsed = ParsedCertificate::try_from(leaf).map_err(|_| TrustFault::Unreadable)?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)));
    let algorithms = provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, &trust.roots, rest, now, algorithms).map_err(|error| match error {
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired
            | rustls::CertificateError::ExpiredContext { .. }
            | rustls::CertificateError::NotValidYet
            | rustls::CertificateError::NotValidYetContext { .. },
        ) => TrustFault::Time,
        _ => TrustFault::Chain,
    })
}

/// The same for what a vault holds, and besides: is it for this directory, do chain and key belong together?
///
/// # Errors
/// The first thing that is wrong.
pub fn judge_stored(stored: &StoredCertificate, directory: &Directory, now: Timestamp) -> Result<(), TrustFault> {
    if stored.directory != directory.url() {
        return Err(TrustFault::Directory);
    }
    let chain = read_chain(&stored.chain_pem)?;
    judge(&chain, directory, now)?;
    let key = PrivateKeyDer::from_pem_slice(stored.key_pem.expose().as_bytes()).map_err(|_| TrustFault::Key)?;
    let signing = provider().key_provider.load_private_key(key).map_err(|_| TrustFault::Key)?;
    rustls::sign::CertifiedKey::new(chain, signing).keys_match().map_err(|_| TrustFault::Key)
}

/// Does the leaf name every one of these hosts?
///
/// # Errors
/// [`TrustFault::Names`] when one is missing.
pub fn covers(chain_pem: &str, names: &[Host]) -> Result<(), TrustFault> {
    let chain = read_chain(chain_pem)?;
    let leaf = chain.first().ok_or(TrustFault::Unreadable)?;
    let parsed = ParsedCertificate::try_from(leaf).map_err(|_| TrustFault::Unreadable)?;
    for name in names {
        let name = ServerName::try_from(name.as_str()).map_err(|_| TrustFault::Names)?;
        verify_server_name(&parsed, &name).map_err(|_| TrustFault::Names)?;
    }
    Ok(())
}

/// When the leaf's time begins and ends.
///
/// # Errors
/// [`TrustFault::Unreadable`].
pub fn validity(chain_pem: &str) -> Result<(Timestamp, Timestamp), TrustFault> {
    let chain = read_chain(chain_pem)?;
    let leaf = chain.first().ok_or(TrustFault::Unreadable)?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| TrustFault::Unreadable)?;
    let read = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|_| TrustFault::Unreadable);
    Ok((read(leaf.validity().not_before)?, read(leaf.validity().not_after)?))
}

/// The common name of who issued this certificate, when it has exactly one.
///
/// # Errors
/// [`TrustFault::Unreadable`], or [`TrustFault::Issuer`] when there is none or more than one.
pub fn issuer_name(leaf: &CertificateDer<'_>) -> Result<String, TrustFault> {
    let (rest, leaf) = X509Certificate::from_der(leaf).map_err(|_| TrustFault::Unreadable)?;
    if !rest.is_empty() {
        return Err(TrustFault::Unreadable);
    }
    let mut names = leaf.issuer().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().map(str::to_owned).map_err(|_| TrustFault::Issuer),
        _ => Err(TrustFault::Issuer),
    }
}

/// The certificates of a PEM text, in its order.
///
/// # Errors
/// [`TrustFault::Unreadable`] when there is none, or one cannot be read.
pub fn read_chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, TrustFault> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or(TrustFault::Unreadable)
}

pub(crate) fn staging() -> Result<Trust, TrustFault> {
    Ok(Trust { roots: Arc::new(store(&ROOTS.concat())?), prefix: STAGING_PREFIX.into() })
}

pub(crate) fn store(pem: &str) -> Result<RootCertStore, TrustFault> {
    let mut store = RootCertStore::empty();
    for root in read_chain(pem)? {
        store.add(root).map_err(|_| TrustFault::Unreadable)?;
    }
    Ok(store)
}

pub(crate) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_root_calls_itself_staging_and_is_self_signed() {
        for pem in ROOTS {
            let chain = read_chain(pem).unwrap();
            assert_eq!(chain.len(), 1);
            let (_, root) = X509Certificate::from_der(&chain[0]).unwrap();
            let name = root.subject().iter_common_name().next().unwrap().as_str().unwrap();
            assert!(name.starts_with(STAGING_PREFIX), "{name}");
            assert_eq!(root.subject(), root.issuer(), "{name}");
            assert!(root.is_ca(), "{name}");
        }
        assert_eq!(staging().unwrap().roots.len(), ROOTS.len());
    }
}
