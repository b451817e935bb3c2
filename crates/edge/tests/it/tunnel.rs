//! How long a tunnel stays open: while something goes through it, and never longer than the longest life.

use std::time::{Duration, Instant};

use crate::script::{Turn, Upstream};
use crate::support::House;
use crate::support::client::Client;
use crate::upgrade::{AGREED, before, handshake};

async fn open(house: &House) -> Client {
    let mut client = house.client().await;
    assert_eq!(client.ask(handshake("/live")).await.status, 101);
    client
}

/// Sends a word every now and then until the tunnel ends; says how long that took.
async fn talk(client: &mut Client) -> Duration {
    let begun = Instant::now();
    loop {
        client.send(b"ping").await;
        if client.take(4).await.as_deref() != Some(&b"ping"[..]) {
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_tunnel_through_which_nothing_goes_ends_and_one_that_is_used_does_not() {
    let mut upstream = Upstream::start(|_| Turn::Echo(AGREED.into())).await;
    let house = before(&upstream).policy(|policy| policy.times.tunnel_idle = Duration::from_millis(600)).start().await;
    let (mut silent, mut used) = (open(&house).await, open(&house).await);
    let begun = Instant::now();
    tokio::select! {
        lived = talk(&mut used) => panic!("the used one ended after {lived:?}"),
        closed = silent.is_closed() => assert!(closed),
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    upstream.closed().await;
    used.send(b"pong").await;
    assert!(used.take(4).await.is_some(), "the used one goes on");
    // Until it is silent, too: this waits for the end.
    let _ = used.rest().await;
}

#[tokio::test]
async fn no_tunnel_lives_for_longer_than_the_longest_life_whatever_goes_through_it() {
    let upstream = Upstream::start(|_| Turn::Echo(AGREED.into())).await;
    let life = Duration::from_millis(700);
    let house = before(&upstream).policy(move |policy| policy.times.tunnel_max_age = life).start().await;
    let lived = talk(&mut open(&house).await).await;
    assert!(lived < Duration::from_secs(10), "{lived:?}");
    assert!(lived > life / 2, "{lived:?}");
}
