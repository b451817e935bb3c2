//! Bodies are sealed while they wait, so that a copy of the database holds no usable link (EMAIL-09).

use doorward_kit::{Entropy, PurposeRing, Seal, SealError, id::MailId};

/// Seals a body for the mail's id and recipient: no row's body can be moved to another recipient.
pub struct MailSeal(Seal);

impl MailSeal {
    /// Wraps the keys for [`doorward_kit::KeyPurpose::Outbox`].
    #[must_use]
    pub fn new(keys: impl Into<PurposeRing>) -> Self {
        Self(Seal::new(keys))
    }

    /// See [`Seal::seal`].
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses; nothing is then stored.
    pub fn seal(&self, id: MailId, to: &str, body: &str, entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        self.0.seal(&associated(id, to), body.as_bytes(), entropy)
    }

    /// Opens what [`Self::seal`] made for the same mail.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, id: MailId, to: &str, sealed: &[u8]) -> Result<String, SealError> {
        let body = self.0.open(&associated(id, to), sealed)?;
        String::from_utf8(body.to_vec()).map_err(|_| SealError)
    }
}

fn associated(id: MailId, to: &str) -> Vec<u8> {
    [id.as_bytes().as_slice(), to.as_bytes()].concat()
}
