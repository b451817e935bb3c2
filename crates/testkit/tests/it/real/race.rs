//! The races of [`crate::race`] and [`crate::recovery`] where those do not go: PostgreSQL on one node and on two, and resets on two nodes.

use std::collections::BTreeMap;

use doorward_testkit::House;
use doorward_testkit::real::{Postgres, Redis};
use doorward_testkit::storm::CARRIERS;

use super::nodes::five_pass;
use crate::race::{crowd, guesses, spend, storm, tally};
use crate::recovery::redeem;

#[test]
fn one_node_over_postgresql_lets_one_of_many_win() {
    let postgres = Postgres::start();
    let house = House::builder().postgres(&postgres).start();
    let nodes = [house.https()];
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        spend(&nodes, &house, carrier, &format!("ada{number}@app.test"));
        crowd(&nodes, &house, carrier, &format!("eve{number}@app.test"));
        redeem(&nodes, &house, carrier, &format!("joe{number}@app.test"));
        let limited = House::builder().postgres(&postgres).limit("auth_login", "5/h").start();
        let replies = storm(&[limited.https()], &limited.authority(), "/api/auth/login").post(carrier, &guesses());
        assert_eq!(tally(&replies), BTreeMap::from([(401, 5), (429, 195)]), "{carrier:?}");
    }
}

#[test]
fn two_hundred_parallel_logins_on_two_nodes_over_postgresql_pass_five() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    for carrier in CARRIERS {
        five_pass(&redis, carrier, || House::builder().postgres(&postgres));
    }
}

#[test]
fn reset_02_one_of_fifty_parallel_posts_on_two_nodes_wins() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    // Both databases: the statement that consumes a token is another one in each.
    for builder in [House::builder(), House::builder().postgres(&postgres)] {
        redis.ask(&["flushall"]);
        let house = builder.redis(&redis).start();
        let node = house.another_node();
        for (number, carrier) in CARRIERS.into_iter().enumerate() {
            redeem(&[house.https(), node.https()], &house, carrier, &format!("ada{number}@app.test"));
        }
    }
}
