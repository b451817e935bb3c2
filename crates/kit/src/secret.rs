//! Values that must not be seen, and what is stored in their place.

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use crate::key::SubKey;
use crate::rng::Entropy;

/// Holds a value that is wiped when dropped and cannot be printed, serialised or compared by accident.
///
/// # Security
/// There is no `Display`, no `Serialize`, no `PartialEq`; `Debug` prints a fixed word (LOG-05).
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Shows the value; the name is long so that a reviewer finds every use.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Octets of a [`Token`].
pub const TOKEN_BYTES: usize = 32;

/// A bearer value that is made, shown once and forgotten: session cookie, verification link.
///
/// 256 bits (SES-05, FORGOT-07), written as 43 characters of unpadded base64url.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; TOKEN_BYTES]>);

impl Token {
    /// Draws a new token.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Reads exactly what [`Token::reveal`] writes; anything else is `None` (RESET-04).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let written = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        (written == TOKEN_BYTES).then_some(Self(bytes))
    }

    /// Writes the token for the one place it goes to: a cookie or a mail.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// What is stored instead: HMAC-SHA-256 under a key that is not in the database (SES-06).
    #[must_use]
    pub fn digest(&self, key: &SubKey) -> TokenDigest {
        TokenDigest(key.mac(self.0.as_slice()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The keyed hash under which a [`Token`] is looked up. Useless to whoever steals the table. Two are compared in constant time (PWD-09).
#[derive(Clone, Copy, Eq)]
pub struct TokenDigest(pub [u8; hmac_len()]);

const fn hmac_len() -> usize {
    aws_lc_rs::digest::SHA256_OUTPUT_LEN
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl TokenDigest {
    /// From its stored bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// Compares in time that depends only on the lengths (PWD-09).
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// HMAC-SHA-256, the one keyed hash of the house.
#[must_use]
pub(crate) fn hmac_sha256(key: &hmac::Key, message: &[u8]) -> [u8; hmac_len()] {
    let tag = hmac::sign(key, message);
    let mut out = [0; hmac_len()];
    out.copy_from_slice(tag.as_ref());
    out
}

/// SHA-256 of `bytes` in lower-case hexadecimal: names a text, hides nothing.
///
/// ```
/// assert_eq!(&doorward_kit::sha256_hex(b"")[..8], "e3b0c442");
/// ```
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
