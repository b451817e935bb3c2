//! A server that fails in every way there is.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::throttle::{CountersError, FallbackCounters, MemoryCounters, REMOTE_BUDGET, RemoteCounters as _};
use doorward_domain::{Counters as _, Decision};
use doorward_kit::Secret;
use doorward_storage_redis::{Eviction, RedisCounters, RedisSettings};
use doorward_testkit::real::Redis;

use crate::support::{KEY, SECOND, at, counters, decided, passed, quota, settings};

/// Asks until there is this answer: a fault may show itself a moment late.
async fn until_it_says(counters: &RedisCounters, expected: Result<(), CountersError>) {
    let begin = Instant::now();
    loop {
        let said = counters.take([9; 16], quota(100_000, 60), at(0)).await.map(drop);
        if said == expected {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{said:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_fault_is_told_apart_and_passes_by_itself() {
    let mut redis = Redis::start();
    let node = counters(&redis);
    until_it_says(&node, Ok(())).await;

    redis.freeze();
    until_it_says(&node, Err(CountersError::Late)).await;
    redis.thaw();
    until_it_says(&node, Ok(())).await;

    redis.pause(Duration::from_millis(1500));
    until_it_says(&node, Err(CountersError::Late)).await;
    until_it_says(&node, Ok(())).await;

    redis.become_replica();
    until_it_says(&node, Err(CountersError::ReadOnly)).await;
    redis.become_primary();
    until_it_says(&node, Ok(())).await;

    redis.fill();
    until_it_says(&node, Err(CountersError::Full)).await;
    redis.relieve();
    until_it_says(&node, Ok(())).await;

    redis.stop();
    until_it_says(&node, Err(CountersError::Unreachable)).await;
    redis.start_again();
    until_it_says(&node, Ok(())).await;
}

#[tokio::test]
async fn no_fault_costs_more_than_the_budget() {
    let redis = Redis::start();
    let node = counters(&redis);
    until_it_says(&node, Ok(())).await;
    redis.freeze();
    let begin = Instant::now();
    let asked: Vec<_> = (0..50).map(|_| node.take(KEY, quota(5, 60), at(0))).collect();
    for answer in futures(asked).await {
        assert!(answer.is_err());
    }
    // All at once, so all together; ten budgets leave room for a machine that is busy with other tests.
    assert!(begin.elapsed() < 10 * REMOTE_BUDGET, "{:?}", begin.elapsed());
}

/// Runs all at the same time.
async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn wrong_passwords_and_missing_rights_are_refused_and_not_repeated() {
    let redis = Redis::start();
    redis.ask(&["acl", "setuser", "reader", "on", ">reading glasses", "~*", "+@read", "+info", "+ping"]);
    redis.ask(&["acl", "setuser", "counter", "on", ">abacus", "~test:*", "+@read", "+@write", "+@scripting", "+info", "+select"]);
    let with = |user: Option<&str>, password: Option<&str>| {
        let password = password.map(|text| Secret::new(text.to_owned()));
        RedisCounters::new(&RedisSettings { user: user.map(str::to_owned), password, ..settings(&redis) }).unwrap()
    };
    for (user, password) in
        [(None, Some("wrong horse")), (None, None), (Some("nobody"), Some("x")), (Some("reader"), Some("reading glasses"))]
    {
        let error = with(user, password).take(KEY, quota(5, 60), at(0)).await.unwrap_err();
        assert_eq!(error, CountersError::Denied, "{user:?}");
        assert_eq!(error.to_string(), "not permitted");
    }
    assert_eq!(passed(&with(Some("counter"), Some("abacus")), quota(5, 60), at(0), 9).await, 5, "few rights are enough");
    let elsewhere = RedisSettings { prefix: "other:".to_owned(), user: Some("counter".to_owned()), ..settings(&redis) };
    let elsewhere = RedisSettings { password: Some(Secret::new("abacus".to_owned())), ..elsewhere };
    let error = RedisCounters::new(&elsewhere).unwrap().take(KEY, quota(5, 60), at(0)).await;
    assert_eq!(error, Err(CountersError::Denied), "keys of another prefix");
}

#[tokio::test]
async fn a_server_that_may_evict_is_not_used() {
    let redis = Redis::start_with(&["--maxmemory", "32mb", "--maxmemory-policy", "volatile-ttl"]);
    assert_eq!(counters(&redis).probe().await, Err(CountersError::Forgetful));
    let lax = RedisCounters::new(&RedisSettings { eviction: Eviction::Warn, ..settings(&redis) }).unwrap();
    assert_eq!(lax.probe().await, Ok(()), "on a developer's machine the log has to do");
    redis.ask(&["config", "set", "maxmemory-policy", "noeviction"]);
    assert_eq!(counters(&redis).probe().await, Ok(()));
}

#[tokio::test]
async fn app_rl_16_filling_the_memory_resets_no_limit() {
    let redis = Redis::start_with(&["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]);
    let shared = Arc::new(counters(&redis));
    let limiter = FallbackCounters::new(shared.clone(), MemoryCounters::with_capacity(NonZeroUsize::new(10_000).unwrap()));
    let quota = quota(5, 3_600);
    for _ in 0..5 {
        assert_eq!(decided(&shared, KEY, quota, at(0)).await, Decision::Allowed);
    }
    let mut number = 0_u64;
    let full = loop {
        number += 1;
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        match shared.take(key, quota, at(0)).await {
            Ok(_) | Err(CountersError::Late) => assert!(number < 1_000_000, "never full"),
            Err(error) => break error,
        }
    };
    assert_eq!(full, CountersError::Full);
    assert!(matches!(decided(&shared, KEY, quota, at(SECOND)).await, Decision::Refused { .. }), "known to the full server");
    assert!(matches!(limiter.take(KEY, quota, at(SECOND)).await, Decision::Refused { .. }));
    let newcomer = [0xee; 16];
    let mut passed = 0;
    for _ in 0..20 {
        passed += u32::from(limiter.take(newcomer, quota, at(SECOND)).await == Decision::Allowed);
    }
    assert_eq!(passed, 5, "for whom the server has no room, this process counts");
    assert!(limiter.is_degraded());
    let held = redis.ask(&["info", "stats"]);
    assert!(held.contains("evicted_keys:0"), "{held}");
}
