//! A certificate authority for one test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;

/// Signs leaf certificates; its own certificate is what a client of the test trusts.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestCa {
    /// A fresh authority.
    #[must_use]
    pub fn new() -> Self {
        Self::named("Doorward test authority", None)
    }

    /// One that calls itself as it likes: common name and organisation.
    #[must_use]
    pub fn named(name: &str, organization: Option<&str>) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(organization) = organization {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Writes `ca.pem`, `site.pem` and `site.key` for the hosts into the folder; answers with the last two.
    pub fn write(&self, folder: &Path, hosts: &[String]) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(hosts.to_vec()).unwrap();
        params.distinguished_name.push(DnType::CommonName, hosts[0].clone());
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let (chain_file, key_file) = (folder.join("site.pem"), folder.join("site.key"));
        std::fs::write(folder.join("ca.pem"), self.pem()).unwrap();
        std::fs::write(&chain_file, format!("{}{}", leaf.pem(), self.pem())).unwrap();
        write_private(&key_file, key.serialize_pem().as_bytes());
        (chain_file, key_file)
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a file that only its owner may read, as a secret must be.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}
