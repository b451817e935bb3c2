//! E-mail addresses, parsed conservatively and compared in one canonical form (EMAIL-07, APP-RL-06, ENUM-06).

use std::fmt;
use std::str::FromStr;

use doorward_kit::Host;
use unicode_normalization::UnicodeNormalization as _;

use super::identifier;

/// Longest address in octets (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_OCTETS: usize = 254;

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_OCTETS: usize = 64;

/// A checked address: what was typed (trimmed), and the form in which it is compared.
///
/// `+tag` and dots make distinct accounts: providers differ in whether they mean the same mailbox, and guessing wrong would hand one
/// person's account to another. (Counters do fold them, see [`crate::throttle`].)
///
/// ```
/// use doorward_domain::EmailAddress;
/// let address: EmailAddress = " Ann.Lee@EXAMPLE.org. ".parse()?;
/// assert_eq!(address.display, "Ann.Lee@example.org");
/// assert_eq!(address.canonical, "ann.lee@example.org");
/// assert!("ann@example.org,bob@example.org".parse::<EmailAddress>().is_err());
/// # Ok::<(), doorward_domain::account::EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    /// For display and as recipient: the local part as typed, the domain as A-labels.
    pub display: String,
    /// Lower-case, NFKC, domain as A-labels: the unique key.
    pub canonical: String,
}

/// The address was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address")]
pub struct EmailError;

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim_matches(' ');
        // IDNA would drop invisible characters from the domain: two texts that look the same must not both be taken for it.
        if text.len() > MAX_OCTETS || text.contains(identifier::is_ignorable) {
            return Err(EmailError);
        }
        // Compatibility forms (full-width letters, ligatures, the Kelvin sign) become what they look like before anything is judged.
        let text: String = text.nfkc().collect();
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        let domain = parse_domain(domain)?;
        if !is_local_part(local) || local.len() + 1 + domain.len() > MAX_OCTETS {
            return Err(EmailError);
        }
        Ok(Self { display: format!("{local}@{domain}"), canonical: format!("{}@{domain}", local.to_ascii_lowercase()) })
    }
}

/// A name of at least two labels; an address literal (`[192.0.2.1]`) is no place a person reads mail.
fn parse_domain(text: &str) -> Result<String, EmailError> {
    let host: Host = text.parse().map_err(|_| EmailError)?;
    if host.ip().is_some() || !host.as_str().contains('.') {
        return Err(EmailError);
    }
    Ok(host.as_str().to_owned())
}

/// A dot-atom of RFC 5322 without what mail software has been seen to read twice: no quotes or comments, no `%` and `!` (old source
/// routes), no `?` (so no encoded word), no `|` and backquote, no leading `-` (an option to somebody's sendmail), ASCII only.
fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-'=&~#".contains(&b));
    local.len() <= MAX_LOCAL_OCTETS && !local.starts_with('-') && local.split('.').all(is_atom)
}

impl fmt::Debug for EmailAddress {
    /// An address is personal: it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}
