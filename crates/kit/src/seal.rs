//! Texts that are stored where others could read or move them: sealed for one place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::key::SubKey;
use crate::ring::PurposeRing;
use crate::rng::Entropy;

/// A text could not be sealed or opened: another key, another place, or it was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed text cannot be opened")]
pub struct SealError;

/// AES-256-GCM under the keys of one purpose. What names the place is authenticated with the text, so that it is nothing elsewhere.
///
/// ```
/// use std::sync::Arc;
/// use doorward_kit::{KeyPurpose, KeyRing, Seal, SharedRing, SystemClock, SystemEntropy};
/// let ring = KeyRing::parse("q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF").expect("long enough");
/// let seal = Seal::new(SharedRing::new(ring, Arc::new(SystemClock)).of(KeyPurpose::Vault));
/// let sealed = seal.seal(b"here", b"text", &SystemEntropy).expect("sealed");
/// assert_eq!(**seal.open(b"here", &sealed).expect("opened"), *b"text");
/// assert!(seal.open(b"there", &sealed).is_err());
/// ```
pub struct Seal(PurposeRing);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    /// Wraps the keys of a purpose that no other value is sealed with.
    #[must_use]
    pub fn new(keys: impl Into<PurposeRing>) -> Self {
        Self(keys.into())
    }

    /// `nonce ‖ ciphertext ‖ tag` under the current key. Nonces are drawn at random: 96 bits are enough for 2³² texts under one key
    /// (NIST SP 800-38D §8.3).
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    pub fn seal(&self, place: &[u8], text: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = text.to_vec();
        let key = cipher(&self.0.now().current().key)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| SealError)?;
        Ok([&nonce[..], &sealed[..]].concat())
    }

    /// Opens what [`Self::seal`] made for the same place, with whichever key that has not retired.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.now().alive().find_map(|key| open(&key.key, place, sealed).ok()).ok_or(SealError)
    }

    /// As [`Self::open`], with whichever key there ever was: for what lives for good.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_for_good(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.now().all().find_map(|key| open(&key.key, place, sealed).ok()).ok_or(SealError)
    }
}

fn open(key: &SubKey, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| SealError)?.len();
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &SubKey) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key.expose_bytes()).map(LessSafeKey::new).map_err(|_| SealError)
}
