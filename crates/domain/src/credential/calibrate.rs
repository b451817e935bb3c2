//! How much a hash may cost on this machine: never less than the floor, more where a target time leaves room.
//!
//! Memory first, since memory is what hurts a guesser with many small processors; then passes. Comes in: a target and a ceiling. Goes out:
//! parameters and how long they really took.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Params, Version};

use super::engine::{self, Engine, Order};
use super::{Argon2Error, Argon2Settings};

/// Least memory and passes that production may have (OWASP Password Storage, PWD-04).
pub const FLOOR_MEMORY_KIB: u32 = 19_456;
/// See [`FLOOR_MEMORY_KIB`].
pub const FLOOR_PASSES: u32 = 2;
/// Most passes that a configuration may ask for.
const MAX_PASSES: u32 = 16;
/// Memory is told in whole MiB.
const STEP_KIB: u32 = 1_024;
/// The median of so many hashes counts.
const ROUNDS: usize = 5;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// For `accounts.argon2_memory_kib`.
    pub memory_kib: u32,
    /// For `accounts.argon2_passes`.
    pub passes: u32,
    /// How long one hash took, alone on its core.
    pub took: Duration,
}

/// Looks for the strongest parameters that take about `target`, with at most `max_memory_kib` for one hash.
///
/// # Errors
/// [`Argon2Error`] when the implementation gives a wrong answer or the memory is not there.
pub fn calibrate(target: Duration, max_memory_kib: u32) -> Result<Calibration, Argon2Error> {
    engine::known_answer().ok_or(Argon2Error::KnownAnswer)?;
    choose(target, max_memory_kib, &mut |memory_kib, passes| median(memory_kib, passes).ok_or(Argon2Error::Settings))
}

type Measure<'a> = dyn FnMut(u32, u32) -> Result<Duration, Argon2Error> + 'a;

/// The search; time grows about as memory times passes does, so that two steps and a correction are enough.
fn choose(target: Duration, max_memory_kib: u32, measure: &mut Measure<'_>) -> Result<Calibration, Argon2Error> {
    let ceiling = max_memory_kib.max(FLOOR_MEMORY_KIB);
    let mut found = try_out(FLOOR_MEMORY_KIB, FLOOR_PASSES, measure)?;
    if found.took >= target {
        return Ok(found);
    }
    for _ in 0..2 {
        let memory_kib = whole_mib(scale(found.memory_kib, target, found.took)).clamp(FLOOR_MEMORY_KIB, ceiling);
        found = try_out(memory_kib, FLOOR_PASSES, measure)?;
    }
    if found.memory_kib == ceiling {
        let passes = scale(FLOOR_PASSES, target, found.took).clamp(FLOOR_PASSES, MAX_PASSES);
        found = try_out(ceiling, passes, measure)?;
    }
    Ok(found)
}

fn try_out(memory_kib: u32, passes: u32, measure: &mut Measure<'_>) -> Result<Calibration, Argon2Error> {
    Ok(Calibration { memory_kib, passes, took: measure(memory_kib, passes)? })
}

/// `value` times `target` by `took`, rounded down.
fn scale(value: u32, target: Duration, took: Duration) -> u32 {
    let scaled = u128::from(value) * target.as_nanos() / took.as_nanos().max(1);
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

fn whole_mib(memory_kib: u32) -> u32 {
    memory_kib / STEP_KIB * STEP_KIB
}

fn median(memory_kib: u32, passes: u32) -> Option<Duration> {
    let settings = Argon2Settings { memory_kib, passes, ..Argon2Settings::default() };
    let params = Params::new(settings.memory_kib, settings.passes, settings.lanes, None).ok()?;
    let order =
        Order { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[7; 32], salt: &[7; 16] };
    let mut engine = Engine::new(params.block_count());
    let mut tag = [0; 32];
    // Once for the memory to be there.
    engine.fill(&order, b"calibration", &mut tag)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        engine.fill(&order, b"calibration", &mut tag)?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times.get(ROUNDS / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Calibration, FLOOR_MEMORY_KIB, FLOOR_PASSES, MAX_PASSES, calibrate, choose};

    /// A machine that takes `nanos` for each KiB and pass, and a fixed time besides.
    fn on_machine(nanos: u64, target_ms: u64, ceiling_kib: u32) -> Calibration {
        let mut measure = |memory: u32, passes: u32| {
            Ok(Duration::from_nanos(u64::from(memory) * u64::from(passes) * nanos) + Duration::from_micros(500))
        };
        choose(Duration::from_millis(target_ms), ceiling_kib, &mut measure).unwrap()
    }

    #[test]
    fn a_slow_machine_gets_the_floor_and_never_less() {
        for target in [0, 1, 20, 70] {
            let found = on_machine(2_000, target, 65_536);
            assert_eq!((found.memory_kib, found.passes), (FLOOR_MEMORY_KIB, FLOOR_PASSES), "{target}");
        }
        assert_eq!(on_machine(350, 100, 0).memory_kib, FLOOR_MEMORY_KIB, "a ceiling under the floor is none");
    }

    #[test]
    fn a_quick_machine_gets_memory_first_and_then_passes() {
        let memory = on_machine(350, 30, 65_536);
        assert!(memory.memory_kib > FLOOR_MEMORY_KIB && memory.memory_kib < 65_536 && memory.passes == 2, "{memory:?}");
        let both = on_machine(350, 200, 65_536);
        assert!(both.memory_kib == 65_536 && both.passes > 2, "{both:?}");
        assert_eq!(on_machine(1, 60_000, 65_536).passes, MAX_PASSES);
    }

    #[test]
    fn the_target_is_met_within_a_tenth_where_the_range_has_it() {
        for (nanos, target) in [(350, 30), (350, 40), (700, 60), (100, 12)] {
            let found = on_machine(nanos, target, 1_048_576);
            let wanted = Duration::from_millis(target);
            assert!(found.took <= wanted + wanted / 10 && found.took >= wanted - wanted / 10, "{found:?} for {target} ms");
        }
    }

    #[test]
    fn the_real_machine_is_measured() {
        let found = calibrate(Duration::from_millis(1), FLOOR_MEMORY_KIB).unwrap();
        assert_eq!((found.memory_kib, found.passes), (FLOOR_MEMORY_KIB, FLOOR_PASSES));
        assert!(found.took > Duration::ZERO);
    }
}
