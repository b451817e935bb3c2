//! What the served certificate says of itself.

use std::net::IpAddr;

use doorward_kit::Timestamp;
use doorward_kit::redact::Visible;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How much of a foreign name is shown.
const SHOWN_CHARS: usize = 200;

/// The parts of a leaf certificate that a report holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) issuer: String,
    pub(crate) self_signed: bool,
    /// Let's Encrypt marks the names of its staging hierarchy.
    pub(crate) staging: bool,
    /// Issued by Let's Encrypt for the public.
    pub(crate) production: bool,
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Leaf {
    /// `None` when the certificate cannot be read.
    pub(crate) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let issuer = certificate.issuer().to_string();
        // The common name, and its beginning: another field may hold whatever a certificate's buyer wrote.
        let mut names = certificate.issuer().iter_common_name();
        let is_named =
            |name: &x509_parser::x509::AttributeTypeAndValue<'_>| name.as_str().is_ok_and(|name| name.starts_with("(STAGING)"));
        let staging = names.next().is_some_and(is_named) && names.next().is_none();
        let names = certificate.subject_alternative_name().ok().flatten();
        Some(Self {
            self_signed: certificate.issuer() == certificate.subject(),
            staging,
            production: issuer.contains("Let's Encrypt") && !staging,
            issuer: Visible::new(&issuer, SHOWN_CHARS).to_string(),
            names: names.map(|names| names.value.general_names.iter().filter_map(name).collect()).unwrap_or_default(),
            not_before: Timestamp::from_second(certificate.validity().not_before.timestamp()).ok()?,
            not_after: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
        })
    }

    /// Whole days until the certificate ends; negative when it has ended.
    pub(crate) fn days_remaining(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(86_400)
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(Visible::new(name, SHOWN_CHARS).to_string()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
