//! Password hashes of users files: bcrypt and Argon2id, within bounds that are neither weak nor a burden (GATE-15).

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordVerifier as _, Version};

/// bcrypt reads no further (Provos and Mazières, 1999).
const BCRYPT_PASSWORD_MAX_BYTES: usize = 72;

/// Weaker is quick to guess, stronger stops the gate.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 10..=16;
const ARGON2_MEMORY_KIB: std::ops::RangeInclusive<u32> = 19_456..=1_048_576;
const ARGON2_PASSES: std::ops::RangeInclusive<u32> = 2..=16;
const ARGON2_LANES: std::ops::RangeInclusive<u32> = 1..=16;

/// A hash that a password is verified against.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredHash {
    class: WorkClass,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Bcrypt(String),
    Argon2id(Box<PasswordHash>),
}

/// All hashes of a class cost the same to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkClass {
    /// Two to the power of `cost` rounds.
    Bcrypt { cost: u32 },
    /// RFC 9106.
    Argon2id { memory_kib: u32, passes: u32, lanes: u32 },
}

/// Why a hash is not taken. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// `$apr1$`, `{SHA}`, `$1$`, `$5$`, `$6$`, DES crypt, plain text, anything unknown.
    #[error(
        "only bcrypt ($2a$, $2b$, $2y$) and Argon2id hashes are taken; make one with `doorward hash-password` or `htpasswd -B`"
    )]
    Scheme,
    /// It starts right and goes wrong.
    #[error("the hash is damaged")]
    Damaged,
    /// Outside 10 to 16.
    #[error("bcrypt cost {0} is outside 10 to 16")]
    BcryptCost(u32),
    /// Below 19 MiB or two passes, or far above.
    #[error("Argon2id needs 19456 to 1048576 KiB, 2 to 16 passes and 1 to 16 lanes")]
    Argon2Cost,
}

impl StoredHash {
    /// Reads a hash as `htpasswd -B` or a PHC string writes it.
    pub(super) fn parse(text: &str) -> Result<Self, HashFault> {
        if text.starts_with("$argon2id$") {
            parse_argon2id(text)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            parse_bcrypt(text)
        } else {
            Err(HashFault::Scheme)
        }
    }

    /// A hash of nobody's password that costs as much as any of its class.
    pub(super) fn dummy(class: WorkClass) -> Result<Self, HashFault> {
        match class {
            // Salt and digest of zeros in bcrypt's own alphabet.
            WorkClass::Bcrypt { cost } => Self::parse(&format!("$2b${cost:02}${}", ".".repeat(53))),
            WorkClass::Argon2id { memory_kib, passes, lanes } => {
                let zeros = "A".repeat(43);
                Self::parse(&format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${zeros}", &zeros[..22]))
            }
        }
    }

    pub(super) fn class(&self) -> WorkClass {
        self.class
    }

    /// Whether the password is the one. Takes the same time whatever the answer; blocks for it.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match &self.kind {
            Kind::Bcrypt(text) => {
                // The work is done even for a password that cannot be right; `&` keeps it so.
                bcrypt::verify(password, text).unwrap_or(false) & (password.len() <= BCRYPT_PASSWORD_MAX_BYTES)
            }
            Kind::Argon2id(hash) => Argon2::default().verify_password(password, hash.as_ref()).is_ok(),
        }
    }
}

fn parse_bcrypt(text: &str) -> Result<StoredHash, HashFault> {
    let cost = text.parse::<bcrypt::HashParts>().map_err(|_| HashFault::Damaged)?.get_cost();
    if !BCRYPT_COST.contains(&cost) {
        return Err(HashFault::BcryptCost(cost));
    }
    Ok(StoredHash { class: WorkClass::Bcrypt { cost }, kind: Kind::Bcrypt(text.into()) })
}

fn parse_argon2id(text: &str) -> Result<StoredHash, HashFault> {
    let hash = PasswordHash::new(text).map_err(|_| HashFault::Damaged)?;
    let params = Params::try_from(&hash).map_err(|_| HashFault::Damaged)?;
    let is_whole = hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && hash.salt.is_some()
        && hash.hash.as_ref().is_some_and(|digest| digest.len() >= 16);
    if !is_whole {
        return Err(HashFault::Damaged);
    }
    let (memory_kib, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    if !ARGON2_MEMORY_KIB.contains(&memory_kib) || !ARGON2_PASSES.contains(&passes) || !ARGON2_LANES.contains(&lanes) {
        return Err(HashFault::Argon2Cost);
    }
    Ok(StoredHash { class: WorkClass::Argon2id { memory_kib, passes, lanes }, kind: Kind::Argon2id(Box::new(hash)) })
}

#[cfg(test)]
mod tests {
    use super::{HashFault, StoredHash, WorkClass};

    #[test]
    fn dummies_are_of_the_class_they_stand_for_and_match_nothing() {
        for class in [WorkClass::Bcrypt { cost: 10 }, WorkClass::Argon2id { memory_kib: 19_456, passes: 2, lanes: 1 }] {
            let dummy = StoredHash::dummy(class).expect("well-formed");
            assert_eq!(dummy.class(), class);
            assert!(!dummy.verify(b"") && !dummy.verify(b"password"));
        }
    }

    #[test]
    fn an_argon2_of_another_kind_or_version_is_damaged() {
        let zeros = "A".repeat(43);
        for (text, fault) in [
            (format!("$argon2i$v=19$m=19456,t=2,p=1${}${zeros}", &zeros[..22]), HashFault::Scheme),
            (format!("$argon2id$v=16$m=19456,t=2,p=1${}${zeros}", &zeros[..22]), HashFault::Damaged),
            (format!("$argon2id$m=19456,t=2,p=1${}${zeros}", &zeros[..22]), HashFault::Damaged),
            (format!("$argon2id$v=19$m=19456,t=2,p=1${}", &zeros[..22]), HashFault::Damaged),
            (format!("$argon2id$v=19$m=19455,t=2,p=1${}${zeros}", &zeros[..22]), HashFault::Argon2Cost),
            (format!("$argon2id$v=19$m=19456,t=1,p=1${}${zeros}", &zeros[..22]), HashFault::Argon2Cost),
            (format!("$argon2id$v=19$m=4294967295,t=2,p=1${}${zeros}", &zeros[..22]), HashFault::Argon2Cost),
        ] {
            assert_eq!(StoredHash::parse(&text).err(), Some(fault), "{text}");
        }
    }
}
