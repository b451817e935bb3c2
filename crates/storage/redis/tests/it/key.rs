//! What is in Redis: bounded, mortal, and nothing to read.

use doorward_domain::throttle::RemoteCounters as _;
use doorward_testkit::real::Redis;

use crate::support::{KEY, SECOND, at, counters, decided, passed, quota};

#[tokio::test]
async fn app_rl_14_a_key_is_the_prefix_and_a_digest() {
    let redis = Redis::start();
    let node = counters(&redis);
    for octet in [0_u8, 1, b':', b'*', b'\n', 0xff] {
        let _ = decided(&node, [octet; 16], quota(5, 60), at(0)).await;
    }
    let mut keys = redis.keys();
    keys.sort();
    let expected = ["00", "01", "0a", "2a", "3a", "ff"].map(|octet| format!("test:{}", octet.repeat(16)));
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn every_key_dies_a_second_after_its_window_whatever_happened_to_it() {
    let redis = Redis::start();
    let node = counters(&redis);
    for (number, (count, seconds)) in [(1, 1), (5, 60), (128, 60), (129, 60), (1_000_000, 86_400)].into_iter().enumerate() {
        let key = [u8::try_from(number).unwrap(); 16];
        for step in 0..200 {
            // Now and then everything is out of the window, and now and then the clock is set back by an hour.
            let now = if step % 50 == 49 { -3_600 * SECOND } else { step * SECOND };
            let _ = decided(&node, key, quota(count, seconds), at(now)).await;
        }
        let name = format!("test:{number:02x}").replace(&format!("{number:02x}"), &format!("{number:02x}").repeat(16));
        let left: u64 = redis.ask(&["pttl", &name]).parse().unwrap();
        assert!(left <= (seconds + 1) * 1000 + seconds * 1000 / 64 + 1, "{count} in {seconds} s: {left} ms");
    }
    node.probe().await.unwrap();
    assert_eq!(redis.keys().len(), 6);
    assert_eq!(redis.immortal_keys(), Vec::<String>::new());
}

#[tokio::test]
async fn the_memory_of_a_key_is_bounded_however_large_its_quota() {
    let redis = Redis::start();
    let node = counters(&redis);
    let quota = quota(1_000_000, 60);
    for step in 0..3_000 {
        let _ = decided(&node, KEY, quota, at(step * SECOND / 10)).await;
    }
    let name = &redis.keys()[0];
    assert!(redis.ask(&["llen", name]).parse::<u32>().unwrap() <= 2 * 66);
    assert!(redis.ask(&["memory", "usage", name]).parse::<u32>().unwrap() < 4_096);
}

#[tokio::test]
async fn a_quota_that_was_changed_counts_what_came_before() {
    let redis = Redis::start();
    let node = counters(&redis);
    assert_eq!(passed(&node, quota(100, 60), at(0), 100).await, 100);
    assert_eq!(passed(&node, quota(1_000, 60), at(SECOND), 1).await, 1, "raised beyond what is remembered one by one");
    assert_eq!(passed(&node, quota(50, 60), at(2 * SECOND), 5).await, 0, "lowered");
    assert_eq!(passed(&node, quota(50, 60), at(121 * SECOND), 100).await, 50);
}

#[tokio::test]
async fn a_reset_gives_every_permit_of_one_key_back() {
    let redis = Redis::start();
    let node = counters(&redis);
    let quota = quota(3, 60);
    assert_eq!(passed(&node, quota, at(0), 5).await, 3);
    for _ in 0..3 {
        let _ = decided(&node, [1; 16], quota, at(0)).await;
    }
    node.reset(KEY).await.unwrap();
    assert_eq!(passed(&node, quota, at(0), 5).await, 3);
    assert_ne!(decided(&node, [1; 16], quota, at(0)).await, doorward_domain::Decision::Allowed);
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let redis = Redis::start();
    let node = counters(&redis);
    assert_eq!(passed(&node, quota(5, 60), at(0), 1).await, 1);
    redis.ask(&["script", "flush"]);
    assert_eq!(passed(&node, quota(5, 60), at(0), 10).await, 4);
}
