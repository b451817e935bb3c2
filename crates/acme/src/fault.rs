//! Why an attempt failed.
//!
//! Comes in: errors of the client, the authority, the vault. Goes out: one [`Fault`] with a word for the trail.
//! Must never know: the authority's sentences, which are a stranger's text.

use crate::port::{UrlClass, VaultFault};
use crate::trust::TrustFault;

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An address was refused before anything was sent to it.
    #[error("the authority named an address that is not allowed ({0})")]
    Refused(UrlClass),
    /// No connection, or it broke.
    #[error("the authority cannot be reached")]
    Unreachable,
    /// The authority's own certificate was not trusted (TLS-10).
    #[error("the authority's own certificate is not trusted")]
    Untrusted,
    /// It took too long.
    #[error("the authority took too long")]
    Slow,
    /// An answer too large, of another type, or not to be read.
    #[error("the authority's answer cannot be used")]
    Answer,
    /// The authority says no; the word is the end of its problem type, when it is a known one.
    #[error("the authority refused: {0}")]
    Problem(&'static str),
    /// The authority could not see the challenge's answer; with the names that are known to have failed.
    #[error("the authority did not find the answer to its challenge")]
    Validation,
    /// It offers no challenge that can be answered, or asks for a name that nobody ordered.
    #[error("the authority asks for what was not ordered")]
    Offer,
    /// What was issued may not be served.
    #[error(transparent)]
    Trust(#[from] TrustFault),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The certificate could not be taken into use.
    #[error("the certificate could not be taken into use")]
    Install,
    /// Keys or a request could not be made.
    #[error("a key or a signing request could not be made")]
    Crypto,
}

/// A [`Fault`] as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub &'static str);

impl Fault {
    /// The word for the trail.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason(match self {
            Self::Refused(class) => class.word(),
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Slow => "slow",
            Self::Answer => "answer",
            Self::Problem(word) => word,
            Self::Validation => "validation",
            Self::Offer => "offer",
            Self::Trust(fault) => fault.word(),
            Self::Vault(_) => "vault",
            Self::Install => "install",
            Self::Crypto => "crypto",
        })
    }
}

impl Fault {
    /// Reads an error of the ACME library. The authority's own sentences are dropped: they are a stranger's text.
    pub(crate) fn from_library(error: &instant_acme::Error) -> Self {
        use instant_acme::Error;
        match error {
            Error::Other(inner) => inner.downcast_ref::<Self>().cloned().unwrap_or(Self::Answer),
            Error::Api(problem) => Self::from_problem(problem.r#type.as_deref().unwrap_or_default()),
            Error::Timeout(_) => Self::Slow,
            Error::Crypto | Error::KeyRejected => Self::Crypto,
            _ => Self::Answer,
        }
    }

    /// RFC 8555 §6.7.
    fn from_problem(kind: &str) -> Self {
        match kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or_default() {
            "connection" | "dns" | "tls" | "unauthorized" | "incorrectResponse" | "caa" => Self::Validation,
            "rateLimited" => Self::Problem("rate_limited"),
            "badNonce" => Self::Problem("bad_nonce"),
            "accountDoesNotExist" => Self::Problem(NO_ACCOUNT),
            "rejectedIdentifier" => Self::Problem("rejected_identifier"),
            "unsupportedIdentifier" => Self::Problem("unsupported_identifier"),
            "externalAccountRequired" => Self::Problem("external_account_required"),
            "userActionRequired" => Self::Problem("user_action_required"),
            "serverInternal" => Self::Problem("server_internal"),
            "malformed" => Self::Problem("malformed"),
            _ => Self::Problem("problem"),
        }
    }
}

/// The authority forgot the account, which a new one mends.
pub(crate) const NO_ACCOUNT: &str = "no_account";
