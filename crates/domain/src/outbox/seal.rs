//! Bodies are sealed while they wait, so that a copy of the database holds no usable link (EMAIL-09).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use doorward_kit::{Entropy, PurposeRing, SubKey, id::MailId};

/// AES-256-GCM; the mail's id and recipient are authenticated with the body, so that no row's body can be moved to another recipient.
pub struct MailSeal(PurposeRing);

/// A body could not be sealed or opened: another key, or a row that was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("mail body cannot be opened")]
pub struct SealError;

impl MailSeal {
    /// Wraps the keys for [`doorward_kit::KeyPurpose::Outbox`].
    #[must_use]
    pub fn new(keys: impl Into<PurposeRing>) -> Self {
        Self(keys.into())
    }

    /// `nonce ‖ ciphertext ‖ tag`. Nonces are drawn at random: 96 bits are enough for 2³² mails under one key (NIST SP 800-38D §8.3).
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses; nothing is then stored.
    pub fn seal(&self, id: MailId, to: &str, body: &str, entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut text = body.as_bytes().to_vec();
        let key = cipher(&self.0.now().current().key)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated(id, to)), &mut text)
            .map_err(|_| SealError)?;
        Ok([&nonce[..], &text[..]].concat())
    }

    /// Opens what [`Self::seal`] made for the same mail, with whichever key that has not retired.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, id: MailId, to: &str, sealed: &[u8]) -> Result<String, SealError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let open = |key: &SubKey| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
            let mut text = text.to_vec();
            let open = cipher(key)?.open_in_place(nonce, Aad::from(associated(id, to)), &mut text).map_err(|_| SealError)?;
            String::from_utf8(open.to_vec()).map_err(|_| SealError)
        };
        self.0.now().alive().find_map(|key| open(&key.key).ok()).ok_or(SealError)
    }
}

fn cipher(key: &SubKey) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key.expose_bytes()).map(LessSafeKey::new).map_err(|_| SealError)
}

fn associated(id: MailId, to: &str) -> Vec<u8> {
    [id.as_bytes().as_slice(), to.as_bytes()].concat()
}
