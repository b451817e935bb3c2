//! Two sets of windows, compared by their 99th percentile, and how sure that is.

use std::fmt;
use std::time::Duration;

use crate::dice::Dice;

/// Draws of the bootstrap.
const DRAWS: usize = 1000;
/// Of the draws, those above which the bound lies: 5 %.
const ABOVE: usize = DRAWS / 20;

/// The waits of a quiet window and of one under attack.
pub(super) type Pair = (Vec<Duration>, Vec<Duration>);

/// How much longer the slowest hundredth waited under attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// 99th percentile while it was quiet.
    pub quiet: Duration,
    /// 99th percentile under attack.
    pub besieged: Duration,
    /// The second by the first.
    pub ratio: f64,
    /// The ratio is at most this with a confidence of 95 % (bootstrap over whole windows, since waits of one window hang together).
    pub at_most: f64,
    /// Waits of either side.
    pub waits: usize,
}

impl Verdict {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let all: Vec<usize> = (0..pairs.len()).collect();
        let (quiet, besieged) = (p99(pairs.iter().map(|pair| &pair.0)), p99(pairs.iter().map(|pair| &pair.1)));
        let mut dice = Dice::new(0x99);
        let mut ratios: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn: Vec<usize> = all.iter().map(|_| dice.below(pairs.len())).collect();
                let side = |of: fn(&Pair) -> &Vec<Duration>| p99(drawn.iter().map(|at| of(&pairs[*at])));
                ratio(side(|pair| &pair.0), side(|pair| &pair.1))
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let waits = pairs.iter().map(|pair| pair.0.len().min(pair.1.len())).sum();
        Self { quiet, besieged, ratio: ratio(quiet, besieged), at_most: ratios[DRAWS - ABOVE], waits }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (quiet, besieged, ratio, at_most, waits) = (ms(self.quiet), ms(self.besieged), self.ratio, self.at_most, self.waits);
        write!(
            f,
            "p99 {quiet:.2} ms quiet, {besieged:.2} ms under attack: {ratio:.2} times, at most {at_most:.2} ({waits} waits)"
        )
    }
}

fn ratio(quiet: Duration, besieged: Duration) -> f64 {
    besieged.as_secs_f64() / quiet.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn p99<'a>(windows: impl Iterator<Item = &'a Vec<Duration>>) -> Duration {
    let mut all: Vec<Duration> = windows.flatten().copied().collect();
    all.sort();
    all.get(all.len() * 99 / 100).copied().unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits of about a millisecond, one in fifty of them `tail` milliseconds.
    fn window(dice: &mut Dice, tail: u64) -> Vec<Duration> {
        (0..400).map(|_| Duration::from_micros(900 + dice.roll() % 200 + if dice.one_in(50) { tail * 1000 } else { 0 })).collect()
    }

    #[test]
    fn a_longer_tail_under_attack_is_seen_and_none_is_not() {
        let mut dice = Dice::new(7);
        let pairs = |dice: &mut Dice, tail: u64| (0..8).map(|_| (window(dice, 2), window(dice, tail))).collect::<Vec<Pair>>();
        let alike = Verdict::of(&pairs(&mut dice, 2));
        assert!(alike.ratio < 1.2 && alike.at_most < 1.5, "{alike}");
        let slower = Verdict::of(&pairs(&mut dice, 6));
        assert!(slower.ratio > 2.0 && slower.at_most >= slower.ratio, "{slower}");
    }
}
