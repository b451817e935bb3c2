//! Whom this program orders from.

use doorward_acme::{Directory, DirectoryFault, IssuerTimes};

/// Decided by `main` and by nothing that is read at run time: the program that is shipped names [`Authority::staging`] (TLS-05, TLS-06).
#[derive(Debug, Clone)]
pub struct Authority {
    /// The directory, with the trust that belongs to it.
    pub directory: Directory,
    /// How long things take.
    pub times: IssuerTimes,
}

impl Authority {
    /// The staging environment of Let's Encrypt.
    ///
    /// # Errors
    /// When the roots in the program file cannot be read.
    pub fn staging() -> Result<Self, DirectoryFault> {
        Ok(Self { directory: Directory::staging()?, times: IssuerTimes::default() })
    }
}
