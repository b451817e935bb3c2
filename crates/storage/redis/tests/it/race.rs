//! Parallel attempts over connections of several nodes.

use std::sync::Arc;

use doorward_domain::Decision;
use doorward_testkit::real::Redis;
use tokio::task::JoinSet;

use crate::support::{KEY, at, counters, decided, quota};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parallel_attempts_on_four_nodes_pass_five_and_leave_no_immortal_key() {
    let redis = Redis::start();
    let nodes: Vec<_> = (0..4).map(|_| Arc::new(counters(&redis))).collect();
    let mut racers = JoinSet::new();
    for number in 0..200 {
        let node = nodes[number % 4].clone();
        racers.spawn(async move { decided(&node, KEY, quota(5, 60), at(0)).await });
    }
    let passed = racers.join_all().await.iter().filter(|decision| **decision == Decision::Allowed).count();
    assert_eq!(passed, 5);
    assert_eq!(redis.immortal_keys(), Vec::<String>::new());
    let sessions = redis.ask(&["info", "stats"]);
    let connections = sessions.lines().find_map(|line| line.trim().strip_prefix("total_connections_received:")).unwrap();
    assert!(connections.parse::<u32>().unwrap() <= 4 + 20, "a node shares one connection: {connections}");
}
