//! Certificates made at start, for a developer's own machine.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Entropy, Host, Timestamp};
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::identity::{Identity, TlsError};
use super::provider;

/// Life of a self-signed certificate in days; browsers refuse more than 398.
const VALID_DAYS: u32 = 90;
const ONE_DAY: Duration = Duration::from_secs(86_400);

/// A certificate and key as PEM, so that the caller may store and show them; nothing is written here.
pub struct SelfSigned {
    /// `BEGIN CERTIFICATE`: also what a client is told to trust.
    pub certificate_pem: String,
    /// `BEGIN PRIVATE KEY`.
    pub key_pem: Zeroizing<String>,
    /// The same, ready to serve.
    pub identity: Identity,
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfSigned").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Signs for every host of the list, from one day before `now` for 90 days.
///
/// A host that is an address becomes an address entry; where `localhost` is among them, `127.0.0.1` and `::1` are added, which
/// developers type in its place. The key is ECDSA P-256.
///
/// # Errors
/// [`TlsError::SelfSigned`] when a host cannot stand in a certificate or the list is empty.
pub fn self_signed<'a>(
    hosts: impl IntoIterator<Item = &'a Host>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SelfSigned, TlsError> {
    let mut names: Vec<String> = hosts.into_iter().map(|host| host.as_str().to_owned()).collect();
    if names.iter().any(|name| name == "localhost") {
        names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    }
    names.sort();
    names.dedup();
    let key = KeyPair::generate().map_err(TlsError::SelfSigned)?;
    let certificate = parameters(names, now, entropy)?.self_signed(&key).map_err(TlsError::SelfSigned)?;
    let (certificate_pem, key_pem) = (certificate.pem(), Zeroizing::new(key.serialize_pem()));
    let identity = Identity::from_pem(&certificate_pem, &key_pem)?;
    Ok(SelfSigned { certificate_pem, key_pem, identity })
}

/// See [`super::challenge::proof`].
pub(super) fn proof(host: &Host, digest: &[u8; 32], now: Timestamp, entropy: &dyn Entropy) -> Result<Identity, TlsError> {
    let key = KeyPair::generate().map_err(TlsError::SelfSigned)?;
    let mut params = parameters(vec![host.as_str().to_owned()], now, entropy)?;
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let certificate = params.self_signed(&key).map_err(TlsError::SelfSigned)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider().key_provider.load_private_key(key).map_err(TlsError::Provider)?;
    // Not read again to compare the keys: no reader of ours knows the critical extension.
    Ok(Identity(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))))
}

fn parameters(names: Vec<String>, now: Timestamp, entropy: &dyn Entropy) -> Result<CertificateParams, TlsError> {
    let mut serial = [0; 16];
    entropy.fill(&mut serial);
    // A serial number is positive (RFC 5280 §4.1.2.2).
    serial[0] &= 0x7f;
    let mut params = CertificateParams::new(names).map_err(TlsError::SelfSigned)?;
    let shown = params.subject_alt_names.iter().find_map(|san| match san {
        SanType::DnsName(name) => Some(name.as_str().to_owned()),
        _ => None,
    });
    params.distinguished_name.push(DnType::CommonName, shown.unwrap_or_else(|| "Doorward".to_owned()));
    params.distinguished_name.push(DnType::OrganizationName, "Doorward self-signed (development)");
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(now.as_second().try_into().unwrap_or(0));
    params.not_before = epoch + now.saturating_sub(ONE_DAY);
    params.not_after = epoch + now + ONE_DAY * VALID_DAYS;
    Ok(params)
}
