//! PHC strings: what a stored hash says about itself, bounded before it is believed.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, KeyId, Params, ParamsBuilder, Version};

use super::Argon2Settings;

/// Longest string looked at.
const MAX_TEXT: usize = 512;
/// A stored string may not ask for more: 1 GiB, 16 passes, 4 lanes.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 4;
/// What today's hashes are made of.
pub(super) const SALT_BYTES: usize = 16;
pub(super) const TAG_BYTES: usize = 32;

/// A stored Argon2 hash.
pub(super) struct Stored {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl Stored {
    /// Reads a PHC string; `None` for what is not Argon2, is incomplete, or asks for too much.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let is_bounded = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES;
        is_bounded.then_some(())?;
        Some(Self {
            algorithm: Algorithm::try_from(hash.algorithm.as_str()).ok()?,
            version: Version::try_from(hash.version?).ok()?,
            params,
            salt: hash.salt?.as_ref().to_vec(),
            tag: hash.hash?.as_ref().to_vec(),
        })
    }

    /// Writes the string.
    pub(super) fn render(&self) -> Option<String> {
        let hash = PasswordHash {
            algorithm: Ident::new(self.algorithm.as_str()).ok()?,
            version: Some(self.version.into()),
            params: ParamsString::try_from(&self.params).ok()?,
            salt: Some(Salt::new(&self.salt).ok()?),
            hash: Some(Output::new(&self.tag).ok()?),
        };
        Some(hash.to_string())
    }

    /// Whether today's settings would make a stronger one.
    pub(super) fn is_weaker_than(&self, settings: &Argon2Settings, key_id: &[u8]) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.params.m_cost() < settings.memory_kib
            || self.params.t_cost() < settings.passes
            || self.salt.len() < SALT_BYTES
            || self.tag.len() < TAG_BYTES
            || self.params.keyid() != key_id
    }
}

/// Parameters of new hashes.
pub(super) fn params(settings: &Argon2Settings, key_id: &[u8]) -> Option<Params> {
    ParamsBuilder::new()
        .m_cost(settings.memory_kib)
        .t_cost(settings.passes)
        .p_cost(settings.lanes)
        .keyid(KeyId::new(key_id).ok()?)
        .output_len(TAG_BYTES)
        .build()
        .ok()
}
