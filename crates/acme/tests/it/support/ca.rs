//! Keys and names of an authority: one root for its own interface, one that issues through an intermediate.

use std::time::Duration;

use doorward_kit::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

type Ca = CertifiedIssuer<'static, KeyPair>;

/// As the real issuers' names begin.
pub(crate) const PREFIX: &str = "(STAGING)";

/// The keys of one authority.
pub(crate) struct Pki {
    api_root: Ca,
    root: Ca,
    honest: Ca,
    /// Below the same root, but without the word in its name.
    plain: Ca,
    /// With the word in its name, but below a root of its own.
    stray: Ca,
}

/// Who signs a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Honest,
    Plain,
    Stray,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let root = ca("(STAGING) Test Turnip Root", None);
        let other = ca("(STAGING) Test Turnip Root", None);
        let honest = ca("(STAGING) Test Tomato T1", Some(&root));
        let plain = ca("R11", Some(&root));
        let stray = ca("(STAGING) Test Tomato T1", Some(&other));
        Self { api_root: ca("Interface root", None), root, honest, plain, stray }
    }

    pub(crate) fn api_root_pem(&self) -> String {
        self.api_root.pem()
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// Certificate and key of the authority's own interface.
    pub(crate) fn interface(&self, host: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &self.api_root).unwrap();
        (leaf.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// A chain for these names that begins now.
    pub(crate) fn issue(&self, signer: Signer, names: &[String], key: &RawKey, now: Timestamp, life: Duration) -> String {
        let mut params = CertificateParams::new(names.to_vec()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let begin = Duration::from_secs(u64::try_from(now.as_second()).unwrap());
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + begin;
        params.not_after = params.not_before + life;
        params.use_authority_key_identifier_extension = true;
        let issuer = match signer {
            Signer::Honest => &self.honest,
            Signer::Plain => &self.plain,
            Signer::Stray => &self.stray,
        };
        format!("{}{}", params.signed_by(key, issuer).unwrap().pem(), issuer.pem())
    }
}

fn ca(name: &str, above: Option<&Ca>) -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    match above {
        Some(above) => CertifiedIssuer::signed_by(params, key, above).unwrap(),
        None => CertifiedIssuer::self_signed(params, key).unwrap(),
    }
}

/// A public key as it stood in a signing request.
pub(crate) struct RawKey(pub(crate) Vec<u8>);

impl PublicKeyData for RawKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
