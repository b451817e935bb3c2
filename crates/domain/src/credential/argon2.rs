//! Argon2id (RFC 9106): what a new hash is made of, and how a stored one is compared.
//!
//! The pepper goes in as Argon2's own secret value; the string records which pepper by `keyid`, so that a key can be replaced: hashes
//! with a former one, or without one (from an import), still verify and are upgraded, hashes with an unknown one cannot be used.

use argon2::{Algorithm, Params, Version};
use doorward_kit::{Entropy, PurposeRing, SubKey, constant_time_eq};
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

/// One hashing thread's recipe: settings, peppers, and the dummy that stands in for a hash that is not there.
#[derive(Clone)]
pub(super) struct Recipe {
    settings: Argon2Settings,
    blocks: usize,
    peppers: PurposeRing,
    dummy_salt: [u8; SALT_BYTES],
}

const KEY_ID_BYTES: usize = 6;

/// A pepper, and the name by which stored hashes say that it is theirs.
struct Pepper {
    secret: Zeroizing<[u8; 32]>,
    key_id: [u8; KEY_ID_BYTES],
}

impl Pepper {
    fn of(key: &SubKey) -> Self {
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&key.mac(b"keyid")[..KEY_ID_BYTES]);
        Self { secret: Zeroizing::new(*key.expose_bytes()), key_id }
    }
}

impl Recipe {
    pub(super) fn new(settings: Argon2Settings, peppers: PurposeRing, entropy: &dyn Entropy) -> Result<Self, Argon2Error> {
        engine::known_answer().ok_or(Argon2Error::KnownAnswer)?;
        let params = phc::params(&settings, &[0; KEY_ID_BYTES]).ok_or(Argon2Error::Settings)?;
        let mut dummy_salt = [0; SALT_BYTES];
        entropy.fill(&mut dummy_salt);
        Ok(Self { settings, blocks: params.block_count(), peppers, dummy_salt })
    }

    /// Memory for one thread's hashes.
    pub(super) fn engine(&self) -> Engine {
        Engine::new(self.blocks)
    }

    /// A new hash.
    pub(super) fn hash(&self, password: &Password, entropy: &dyn Entropy, engine: &mut Engine) -> Result<String, HashError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let (params, tag) = self.today(&self.pepper(), password, &salt, engine).ok_or(HashError::Unusable)?;
        let stored =
            Stored { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, salt: salt.to_vec(), tag: tag.to_vec() };
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
        let parsed = stored.map(|text| Stored::parse(text).and_then(|stored| Some((self.pepper_of(&stored)?, stored))));
        if let Some(Some((pepper, stored))) = parsed {
            return Ok(self.compare(password, &stored, pepper.as_ref(), engine));
        }
        self.today(&self.pepper(), password, &self.dummy_salt, engine);
        if parsed.is_some() { Err(HashError::Unusable) } else { Ok(PasswordCheck::Mismatch) }
    }

    /// The pepper of new hashes.
    fn pepper(&self) -> Pepper {
        Pepper::of(&self.peppers.now().current().key)
    }

    /// The pepper that a stored hash names, retired or not: the inner `None` of one that names none, the outer of one that nobody has.
    fn pepper_of(&self, stored: &Stored) -> Option<Option<Pepper>> {
        if stored.params.keyid().is_empty() {
            return Some(None);
        }
        let keys = self.peppers.now();
        keys.all().map(|key| Pepper::of(&key.key)).find(|pepper| stored.params.keyid() == pepper.key_id).map(Some)
    }

    fn compare(&self, password: &Password, stored: &Stored, pepper: Option<&Pepper>, engine: &mut Engine) -> PasswordCheck {
        let secret: &[u8] = pepper.map_or(&[], |pepper| &*pepper.secret);
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        let order =
            Order { algorithm: stored.algorithm, version: stored.version, params: &stored.params, secret, salt: &stored.salt };
        let is_done = engine.fill(&order, octets(password), &mut tag).is_some();
        if !is_done || !constant_time_eq(&tag, &stored.tag) {
            PasswordCheck::Mismatch
        } else if stored.is_weaker_than(&self.settings, &self.pepper().key_id) {
            PasswordCheck::MatchRehash
        } else {
            PasswordCheck::Match
        }
    }

    /// The tag under today's settings and a pepper, and the parameters that name it.
    fn today(
        &self,
        pepper: &Pepper,
        password: &Password,
        salt: &[u8],
        engine: &mut Engine,
    ) -> Option<(Params, Zeroizing<[u8; TAG_BYTES]>)> {
        let params = phc::params(&self.settings, &pepper.key_id)?;
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let order = Order { algorithm, version, params: &params, secret: &*pepper.secret, salt };
        let mut tag = Zeroizing::new([0; TAG_BYTES]);
        engine.fill(&order, octets(password), tag.as_mut_slice())?;
        Some((params, tag))
    }
}

/// What is hashed. Text beyond any password's length counts as empty: the same work, and nobody's password.
fn octets(password: &Password) -> &[u8] {
    let text = password.0.expose().as_bytes();
    if text.len() > PASSWORD_MAX_OCTETS { &[] } else { text }
}
