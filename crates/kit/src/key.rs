//! One master key, many sub-keys: each purpose has its own, so that a value made for one place is nothing in another (CFG-02).

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::secret::hmac_sha256;

/// What a derived key is for. The label is part of the derivation and must never change once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Digests of session tokens.
    SessionToken,
    /// Digests of verification and recovery tokens.
    OneTimeToken,
    /// Digests of known devices.
    DeviceToken,
    /// Links and checkpoints of the audit chain.
    AuditChain,
    /// Session-bound CSRF tokens.
    Csrf,
    /// Digests of addresses and names in counters and audit rows.
    SubjectHash,
    /// Seed of the Ed25519 key that signs assertions to upstreams.
    AssertionSigning,
    /// Seals mail bodies while they wait in the outbox.
    Outbox,
    /// Pepper of password hashes.
    PasswordPepper,
    /// Tells whether two keys are the same; nothing is made with it.
    RingCheck,
    /// Seals certificates' keys and accounts of the authority where nodes share them.
    Vault,
    /// Digests of the tokens of ceremonies and of passes for gates.
    Ceremony,
    /// The `state` that goes to a provider and comes back.
    ProviderState,
    /// Seals secrets of accounts that must be read again: shared keys of TOTP, grants of providers, what a ceremony remembers.
    AccountSecret,
    /// Digests of recovery codes.
    RecoveryCode,
}

impl KeyPurpose {
    /// Every purpose.
    pub const ALL: [Self; 15] = [
        Self::SessionToken,
        Self::OneTimeToken,
        Self::DeviceToken,
        Self::AuditChain,
        Self::Csrf,
        Self::SubjectHash,
        Self::AssertionSigning,
        Self::Outbox,
        Self::PasswordPepper,
        Self::RingCheck,
        Self::Vault,
        Self::Ceremony,
        Self::ProviderState,
        Self::AccountSecret,
        Self::RecoveryCode,
    ];

    /// Its place in [`Self::ALL`], which has them in the order of their declaration.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::SessionToken => b"doorward/1/session-token",
            Self::OneTimeToken => b"doorward/1/one-time-token",
            Self::DeviceToken => b"doorward/1/device-token",
            Self::AuditChain => b"doorward/1/audit-chain",
            Self::Csrf => b"doorward/1/csrf",
            Self::SubjectHash => b"doorward/1/subject-hash",
            Self::AssertionSigning => b"doorward/1/assertion-signing",
            Self::Outbox => b"doorward/1/outbox",
            Self::PasswordPepper => b"doorward/1/password-pepper",
            Self::RingCheck => b"doorward/1/ring-check",
            Self::Vault => b"doorward/1/vault",
            Self::Ceremony => b"doorward/1/ceremony",
            Self::ProviderState => b"doorward/1/provider-state",
            Self::AccountSecret => b"doorward/1/account-secret",
            Self::RecoveryCode => b"doorward/1/recovery-code",
        }
    }
}

/// The least number of bytes of a master key (CFG-01).
pub const MASTER_KEY_MIN_BYTES: usize = 32;

/// The site's root secret; everything keyed is derived from it by HKDF-SHA-256 (RFC 5869).
#[derive(Clone)]
pub struct MasterKey(hkdf::Prk);

impl MasterKey {
    /// Takes the raw bytes of the key file; `None` when they are fewer than [`MASTER_KEY_MIN_BYTES`].
    #[must_use]
    pub fn new(material: &[u8]) -> Option<Self> {
        (material.len() >= MASTER_KEY_MIN_BYTES).then(|| Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"doorward").extract(material)))
    }

    /// Derives the 32-byte key for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: KeyPurpose) -> SubKey {
        let info = [purpose.label()];
        let mut bytes = Zeroizing::new([0; 32]);
        #[expect(clippy::expect_used, reason = "32 bytes are within HKDF's limit of 255 blocks")]
        self.0.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(bytes.as_mut_slice())).expect("HKDF expands to 32 bytes");
        SubKey::new(*bytes)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// A 32-byte key for one purpose.
#[derive(Clone)]
pub struct SubKey {
    bytes: Zeroizing<[u8; 32]>,
    mac: hmac::Key,
}

impl SubKey {
    /// Wraps key bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA256, &bytes), bytes: Zeroizing::new(bytes) }
    }

    /// HMAC-SHA-256 of `message`.
    #[must_use]
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.mac, message)
    }

    /// The raw bytes, for algorithms other than HMAC (Ed25519 seed, AEAD key).
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubKey(..)")
    }
}
