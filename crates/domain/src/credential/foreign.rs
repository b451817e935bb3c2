//! Hashes that other systems made: checked as they are, replaced by ours at the first sign-in.
//!
//! Comes in: what an import stored. Goes out: whether a password fits. The work that a stored string may ask for is bounded when it is
//! imported and again when it is used.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Password;
use super::phc::Stored;

/// Most rounds of PBKDF2: four times what Django asks for today.
const MAX_ITERATIONS: u32 = 5_000_000;
/// Highest cost of bcrypt: 2¹⁵ rounds take seconds.
const MAX_BCRYPT_COST: u32 = 15;
/// What bcrypt looks at; the rest of a password means nothing to it.
const BCRYPT_MAX_OCTETS: usize = 72;

/// A hash of another system.
pub(super) enum Foreign {
    /// Django's `pbkdf2_sha256$rounds$salt$hash`.
    Pbkdf2 { rounds: NonZeroU32, salt: String, tag: Vec<u8> },
    /// `$2a$`, `$2b$`, `$2y$`, of the password itself.
    Bcrypt(String),
    /// Django's `bcrypt_sha256`: of the hexadecimal SHA-256 of the password, which every octet counts in.
    BcryptOfDigest(String),
}

impl Foreign {
    /// Reads a string; `None` for what is none of these or asks for too much.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            let mut parts = rest.split('$');
            let (rounds, salt, tag) = (parts.next()?.parse().ok()?, parts.next()?.to_owned(), parts.next()?);
            let tag = STANDARD.decode(tag).ok()?;
            let is_sound =
                parts.next().is_none() && rounds <= NonZeroU32::new(MAX_ITERATIONS)? && tag.len() == 32 && !salt.is_empty();
            return is_sound.then_some(Self::Pbkdf2 { rounds, salt, tag });
        }
        if let Some(rest) = text.strip_prefix("bcrypt_sha256$") {
            return bcrypt_string(rest).map(Self::BcryptOfDigest);
        }
        bcrypt_string(text.strip_prefix("bcrypt$").unwrap_or(text)).map(Self::Bcrypt)
    }

    /// Whether a password fits.
    pub(super) fn matches(&self, password: &Password) -> bool {
        let text = password.0.expose().as_bytes();
        match self {
            Self::Pbkdf2 { rounds, salt, tag } => {
                pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, *rounds, salt.as_bytes(), text, tag).is_ok()
            }
            // What bcrypt would not look at must not make two passwords one.
            Self::Bcrypt(_) if text.len() > BCRYPT_MAX_OCTETS => false,
            Self::Bcrypt(stored) => bcrypt::verify(text, stored).unwrap_or(false),
            Self::BcryptOfDigest(stored) => {
                let hex: Zeroizing<String> = Zeroizing::new(hex(digest::digest(&digest::SHA256, text).as_ref()));
                bcrypt::verify(hex.as_bytes(), stored).unwrap_or(false)
            }
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// `$2b$12$` and 53 characters of salt and hash.
fn bcrypt_string(text: &str) -> Option<String> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let (cost, hash) = rest.split_once('$')?;
    let cost: u32 = (cost.len() == 2).then(|| cost.parse().ok())??;
    let is_sound = (4..=MAX_BCRYPT_COST).contains(&cost)
        && hash.len() == 53
        && hash.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'/'));
    is_sound.then(|| text.to_owned())
}

/// A hash of another system as it can be stored, or `None`: Django's `argon2$argon2id$…` becomes a plain PHC string.
pub(crate) fn importable(text: &str) -> Option<String> {
    let text = match text.strip_prefix("argon2$") {
        Some(rest) => format!("${rest}"),
        None => text.to_owned(),
    };
    (Stored::parse(&text).is_some() || Foreign::parse(&text).is_some()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Foreign, importable};
    use crate::credential::Password;

    /// Made by Django 5.2, Python's bcrypt and argon2-cffi.
    const FIXTURES: &[&str] = &[
        "pbkdf2_sha256$20000$qoYkbPzRZf1n7Kt3$pcYFr2csxb11lB1Wc+jCu5ZcFSFvlmUDyeQDrty/9yE=",
        "argon2$argon2id$v=19$m=8192,t=1,p=1$c21oT09tZkZRVmdaS256Z2hxR3VYeg$0hFnSDk96ipfhQ5OMWkyQ0rcNZLPVYrhAKW59L/h7zo",
        "bcrypt_sha256$$2b$05$G2uDrd7q0FAMOM7Xk/PpyOM2e.ghePmO0NHBZ9b63djM22rYCHPQ6",
        "bcrypt$$2b$05$QvIxdIdTsrfvVGe4xQ9xyODrrUs4XhenG/Dl9mxpwyXbWTejwyy3O",
        "$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW",
    ];

    #[test]
    fn hashes_of_other_systems_fit_their_password_and_no_other() {
        for stored in FIXTURES {
            let stored = importable(stored).expect(stored);
            let Some(foreign) = Foreign::parse(&stored) else { continue };
            assert!(foreign.matches(&Password::new("correct horse battery staple".to_owned())), "{stored}");
            for wrong in ["", "correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple"] {
                assert!(!foreign.matches(&Password::new(wrong.to_owned())), "{stored} {wrong:?}");
            }
        }
    }

    #[test]
    fn what_is_no_hash_or_asks_for_too_much_is_not_taken() {
        for text in [
            "",
            "plain text",
            "!unusable",
            "md5$salt$hash",
            "pbkdf2_sha256$0$salt$ImNOWuWrMqZVYmLz+Y+TdaqapDPxnSAvJ472gMXTfx4=",
            "pbkdf2_sha256$5000001$salt$ImNOWuWrMqZVYmLz+Y+TdaqapDPxnSAvJ472gMXTfx4=",
            "pbkdf2_sha256$-1$salt$ImNOWuWrMqZVYmLz+Y+TdaqapDPxnSAvJ472gMXTfx4=",
            "pbkdf2_sha256$1000$$ImNOWuWrMqZVYmLz+Y+TdaqapDPxnSAvJ472gMXTfx4=",
            "pbkdf2_sha256$1000$salt$AAAA",
            "pbkdf2_sha256$1000$salt$ImNOWuWrMqZVYmLz+Y+TdaqapDPxnSAvJ472gMXTfx4=$more",
            "$2b$16$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "$2b$03$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "$2x$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "$2b$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        ] {
            assert!(importable(text).is_none(), "{text}");
        }
    }

    #[test]
    fn bcrypt_never_looks_at_part_of_a_password() {
        let long = "x".repeat(73);
        let stored = bcrypt::hash(&long[..72], 4).expect("a hash");
        let foreign = Foreign::parse(&stored).expect("bcrypt");
        assert!(foreign.matches(&Password::new("x".repeat(72))));
        assert!(!foreign.matches(&Password::new(long)));
    }
}
