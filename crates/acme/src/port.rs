//! What the issuer needs of others, and the values that pass.
//!
//! Comes in: nothing. Goes out: the ports [`Vault`] (what lasts), [`Challenges`] (who answers the authority) and [`Events`] (the trail).
//! Must never know: who implements them.

use std::fmt;

use async_trait::async_trait;
use doorward_kit::{Host, Secret, Timestamp};

use crate::backoff::Ledger;
use crate::fault::Reason;

/// An account of the authority, as kept.
#[derive(Clone)]
pub struct StoredAccount {
    /// The directory it belongs to.
    pub directory: String,
    /// Id and private key, in the client's own form.
    pub credentials_json: Secret<String>,
}

impl fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAccount").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A certificate with its key, as kept.
#[derive(Clone)]
pub struct StoredCertificate {
    /// The directory it came from.
    pub directory: String,
    /// The names it was ordered for.
    pub names: Vec<Host>,
    /// Leaf first.
    pub chain_pem: String,
    /// PKCS#8.
    pub key_pem: Secret<String>,
    /// The start of its validity.
    pub issued_at: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl fmt::Debug for StoredCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("StoredCertificate");
        out.field("directory", &self.directory).field("names", &self.names).field("not_after", &self.not_after);
        out.finish_non_exhaustive()
    }
}

/// What the authority will ask for, and the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The last segment of the http-01 path: 1 to 128 characters of base64url.
    pub token: String,
    /// The body of the http-01 answer.
    pub key_authorization: String,
    /// The host that is asked.
    pub host: Host,
    /// SHA-256 of the key authorization: the extension of the tls-alpn-01 certificate.
    pub digest: [u8; 32],
    /// After this nobody asks any more, even if it was not withdrawn.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").field("host", &self.host).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A vault that did not do what it was asked; the words are for the operator's log and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the vault of certificates: {0}")]
pub struct VaultFault(pub String);

/// Where account, certificate, attempts, lease and open challenges are kept: a folder on one machine, a table on several.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The account, if there is one.
    async fn account(&self) -> Result<Option<StoredAccount>, VaultFault>;
    /// Keeps the account instead of an older one.
    async fn save_account(&self, account: &StoredAccount) -> Result<(), VaultFault>;
    /// The certificate, if there is one.
    async fn certificate(&self) -> Result<Option<StoredCertificate>, VaultFault>;
    /// Keeps the certificate instead of an older one, whole or not at all.
    async fn save_certificate(&self, certificate: &StoredCertificate) -> Result<(), VaultFault>;
    /// What is known of attempts; nothing, where there is no record or none that can be read: the next attempt is noted in a new one
    /// before it is made, so that a spoiled record is forgotten once and not at every start. A fault is for what could not be asked.
    async fn attempts(&self) -> Result<Ledger, VaultFault>;
    /// Keeps the record of attempts instead of the older one; it lasts once this returns.
    async fn save_attempts(&self, ledger: &Ledger) -> Result<(), VaultFault>;
    /// Asks to be the node that orders until `until`; `true` when it is this one. Asking again renews it.
    async fn lease(&self, now: Timestamp, until: Timestamp) -> Result<bool, VaultFault>;
    /// Gives the lease back.
    async fn release(&self) -> Result<(), VaultFault>;
    /// Lets every node know a challenge.
    async fn save_challenge(&self, challenge: &Challenge) -> Result<(), VaultFault>;
    /// The challenges that are open at this time.
    async fn challenges(&self, now: Timestamp) -> Result<Vec<Challenge>, VaultFault>;
    /// Forgets one.
    async fn remove_challenge(&self, token: &str) -> Result<(), VaultFault>;
}

/// Who answers the authority on this node.
pub trait Challenges: Send + Sync {
    /// From now on.
    fn present(&self, challenge: Challenge);
    /// No more.
    fn withdraw(&self, token: &str);
}

/// Who writes down what happened.
pub trait Events: Send + Sync {
    /// Takes one event; must not block.
    fn record(&self, event: AcmeEvent);
}

/// What happened, for the trail and for alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeEvent {
    /// An order was begun.
    Ordered {
        /// For these names.
        names: Vec<Host>,
    },
    /// The first certificate, or one after a time without.
    Issued {
        /// Its end.
        not_after: Timestamp,
    },
    /// A certificate in the place of one that was still valid.
    Renewed {
        /// Its end.
        not_after: Timestamp,
    },
    /// Another node ordered it; this node took it from the vault.
    Adopted {
        /// Its end.
        not_after: Timestamp,
    },
    /// An attempt failed; what was served before is still served.
    Failed {
        /// Why.
        reason: Reason,
        /// Not before this time is it tried again.
        retry_at: Timestamp,
    },
    /// The authority named an address that is not allowed, and the session ended without asking it (TLS-03).
    Refused {
        /// What was wrong with the address.
        class: UrlClass,
    },
    /// A stored account or certificate was not taken (TLS-08).
    Distrusted {
        /// One word: see [`crate::TrustFault::word`], or `account`.
        reason: &'static str,
    },
    /// The certificate is near its end and was not renewed; told once for each certificate.
    Alarm {
        /// Whole days that are left.
        days_left: i64,
    },
}

/// Where a URL differs from what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UrlClass {
    /// Octets that have no place in it: spaces, controls, escapes, backslashes, anything beyond ASCII; or too many.
    Spelling,
    /// Not `https`.
    Scheme,
    /// A name or password before the host.
    Userinfo,
    /// Another host, or one in another spelling.
    Host,
    /// Another port, or one in another spelling.
    Port,
    /// Another path, or one with dot segments, empty segments, query or fragment.
    Path,
    /// A redirect, wherever it points (TLS-04).
    Redirect,
}

impl UrlClass {
    /// One word for the trail.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Spelling => "spelling",
            Self::Scheme => "scheme",
            Self::Userinfo => "userinfo",
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Redirect => "redirect",
        }
    }
}

impl fmt::Display for UrlClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
