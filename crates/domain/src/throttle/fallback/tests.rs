use std::num::NonZeroU32;
use std::sync::Mutex;

use super::*;

const KEY: [u8; 16] = [3; 16];
const QUOTA: Quota = Quota { count: NonZeroU32::new(5).unwrap(), window: Duration::from_secs(60) };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Fine,
    Fails,
    Silent,
}

/// Shared counters that can be told to fail; `passed` counts what they let pass, `asked` how often anybody came.
struct Moody {
    counters: MemoryCounters,
    mood: Mutex<Mood>,
    asked: AtomicU64,
}

impl Moody {
    async fn answer(&self) -> Result<(), CountersError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Fine => Ok(()),
            Mood::Fails => Err(CountersError::Unreachable),
            Mood::Silent => std::future::pending().await,
        }
    }

    fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

#[async_trait]
impl RemoteCounters for Moody {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Result<Decision, CountersError> {
        self.answer().await?;
        Ok(self.counters.take_at(key, quota, now))
    }

    async fn reset(&self, key: [u8; 16]) -> Result<(), CountersError> {
        self.answer().await?;
        self.counters.reset(key).await;
        Ok(())
    }

    async fn probe(&self) -> Result<(), CountersError> {
        self.answer().await
    }
}

fn pair() -> (Arc<Moody>, FallbackCounters) {
    let moody = Arc::new(Moody { counters: MemoryCounters::default(), mood: Mutex::new(Mood::Fine), asked: AtomicU64::new(0) });
    let counters = FallbackCounters::new(moody.clone(), MemoryCounters::default());
    (moody, counters)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

async fn passed(counters: &FallbackCounters, attempts: u32, now: Timestamp) -> u32 {
    let mut passed = 0;
    for _ in 0..attempts {
        passed += u32::from(counters.take(KEY, QUOTA, now).await == Decision::Allowed);
    }
    passed
}

async fn recover(counters: &FallbackCounters) {
    while counters.is_degraded() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

mod contract {
    use super::{Arc, FallbackCounters, pair};
    use crate::throttle::Counters;

    fn fresh() -> std::future::Ready<(Arc<dyn Counters>, ())> {
        std::future::ready((Arc::new(pair().1), ()))
    }

    async fn alone() -> (Arc<dyn Counters>, ()) {
        let (moody, counters) = pair();
        moody.turn(super::Mood::Fails);
        let _ = counters.check().await;
        (Arc::new(counters), ())
    }

    mod shared {
        use super::fresh;
        crate::counters_contract!(fresh);
    }

    mod degraded {
        use super::alone;
        crate::counters_contract!(alone);
    }

    #[tokio::test]
    async fn the_degraded_one_is_degraded() {
        let (moody, counters): (_, FallbackCounters) = pair();
        moody.turn(super::Mood::Fails);
        assert!(counters.check().await.is_err() && counters.is_degraded());
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_begin_with_a_fresh_quota() {
    for mood in [Mood::Fails, Mood::Silent] {
        let (moody, counters) = pair();
        assert_eq!(passed(&counters, 3, at(0)).await, 3);
        moody.turn(mood);
        assert_eq!(passed(&counters, 10, at(1)).await, 2, "{mood:?}");
        assert_eq!(passed(&counters, 10, at(61)).await, 5, "{mood:?}: and goes on with the same quota");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_during_an_outage_holds_after_it() {
    let (moody, counters) = pair();
    moody.turn(Mood::Fails);
    assert_eq!(passed(&counters, 10, at(0)).await, 5);
    moody.turn(Mood::Fine);
    recover(&counters).await;
    assert_eq!(passed(&counters, 10, at(2)).await, 0, "the shared counters know nothing of the five");
    tokio::time::sleep(QUOTA.window).await;
    assert_eq!(passed(&counters, 10, at(62)).await, 5);
}

#[tokio::test(start_paused = true)]
async fn what_others_used_up_is_still_used_up_after_an_outage() {
    let (moody, counters) = pair();
    for _ in 0..5 {
        let _ = moody.counters.take_at(KEY, QUOTA, at(0));
    }
    moody.turn(Mood::Fails);
    let _ = counters.check().await;
    moody.turn(Mood::Fine);
    recover(&counters).await;
    assert_eq!(passed(&counters, 10, at(1)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_costs_one_budget_and_then_nothing() {
    let (moody, counters) = pair();
    moody.turn(Mood::Silent);
    let begin = Instant::now();
    let _ = passed(&counters, 1000, at(0)).await;
    assert!(counters.is_degraded());
    assert_eq!(begin.elapsed(), REMOTE_BUDGET);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let asked = moody.asked.load(Ordering::SeqCst);
    assert!((10..=20).contains(&asked), "tried again about twice a second, by nobody's request: {asked}");
    moody.turn(Mood::Fine);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!counters.is_degraded(), "recovered without any request");
}

#[tokio::test(start_paused = true)]
async fn a_success_elsewhere_forgives_here_too_while_all_is_well() {
    let (moody, counters) = pair();
    assert_eq!(passed(&counters, 5, at(0)).await, 5);
    moody.counters.reset(KEY).await;
    assert_eq!(passed(&counters, 5, at(1)).await, 5, "another node gave the permits back");
    counters.reset(KEY).await;
    assert_eq!(passed(&counters, 9, at(2)).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_burst_passes_the_limit_while_the_store_dies_in_its_midst() {
    for round in 0..50 {
        let (moody, counters) = pair();
        let counters = Arc::new(counters);
        let racers: Vec<_> = (0..40)
            .map(|number| {
                let (moody, counters) = (moody.clone(), counters.clone());
                tokio::spawn(async move {
                    if number == round % 40 {
                        moody.turn(Mood::Fails);
                    }
                    counters.take(KEY, QUOTA, at(0)).await == Decision::Allowed
                })
            })
            .collect();
        let mut passed = 0;
        for racer in racers {
            passed += u32::from(racer.await.unwrap());
        }
        assert!(passed <= 5, "{passed}");
    }
}
