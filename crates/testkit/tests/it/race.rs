//! Many requests at one instant, each of which could win alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use doorward_testkit::storm::{CARRIERS, Carrier, Storm};
use doorward_testkit::{House, Reply, Request};
use serde_json::json;

/// How often each status came.
pub(crate) fn tally(replies: &[Reply]) -> BTreeMap<u16, usize> {
    replies.iter().fold(BTreeMap::new(), |mut tally, reply| {
        *tally.entry(reply.status).or_default() += 1;
        tally
    })
}

pub(crate) fn storm<'a>(nodes: &'a [SocketAddr], authority: &'a str, path: &'a str) -> Storm<'a> {
    Storm { nodes, authority, path }
}

/// Two hundred sign-ins to addresses of nobody.
pub(crate) fn guesses() -> Vec<String> {
    (0..200)
        .map(|n| json!({"email": format!("guess{n}@app.test"), "password": "a wrong but long password"}).to_string())
        .collect()
}

#[test]
fn app_rl_17_streams_and_pipelined_requests_are_counted_one_by_one() {
    for carrier in CARRIERS {
        let house = House::builder().limit("auth_login", "5/h").start();
        let authority = house.authority();
        let replies = storm(&[house.https()], &authority, "/api/auth/login").post(carrier, &guesses());
        assert_eq!(tally(&replies), BTreeMap::from([(401, 5), (429, 195)]), "{carrier:?}");
    }
}

/// Fifty requests that each bring the token of one mail.
#[track_caller]
pub(crate) fn spend(nodes: &[SocketAddr], house: &House, carrier: Carrier, address: &str) {
    house.sign_up(address, house.password());
    let token = house.mailbox().wait_for(address).token();
    let authority = house.authority();
    let bodies = vec![json!({"token": token}).to_string(); 50];
    let replies = storm(nodes, &authority, "/api/auth/verify-email").post(carrier, &bodies);
    assert_eq!(tally(&replies), BTreeMap::from([(200, 1), (400, 49)]), "{carrier:?}");
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 400).collect();
    for reply in &refused {
        assert_eq!((reply.text(), reply.names()), (refused[0].text(), refused[0].names()), "all refusals are alike");
    }
}

#[test]
fn email_05_one_of_fifty_parallel_uses_of_a_token_wins() {
    let house = House::builder().start();
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        spend(&[house.https()], &house, carrier, &format!("ada{number}@app.test"));
    }
}

/// Fifty sign-ups of one address, then every link that was mailed, all at once: one account comes of it.
#[track_caller]
pub(crate) fn crowd(nodes: &[SocketAddr], house: &House, carrier: Carrier, address: &str) {
    let authority = house.authority();
    let bodies = vec![json!({"email": address, "password": house.password()}).to_string(); 50];
    let replies = storm(nodes, &authority, "/api/auth/register").post(carrier, &bodies);
    assert_eq!(tally(&replies), BTreeMap::from([(202, 50)]), "{carrier:?}");
    for reply in &replies {
        assert_eq!((reply.text(), reply.names()), (replies[0].text(), replies[0].names()), "all answers are alike");
    }
    let _ = house.mailbox().wait_for(address);
    let tokens: Vec<_> = house
        .mailbox()
        .to(address)
        .iter()
        .map(|mail| json!({"token": mail.token(), "password": house.password()}).to_string())
        .collect();
    let replies = storm(nodes, &authority, "/api/auth/verify-email").post(carrier, &tokens);
    let (made, refused) = (tally(&replies).remove(&200), tally(&replies).remove(&400).unwrap_or_default());
    assert_eq!((made, refused), (Some(1), tokens.len() - 1), "{carrier:?}: of all links one made an account");
    let _ = house.sign_in(address);
}

#[test]
fn enum_05_fifty_parallel_sign_ups_of_an_address_are_answered_alike_and_make_one_account() {
    let house = House::builder().start();
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        crowd(&[house.https()], &house, carrier, &format!("eve{number}@app.test"));
    }
}

/// What a refusal looks like: all but the values that differ from answer to answer, and `Vary`, which at the application truthfully names
/// what it chooses by (a page, JSON or problem+json), and which means nothing beside `no-store`.
fn shape(reply: &Reply) -> (u16, String, Vec<(String, String)>) {
    let varies = |name: &str| ["date", "x-request-id", "retry-after"].contains(&name);
    let mut fields: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("vary"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .map(|(name, value)| if varies(&name) { (name, String::new()) } else { (name, value) })
        .collect();
    fields.sort();
    (reply.status, reply.text(), fields)
}

#[track_caller]
fn wait_of(reply: &Reply) -> Duration {
    Duration::from_secs(reply.header("retry-after").unwrap().parse().unwrap())
}

#[test]
fn app_rl_08_a_refusal_has_one_shape_at_edge_and_application_and_its_wait_is_exact() {
    let house = House::builder().limit("auth_login", "2/3s").start();
    let body = json!({"email": "nobody@app.test", "password": "a wrong but long password"});
    let attempt = || house.client().post_json("/api/auth/login", &body);
    assert_eq!((attempt().status, attempt().status), (401, 401));
    let begin = Instant::now();
    let refused = attempt();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json(), json!({"detail": "Rate limited"}));
    let told = wait_of(&refused);
    assert!((1..=3).contains(&told.as_secs()), "{told:?}");
    let mut early = 0;
    while begin.elapsed() + Duration::from_secs(2) < told {
        early += usize::from(attempt().status == 429);
    }
    // What is told is rounded up to a whole second: whoever comes more than that early is refused.
    assert!(early > 0 || told < Duration::from_secs(2), "{told:?}");
    std::thread::sleep(told.saturating_sub(begin.elapsed()));
    assert_eq!(attempt().status, 401, "whoever waits as told is let through");

    let house = House::builder().limit("edge_auth", "1/h").start();
    // Without a body: one that the edge does not wait for (EDGE-RL-07) costs the connection, whatever the answer.
    let report = || house.client().send(&Request::post("/api/auth/login"));
    let _ = report();
    let of_edge = report();
    assert_eq!(of_edge.status, 429);
    assert_eq!(shape(&of_edge), shape(&refused));
}
