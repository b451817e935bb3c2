//! Chance that can be repeated: whoever knows the seed gets the same throws.

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice for each number, all of one seed.
    #[must_use]
    pub fn nth(seed: u64, number: u64) -> Self {
        Self(seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)))
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`; `n` must not be zero.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).expect("small")
    }

    /// True about every `n`-th time.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these, of which there must be some.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The number in a variable of the environment, such as the seed of a run that is to be repeated.
///
/// # Panics
/// When there is something else in it: a seed that is passed over would repeat nothing.
#[must_use]
pub fn number_of(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how long a run is belongs to whoever starts it")]
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// A seed of a run that is not to be the same as the last one.
#[must_use]
pub fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Keyed by the system's entropy; shortened so that a person can type it.
    RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}

/// Says what a run is about, for whoever looks at a failure: the test's output is shown then.
#[expect(clippy::print_stdout, reason = "the test runner keeps it and shows it with a failure")]
pub fn note(words: &str) {
    println!("{words}");
}
