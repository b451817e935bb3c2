//! Certificates that are ordered: the authority's room and the edge, put together.
//!
//! Comes in: the configuration's hosts, a store, the edge's certificate store. Goes out: a task that keeps the certificate fresh, and the
//! edge's port [`doorward_edge::Challenges`]. Must never know: what is asked of the authority, and how.
//!
//! ```text
//! start:   vault -> judged (TLS-07, TLS-08) -> served at once; nothing there -> self-signed placeholder, not ready
//! running: Issuer -> vault -> judged -> CertStore -> next handshake
//! ```

mod authority;
mod events;
mod folder;
mod keeper;
mod pending;
mod shared;
mod text;

pub use authority::Authority;
pub use folder::FolderFault;
pub(crate) use keeper::{Keeper, KeeperParts, Opened, Orders, open};

/// Why the house does not open with what is stored.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The folder of certificates or a file in it.
    #[error("{0}")]
    Folder(#[from] FolderFault),
    /// The vault that nodes share.
    #[error("the vault of certificates: {0}")]
    Vault(String),
    /// The allowed authority itself; a program file that is damaged.
    #[error("the authority's roots cannot be read: {0}")]
    Authority(#[from] doorward_acme::DirectoryFault),
    /// What is stored did not come from the staging authority (TLS-08).
    #[error(
        "{place}: the stored {what} did not come from the staging authority ({reason}), and production issuance is disallowed; move it \
         away, and another one is ordered"
    )]
    Foreign {
        /// File, or table.
        place: String,
        /// `certificate` or `account`.
        what: &'static str,
        /// One word.
        reason: &'static str,
    },
    /// The placeholder.
    #[error(transparent)]
    Tls(#[from] doorward_edge::TlsError),
}

impl CertificateError {
    /// Whether an operator has to put something right, or the machine failed.
    #[must_use]
    pub fn is_operators(&self) -> bool {
        matches!(self, Self::Folder(_) | Self::Foreign { .. })
    }
}
