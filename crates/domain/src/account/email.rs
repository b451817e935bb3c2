//! E-mail addresses, parsed conservatively and compared in one canonical form (EMAIL-07, APP-RL-06, ENUM-06).

/// A checked address: what was typed (trimmed), and the form in which it is compared.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    /// For display and as recipient.
    pub display: String,
    /// Lower-case, NFKC, domain as A-labels: the unique key.
    pub canonical: String,
}

/// The address was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address")]
pub struct EmailError;
