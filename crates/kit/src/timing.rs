//! Can two kinds of requests be told apart by a stopwatch? (ENUM-07, GATE-15)
//!
//! The protocol: warm up, discard, then measure in interleaved pairs, so that whatever the machine does besides falls on
//! both sides alike; compare by rank (Mann–Whitney, as AUC) and by median. A noisy machine may spoil a run, so a run may be repeated; a
//! real difference shows in every one.
//!
//! Comes in: durations that somebody else measured. Goes out: effect sizes and a verdict. Must never know: clocks, sockets, requests.
//! Tests and `doorward verify` judge with the same figures.

use std::fmt;
use std::time::Duration;

/// What counts as indistinguishable.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// Pairs that are thrown away first.
    pub warm_up: usize,
    /// Pairs that count.
    pub pairs: usize,
    /// Largest distance of the AUC from one half.
    pub auc_margin: f64,
    /// A gap of medians below this is no difference.
    pub gap: Duration,
    /// A gap of medians below this part of the larger median is no difference either.
    pub gap_ratio: f64,
    /// Runs until it is believed.
    pub runs: usize,
}

impl Default for Protocol {
    /// The figures of ENUM-07.
    fn default() -> Self {
        Self { warm_up: 20, pairs: 200, auc_margin: 0.1, gap: Duration::from_millis(5), gap_ratio: 0.02, runs: 3 }
    }
}

/// What one run saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The chance that a random left one took longer than a random right one; one half when there is no difference.
    pub auc: f64,
    /// Median of the left ones.
    pub left: Duration,
    /// Median of the right ones.
    pub right: Duration,
}

impl Comparison {
    /// Compares two samples of the same length.
    #[must_use]
    pub fn of(left: &[Duration], right: &[Duration]) -> Self {
        Self { auc: auc(left, right), left: median(left), right: median(right) }
    }

    /// Cliff's delta: 0 when there is no difference, ±1 when every left one took longer (shorter) than every right one.
    #[must_use]
    pub fn delta(&self) -> f64 {
        2.0 * self.auc - 1.0
    }

    /// The distance of the medians.
    #[must_use]
    pub fn gap(&self) -> Duration {
        self.left.abs_diff(self.right)
    }

    /// Whether the two cannot be told apart under the protocol.
    #[must_use]
    pub fn is_alike(&self, protocol: &Protocol) -> bool {
        let small = self.gap() < protocol.gap || self.gap() < self.left.max(self.right).mul_f64(protocol.gap_ratio);
        (self.auc - 0.5).abs() <= protocol.auc_margin && small
    }
}

/// As a person reads it: `AUC 0.512 (delta +0.024), medians 41.20 ms and 41.11 ms, 0.09 ms apart`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (left, right, gap) = (ms(self.left), ms(self.right), ms(self.gap()));
        let (auc, delta) = (self.auc, self.delta());
        write!(f, "AUC {auc:.3} (delta {delta:+.3}), medians {left:.2} ms and {right:.2} ms, {gap:.2} ms apart")
    }
}

impl Protocol {
    /// Measures both sides in pairs, the order within a pair swapping from pair to pair.
    pub fn run(&self, mut left: impl FnMut() -> Duration, mut right: impl FnMut() -> Duration) -> Comparison {
        let (mut lefts, mut rights) = (Vec::with_capacity(self.pairs), Vec::with_capacity(self.pairs));
        for pair in 0..self.warm_up + self.pairs {
            let (l, r) = if pair % 2 == 0 {
                let l = left();
                (l, right())
            } else {
                let r = right();
                (left(), r)
            };
            if pair >= self.warm_up {
                lefts.push(l);
                rights.push(r);
            }
        }
        Comparison::of(&lefts, &rights)
    }

    /// Runs until one run shows no difference, at most [`Protocol::runs`] times.
    ///
    /// # Errors
    /// What every run saw, when all of them show a difference.
    pub fn judge(
        &self,
        mut left: impl FnMut() -> Duration,
        mut right: impl FnMut() -> Duration,
    ) -> Result<Comparison, Vec<Comparison>> {
        let mut seen = Vec::new();
        for _ in 0..self.runs {
            let comparison = self.run(&mut left, &mut right);
            if comparison.is_alike(self) {
                return Ok(comparison);
            }
            seen.push(comparison);
        }
        Err(seen)
    }
}

/// The middle value; the mean of the two middle ones for an even number.
fn median(sample: &[Duration]) -> Duration {
    let mut sorted = sample.to_vec();
    sorted.sort();
    match sorted.len() {
        0 => Duration::ZERO,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
    }
}

/// Mann–Whitney: pairs in which the left one is longer, ties counting half, over all pairs.
fn auc(left: &[Duration], right: &[Duration]) -> f64 {
    let mut sorted = right.to_vec();
    sorted.sort();
    let wins: f64 = left
        .iter()
        .map(|value| {
            let below = sorted.partition_point(|other| other < value);
            let up_to = sorted.partition_point(|other| other <= value);
            (below + up_to) as f64 / 2.0
        })
        .sum();
    if left.is_empty() || right.is_empty() { 0.5 } else { wins / (left.len() * right.len()) as f64 }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Protocol, auc, median};
    use std::time::Duration;

    fn micros(values: &[u64]) -> Vec<Duration> {
        values.iter().map(|v| Duration::from_micros(*v)).collect()
    }

    /// A repeatable noise of 0 to 2000 µs.
    fn noise(seed: &mut u64) -> Duration {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((*seed >> 33) % 2_000)
    }

    #[test]
    fn known_figures_come_out() {
        assert_eq!(median(&micros(&[5, 1, 3])), Duration::from_micros(3));
        assert_eq!(median(&micros(&[4, 1, 3, 2])), Duration::from_nanos(2_500));
        assert!((auc(&micros(&[1, 2, 3]), &micros(&[4, 5, 6])) - 0.0).abs() < 1e-9);
        assert!((auc(&micros(&[4, 5, 6]), &micros(&[1, 2, 3])) - 1.0).abs() < 1e-9);
        assert!((auc(&micros(&[1, 2, 3]), &micros(&[1, 2, 3])) - 0.5).abs() < 1e-9);
        assert!((auc(&micros(&[1, 3]), &micros(&[2, 3])) - 0.375).abs() < 1e-9);
    }

    #[test]
    fn a_comparison_reads_as_a_sentence() {
        let comparison = Comparison { auc: 0.512, left: Duration::from_micros(41_200), right: Duration::from_micros(41_110) };
        let sentence = "AUC 0.512 (delta +0.024), medians 41.20 ms and 41.11 ms, 0.09 ms apart";
        assert_eq!(comparison.to_string(), sentence);
    }

    #[test]
    fn equal_work_with_noise_is_alike() {
        let (mut a, mut b) = (1, 2);
        let base = Duration::from_millis(40);
        let verdict = Protocol::default().judge(|| base + noise(&mut a), || base + noise(&mut b));
        assert!(verdict.is_ok(), "{verdict:?}");
    }

    #[test]
    fn a_path_that_skips_the_hash_is_told_apart_every_time() {
        let (mut a, mut b) = (1, 2);
        let seen = Protocol::default()
            .judge(|| Duration::from_millis(40) + noise(&mut a), || Duration::from_millis(2) + noise(&mut b))
            .expect_err("38 ms less");
        assert_eq!(seen.len(), Protocol::default().runs);
    }

    #[test]
    fn a_shift_that_hides_in_the_median_shows_in_the_rank() {
        // 1.5 ms on 40 ms is below both gaps; the order still gives it away.
        let (mut a, mut b) = (1, 2);
        let base = Duration::from_millis(40);
        let shift = Duration::from_micros(1_500);
        assert!(Protocol::default().judge(|| base + shift + noise(&mut a), || base + noise(&mut b)).is_err());
    }

    #[test]
    fn a_large_gap_is_a_difference_even_when_the_ranks_balance() {
        let comparison = Comparison { auc: 0.5, left: Duration::from_millis(50), right: Duration::from_millis(60) };
        assert!(!comparison.is_alike(&Protocol::default()));
    }
}
