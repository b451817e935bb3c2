//! Nodes whose clocks differ: whoever is behind frees nobody, and nobody is held for longer than a window.

use doorward_domain::Decision;
use doorward_testkit::real::Redis;

use crate::support::{KEY, SECOND, at, counters, decided, passed, quota};

#[tokio::test]
async fn attempts_that_alternate_between_nodes_seconds_apart_gain_nothing() {
    let redis = Redis::start();
    let (ahead, behind) = (counters(&redis), counters(&redis));
    let quota = quota(5, 60);
    let mut given = Vec::new();
    for tenth in 0..1200 {
        let real = tenth * SECOND / 10;
        let (node, skew) = if tenth % 2 == 0 { (&ahead, 5 * SECOND) } else { (&behind, 0) };
        if decided(node, KEY, quota, at(real + skew)).await == Decision::Allowed {
            given.push(real);
        }
    }
    let most = given.iter().map(|start| given.iter().filter(|at| (*start..start + 60 * SECOND).contains(at)).count()).max();
    assert_eq!(most, Some(5), "{given:?}");
    assert!(given.len() >= 9, "permits come back, five seconds late at most: {given:?}");
}

#[tokio::test]
async fn whoever_waits_as_the_slower_node_said_is_let_through_there() {
    let redis = Redis::start();
    let node = counters(&redis);
    let quota = quota(1, 60);
    assert_eq!(passed(&node, quota, at(5 * SECOND), 1).await, 1);
    let Decision::Refused { retry_after } = decided(&node, KEY, quota, at(0)).await else { panic!("let pass") };
    // A key lives a second longer than its window: nobody has to wait for longer.
    assert_eq!(retry_after.as_secs(), 61);
    let left: i64 = redis.ask(&["pttl", &format!("test:{}", "a7".repeat(16))]).parse().unwrap();
    assert!((1..=61_000).contains(&left), "{left}");
}

#[tokio::test]
async fn large_quotas_are_counted_alike_by_nodes_seconds_apart() {
    let redis = Redis::start();
    let node = counters(&redis);
    let quota = quota(1_000, 86_400);
    assert_eq!(passed(&node, quota, at(5 * SECOND), 600).await, 600);
    assert_eq!(passed(&node, quota, at(0), 600).await, 400);
    let key = format!("test:{}", "a7".repeat(16));
    assert!(redis.ask(&["llen", &key]).parse::<u32>().unwrap() <= 4, "one part of the window, or two at its border");
}
