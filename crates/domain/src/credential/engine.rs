//! The one function that fills Argon2's memory, on an arena that is allocated once for each thread.
//!
//! Comes in: cost, salt, pepper, password. Goes out: a tag. The implementation behind it (`argon2-rust`, about 1.4 times as quick as
//! RustCrypto's at 19 MiB, see `docs/bench/passwords.md`) is young: it must give the answer of RFC 9106 before the pool starts, and the
//! tests hold it against RustCrypto's over random inputs. To go back, only this file changes. It knows no PHC string and no policy.

use argon2::{Algorithm, Params, Version};
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm as Kind, Argon2, Hasher, Params as Cost, Version as Edition};

/// What one tag is made of, besides the password.
pub(super) struct Order<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    /// Memory, passes, lanes and associated data; the output's length is the tag's.
    pub(super) params: &'a Params,
    pub(super) secret: &'a [u8],
    pub(super) salt: &'a [u8],
}

/// Memory that every hash of one thread fills again, wiped in between.
pub(super) struct Engine {
    hasher: Hasher,
    /// Blocks of 1 KiB that may stay between two hashes.
    keep: usize,
}

impl Engine {
    /// Keeps `keep` blocks of 1 KiB; takes them with the first hash.
    pub(super) fn new(keep: usize) -> Self {
        Self { hasher: Argon2::new(Kind::Argon2id, Edition::V0x13, Cost::DEFAULT).hasher(), keep }
    }

    /// Writes the tag; `None` when the order is outside Argon2's range or the memory is not there.
    pub(super) fn fill(&mut self, order: &Order<'_>, password: &[u8], tag: &mut [u8]) -> Option<()> {
        self.hasher.set_argon2(Argon2::new(kind(order.algorithm), edition(order.version), cost(order.params, tag.len())?));
        let data = order.params.data();
        let outcome = self.hasher.hash_into_with_ad(password, order.salt, order.secret, data, tag);
        // A stored hash that asked for more memory than today's must not leave the thread larger.
        if self.hasher.reserved_blocks() > self.keep {
            self.hasher.clear();
        }
        outcome.ok()
    }
}

/// Lanes are filled one after another: the pool has its threads, and a stored string must not start any.
fn cost(params: &Params, tag_len: usize) -> Option<Cost> {
    Cost::builder()
        .memory(Memory::kib(params.m_cost().into()))
        .passes(params.t_cost())
        .lanes(params.p_cost())
        .threads(1)
        .tag_len(TagLen::bytes(u64::try_from(tag_len).ok()?))
        .build()
        .ok()
}

fn kind(algorithm: Algorithm) -> Kind {
    match algorithm {
        Algorithm::Argon2d => Kind::Argon2d,
        Algorithm::Argon2i => Kind::Argon2i,
        Algorithm::Argon2id => Kind::Argon2id,
    }
}

fn edition(version: Version) -> Edition {
    match version {
        Version::V0x10 => Edition::V0x10,
        Version::V0x13 => Edition::V0x13,
    }
}

/// The Argon2id vector of RFC 9106 §5.3, or `None` when the implementation gives another answer.
pub(super) fn known_answer() -> Option<()> {
    const EXPECTED: [u8; 32] = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45,
        0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    (vector(Algorithm::Argon2id)? == EXPECTED).then_some(())
}

/// The inputs of RFC 9106 §5, which are the same for every variant.
fn vector(algorithm: Algorithm) -> Option<[u8; 32]> {
    let data = argon2::AssociatedData::new(&[4; 12]).ok()?;
    let params = argon2::ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(data).output_len(32).build().ok()?;
    let order = Order { algorithm, version: Version::V0x13, params: &params, secret: &[3; 8], salt: &[2; 16] };
    let mut tag = [0; 32];
    Engine::new(0).fill(&order, &[1; 32], &mut tag)?;
    Some(tag)
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
    use proptest::prelude::*;

    use super::{Engine, Order, known_answer, vector};

    #[test]
    fn the_three_vectors_of_rfc_9106_come_out() {
        let hex = |tag: [u8; 32]| tag.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        assert_eq!(known_answer(), Some(()));
        let expected = [
            (Algorithm::Argon2d, "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"),
            (Algorithm::Argon2i, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"),
            (Algorithm::Argon2id, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
        ];
        for (algorithm, tag) in expected {
            assert_eq!(hex(vector(algorithm).unwrap()), tag, "{algorithm}");
        }
    }

    #[test]
    fn a_hash_that_needed_more_memory_does_not_leave_the_thread_larger() {
        let order =
            |params| Order { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, secret: &[], salt: &[2; 16] };
        let (small, large) = (params(64, 1, 1, &[]), params(4096, 1, 1, &[]));
        let (mut engine, mut tag) = (Engine::new(64), [0; 32]);
        engine.fill(&order(&small), b"x", &mut tag).unwrap();
        assert_eq!(engine.hasher.reserved_blocks(), 64, "kept for the next hash");
        engine.fill(&order(&large), b"x", &mut tag).unwrap();
        assert!(engine.hasher.reserved_blocks() <= 64, "given back");
    }

    fn params(memory_kib: u32, passes: u32, lanes: u32, data: &[u8]) -> argon2::Params {
        let data = AssociatedData::new(data).unwrap();
        ParamsBuilder::new().m_cost(memory_kib).t_cost(passes).p_cost(lanes).data(data).build().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        /// One engine for all cases of a run would hide nothing either: memory of one hash must not reach the next.
        #[test]
        fn every_tag_is_the_one_that_rustcrypto_makes(
            (algorithm, version) in (0_u32..3, prop::bool::ANY),
            (lanes, passes, extra) in (1_u32..=4, 1_u32..=3, 0_u32..200),
            password in prop::collection::vec(any::<u8>(), 0..520),
            salt in prop::collection::vec(any::<u8>(), 8..48),
            (secret, data) in (prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..32)),
            tag_len in 4_usize..80,
        ) {
            let algorithm = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id][algorithm as usize];
            let version = if version { Version::V0x13 } else { Version::V0x10 };
            let params = params(8 * lanes + extra, passes, lanes, &data);
            let order = Order { algorithm, version, params: &params, secret: &secret, salt: &salt };
            let mut engine = Engine::new(64);
            let (mut ours, mut again, mut theirs) = (vec![0; tag_len], vec![0; tag_len], vec![0; tag_len]);
            engine.fill(&order, &password, &mut ours).unwrap();
            engine.fill(&order, &password, &mut again).unwrap();
            let reference = Argon2::new_with_secret(&secret, algorithm, version, params.clone()).unwrap();
            reference.hash_password_into(&password, &salt, &mut theirs).unwrap();
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(&again, &theirs, "on memory that was used before");
        }
    }
}
