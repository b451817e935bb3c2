//! Certificates of the staging authority, and of no other.
//!
//! Comes in: host names from the configuration, time and chance. Goes out: certificates that were judged, through the ports
//! [`Vault`], [`Challenges`] and [`Events`]. Every address of a session passes [`Directory::permits`] before a socket is opened,
//! and every chain passes [`trust::judge`], whether it is fresh or was stored.
//! Must never know: the edge, accounts, SQL, where files lie.

#[cfg(all(feature = "loopback-ca", not(debug_assertions)))]
compile_error!(
    "the feature loopback-ca lets tests order from an authority on this machine; it must not be in a release (TLS-06)"
);

pub mod account;
mod backoff;
pub mod client;
pub mod directory;
mod fault;
mod issuer;
mod order;
pub mod port;
pub mod renewal;
pub mod trust;
mod url;

pub use backoff::{FAILURES_PER_HOUR, Ledger, Pauses};
pub use directory::{Directory, DirectoryFault, STAGING};
pub use fault::{Fault, Reason};
pub use issuer::{Install, InstallFault, Issuer, IssuerParts, IssuerTimes};
pub use port::{AcmeEvent, Challenge, Challenges, Events, StoredAccount, StoredCertificate, UrlClass, Vault, VaultFault};
pub use trust::TrustFault;
