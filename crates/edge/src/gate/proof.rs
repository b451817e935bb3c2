//! Credentials that were proved lately, so that not every picture of a page costs a password hash.
//!
//! What is kept is a MAC under a key that lives and dies with the keeper: no name, no password, nothing to compare octet by octet.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use doorward_kit::{Entropy as _, SystemEntropy};
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::basic::Credentials;

/// How long a proof stands.
const LIFE: Duration = Duration::from_secs(300);

/// Most proofs that are remembered.
const PROOFS_MAX: usize = 1024;

/// The MAC of gate, user and password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ProofKey([u8; 32]);

/// Successes only; a failure always costs its hash.
pub(super) struct Proofs {
    key: hmac::Key,
    proved: Cache<ProofKey, (Instant, Arc<str>)>,
}

impl Proofs {
    pub(super) fn new() -> Self {
        // Never to be reproduced, so it does not come from an argument.
        let key = hmac::Key::new(hmac::HMAC_SHA256, &SystemEntropy.bytes::<32>());
        Self { key, proved: Cache::new(PROOFS_MAX) }
    }

    /// No proofs, under the same key: names are counted as before.
    pub(super) fn emptied(&self) -> Self {
        Self { key: self.key.clone(), proved: Cache::new(PROOFS_MAX) }
    }

    /// The key of these credentials at this gate.
    pub(super) fn key(&self, gate: &str, credentials: &Credentials) -> ProofKey {
        ProofKey(self.mac([gate.as_bytes(), credentials.user().as_bytes(), credentials.password()]))
    }

    /// A digest of the user name at this gate, for counting.
    pub(super) fn subject(&self, gate: &str, user: &str) -> [u8; 32] {
        self.mac([gate.as_bytes(), user.as_bytes()])
    }

    /// Who was proved.
    pub(super) fn lookup(&self, key: &ProofKey) -> Option<Arc<str>> {
        let (at, user) = self.proved.get(key)?;
        if at.elapsed() < LIFE {
            return Some(user);
        }
        self.proved.remove(key);
        None
    }

    /// Remembers a proof.
    pub(super) fn add(&self, key: ProofKey, user: Arc<str>) {
        self.proved.insert(key, (Instant::now(), user));
    }

    /// Each part goes in with its length, so that no two lists of parts read alike.
    fn mac<const N: usize>(&self, parts: [&[u8]; N]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}
