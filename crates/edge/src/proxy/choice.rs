//! Which of several addresses gets the next request: of two drawn by lot, the one with less under way.
//!
//! Two are enough to keep the fullest queue short, and drawing keeps many doors from choosing the same server at once
//! (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use doorward_kit::Entropy;

/// A cheap source of lots, seeded once; nothing secret hangs on it (SplitMix64).
#[derive(Debug)]
pub(super) struct Lots(AtomicU64);

impl Lots {
    pub(super) fn new(entropy: &impl Entropy) -> Self {
        Self(AtomicU64::new(u64::from_le_bytes(entropy.bytes())))
    }

    pub(super) fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut lot = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        lot = (lot ^ (lot >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        lot = (lot ^ (lot >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        lot ^ (lot >> 31)
    }
}

/// The index of one of `count` for which `usable` holds; `None` when it holds for none.
pub(super) fn choose(count: usize, lot: u64, usable: impl Fn(usize) -> bool, load: impl Fn(usize) -> u32) -> Option<usize> {
    let fit = (0..count).filter(|index| usable(*index)).count() as u64;
    // Both halves of the lot are far wider than any number of addresses, so that neither favours the first ones.
    let first = (lot >> 32).checked_rem(fit)?;
    let other = match (lot & 0xffff_ffff).checked_rem(fit - 1) {
        Some(other) => (first + 1 + other) % fit,
        None => first,
    };
    // What is usable may change while it is counted; then the last that still is must do.
    let nth = |n: u64| {
        let mut fitting = (0..count).filter(|index| usable(*index));
        fitting.clone().nth(usize::try_from(n).unwrap_or(0)).or_else(|| fitting.next_back())
    };
    match (nth(first), nth(other)) {
        (Some(one), Some(two)) => Some(if load(two) < load(one) { two } else { one }),
        (one, two) => one.or(two),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lots, choose};

    struct Fixed;
    impl doorward_kit::Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    proptest! {
        #[test]
        fn the_choice_is_usable_and_never_the_single_fullest(
            servers in proptest::collection::vec((any::<bool>(), 0_u32..50), 0..12),
            lot in any::<u64>(),
        ) {
            let chosen = choose(servers.len(), lot, |index| servers[index].0, |index| servers[index].1);
            let usable: Vec<u32> = servers.iter().filter(|(usable, _)| *usable).map(|(_, load)| *load).collect();
            prop_assert_eq!(chosen.is_some(), !usable.is_empty());
            let Some(chosen) = chosen else { return Ok(()) };
            prop_assert!(servers[chosen].0, "never one that is left out");
            let (load, most) = (servers[chosen].1, usable.iter().max().copied().unwrap_or(0));
            let fullest = usable.iter().filter(|other| **other == most).count();
            // Two different ones are drawn, so the only one with the most is always beaten.
            prop_assert!(usable.len() == 1 || fullest > 1 || load < most);
        }
    }

    #[test]
    fn every_one_of_equals_is_chosen_equally_often() {
        let lots = Lots::new(&Fixed);
        let mut chosen = [0_u32; 3];
        for _ in 0..30_000 {
            chosen[choose(3, lots.draw(), |_| true, |_| 0).expect("one")] += 1;
        }
        assert!(chosen.iter().all(|count| (9_500..10_500).contains(count)), "{chosen:?}");
    }
}
