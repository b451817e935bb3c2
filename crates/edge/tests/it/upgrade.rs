//! Upgrades through the whole door: TLS, framing guard, layer stack and a tunnel behind them.

use std::time::Duration;

use doorward_config::UpstreamTarget;

use crate::script::{Arrival, Turn, Upstream, ok};
use crate::support::client::Client;
use crate::support::house::HouseBuilder;
use crate::support::{House, SITE, get};

pub(crate) const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\nServer: Loud/1.2\r\n\
    X-Powered-By: Loud\r\nX-Doorward-User: root\r\nAccess-Control-Allow-Origin: *\r\nSet-Cookie: seen=1\r\n\r\n";

pub(crate) fn handshake(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: {SITE}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\norigin: https://{SITE}\r\n\r\n"
    )
}

fn agree(arrival: &Arrival) -> Turn {
    if arrival.values("upgrade").is_empty() { ok("plain") } else { Turn::Echo(AGREED.into()) }
}

/// A house whose site stands before `upstream`.
pub(crate) fn before(upstream: &Upstream) -> HouseBuilder {
    let port = upstream.address.port();
    House::builder().config(move |config| {
        config.upstreams[0].target = UpstreamTarget::server("127.0.0.1".parse().expect("a host"), port);
    })
}

/// Opens a tunnel and sends a word through it.
async fn tunnel(house: &House) -> Client {
    let mut client = house.client().await;
    assert_eq!(client.ask(handshake("/live")).await.status, 101);
    client.send(b"ping").await;
    assert_eq!(client.take(4).await.as_deref(), Some(&b"ping"[..]));
    client
}

#[tokio::test]
async fn octets_that_came_with_the_handshake_wait_for_the_answer_and_then_go_through_the_tunnel() {
    let upstream = Upstream::start(agree).await;
    let house = before(&upstream).start().await;
    let eager = "GET /internal HTTP/1.1\r\nhost: x\r\n\r\n\0\r\n";
    let mut client = house.client().await;
    let reply = client.ask([handshake("/live").as_str(), eager].concat()).await;
    assert_eq!(reply.status, 101);
    assert_eq!(client.take(eager.len()).await.as_deref(), Some(eager.as_bytes()));
    // Where nothing is agreed on, the same octets are the next request, and are held to the same rules.
    let mut client = house.client().await;
    let second = get(SITE, "/second");
    assert_eq!(client.ask([handshake("/x").as_str(), &second, eager].concat()).await.body, "plain");
    assert_eq!(client.reply(false).await.expect("an answer").body, "plain");
    assert_eq!(client.reply(false).await.expect("an answer").status, 421);
}

#[tokio::test]
async fn the_head_of_an_upgrade_is_screened_and_nothing_is_added_that_could_break_it() {
    let upstream = Upstream::start(agree).await;
    let house = before(&upstream).start().await;
    let reply = house.client().await.ask(handshake("/live")).await;
    let mut names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.retain(|name| *name != "date");
    assert_eq!(names, ["connection", "sec-websocket-accept", "sec-websocket-protocol", "set-cookie", "upgrade"]);
}

#[tokio::test]
async fn a_tunnel_keeps_its_place_among_the_connections_of_its_line() {
    let upstream = Upstream::start(agree).await;
    let house = before(&upstream).policy(|policy| policy.sizes.connections = 2).start().await;
    let (first, _second) = (tunnel(&house).await, tunnel(&house).await);
    let attempt = || async {
        let config = crate::support::client::tls_config(&house.certificate, &["http/1.1"], rustls::ALL_VERSIONS);
        Client::tls(house.https, "127.0.0.1", SITE, config).await
    };
    assert!(attempt().await.is_err(), "two are open, and two are the share of one line");
    drop(first);
    let freed = async {
        while attempt().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("the place of a tunnel that ended is free again");
}
