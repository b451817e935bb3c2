//! Argon2id (RFC 9106): what a new hash is made of, and how a stored one is compared.
//!
//! The pepper goes in as Argon2's own secret value; the string records which pepper by `keyid`, so that a key can be replaced: hashes
//! without one (from an import) still verify and are upgraded, hashes with an unknown one cannot be used.

use argon2::{Algorithm, Params, Version};
use doorward_kit::{Entropy, SubKey, constant_time_eq};
use zeroize::Zeroizing;

use super::engine::{self, Engine, Order};
use super::foreign::Foreign;
use super::phc::{self, SALT_BYTES, Stored, TAG_BYTES};
use super::{HashError, PASSWORD_MAX_OCTETS, Password, PasswordCheck};

/// What new hashes cost, and how many threads make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Settings {
    /// Memory of one hash in KiB; 8 to 1 048 576. OWASP's least for production is 19 456 with two passes.
    pub memory_kib: u32,
    /// Passes over it; 1 to 16.
    pub passes: u32,
    /// Lanes; 1 to 4. They are filled one after another: a lane is no thread.
    pub lanes: u32,
    /// Threads that hash; each holds an arena of `memory_kib`.
    pub threads: u32,
    /// Hashes that may wait for each thread; beyond that a request is told to come back.
    pub queue_per_thread: u32,
}

impl Default for Argon2Settings {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1, threads: 1, queue_per_thread: 64 }
    }
}

/// Why hashing cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Argon2Error {
    /// The implementation does not compute what RFC 9106 says: nothing it stores or checks could be relied on.
    #[error("Argon2id gave a wrong answer to the test vector of RFC 9106")]
    KnownAnswer,
    /// The settings are outside Argon2's range.
    #[error("Argon2id cannot work with these parameters")]
    Settings,
    /// The machine gave no thread.
    #[error("hashing thread could not be started")]
    Thread,
}

/// One hashing thread's recipe: settings, pepper, and the dummy that stands in for a hash that is not there.
#[derive(Clone)]
pub(super) struct Recipe {
    settings: Argon2Settings,
    params: Params,
    pepper: Zeroizing<[u8; 32]>,
    key_id: [u8; KEY_ID_BYTES],
    dummy_salt: [u8; SALT_BYTES],
}

const KEY_ID_BYTES: usize = 6;

impl Recipe {
    pub(super) fn new(settings: Argon2Settings, pepper: &SubKey, entropy: &dyn Entropy) -> Result<Self, Argon2Error> {
        engine::known_answer().ok_or(Argon2Error::KnownAnswer)?;
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&pepper.mac(b"keyid")[..KEY_ID_BYTES]);
        let params = phc::params(&settings, &key_id).ok_or(Argon2Error::Settings)?;
        let mut dummy_salt = [0; SALT_BYTES];
        entropy.fill(&mut dummy_salt);
        Ok(Self { settings, params, pepper: Zeroizing::new(*pepper.expose_bytes()), key_id, dummy_salt })
    }

    /// Memory for one thread's hashes.
    pub(super) fn engine(&self) -> Engine {
        Engine::new(self.params.block_count())
    }

    /// A new hash.
    pub(super) fn hash(&self, password: &Password, entropy: &dyn Entropy, engine: &mut Engine) -> Result<String, HashError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let tag = self.today(password, &salt, engine).ok_or(HashError::Unusable)?;
        let stored = Stored {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: self.params.clone(),
            salt: salt.to_vec(),
            tag: tag.to_vec(),
        };
        stored.render().ok_or(HashError::Unusable)
    }

    /// Compares; where there is nothing usable to compare with, does a hash's work all the same (ENUM-07).
    pub(super) fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
        engine: &mut Engine,
    ) -> Result<PasswordCheck, HashError> {
        if let Some(foreign) = stored.and_then(Foreign::parse) {
            let is_match = foreign.matches(password);
            return Ok(if is_match { PasswordCheck::MatchRehash } else { PasswordCheck::Mismatch });
        }
        let parsed = stored.map(|text| Stored::parse(text).filter(|stored| self.has_key_of(stored)));
        match parsed {
            Some(Some(stored)) => Ok(self.compare(password, &stored, engine)),
            Some(None) => {
                self.today(password, &self.dummy_salt, engine);
                Err(HashError::Unusable)
            }
            None => {
                self.today(password, &self.dummy_salt, engine);
                Ok(PasswordCheck::Mismatch)
            }
        }
    }

    fn has_key_of(&self, stored: &Stored) -> bool {
        stored.params.keyid().is_empty() || stored.params.keyid() == self.key_id
    }

    fn compare(&self, password: &Password, stored: &Stored, engine: &mut Engine) -> PasswordCheck {
        let secret: &[u8] = if stored.params.keyid().is_empty() { &[] } else { &*self.pepper };
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        let order =
            Order { algorithm: stored.algorithm, version: stored.version, params: &stored.params, secret, salt: &stored.salt };
        let is_done = engine.fill(&order, octets(password), &mut tag).is_some();
        if !is_done || !constant_time_eq(&tag, &stored.tag) {
            PasswordCheck::Mismatch
        } else if stored.is_weaker_than(&self.settings, &self.key_id) {
            PasswordCheck::MatchRehash
        } else {
            PasswordCheck::Match
        }
    }

    /// The tag under today's settings and pepper.
    fn today(&self, password: &Password, salt: &[u8], engine: &mut Engine) -> Option<Zeroizing<[u8; TAG_BYTES]>> {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let order = Order { algorithm, version, params: &self.params, secret: &*self.pepper, salt };
        let mut tag = Zeroizing::new([0; TAG_BYTES]);
        engine.fill(&order, octets(password), tag.as_mut_slice())?;
        Some(tag)
    }
}

/// What is hashed. Text beyond any password's length counts as empty: the same work, and nobody's password.
fn octets(password: &Password) -> &[u8] {
    let text = password.0.expose().as_bytes();
    if text.len() > PASSWORD_MAX_OCTETS { &[] } else { text }
}
