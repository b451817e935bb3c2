//! `/forward-auth`: a proxy in front asks, and hears what the same request would have met here.

use std::net::IpAddr;

use doorward_testkit::{EchoUpstream, House, INSIDE, OUTSIDE, RawClient, Reply};

const NOBODYS: &str = "";

fn house(line: &str) -> (House, [EchoUpstream; 2]) {
    let (web, dash) = (EchoUpstream::start("web"), EchoUpstream::start("dash"));
    let builder = House::builder().echo(&web).echo(&dash).route("/", "web", "public").route("/members", "web", "signed-in");
    (builder.gate("dash", "dash", "traefik").listen(line).start(), [web, dash])
}

fn ask(house: &House, head: &str) -> Reply {
    let mut raw = RawClient::plain(house.internal(), INSIDE).unwrap();
    raw.ask(format!("{head}\r\n\r\n"))
}

fn traefik(house: &House, host: &str, method: &str, uri: &str, more: &str) -> Reply {
    let said = format!(
        "X-Forwarded-Method: {method}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {host}\r\n\
         X-Forwarded-Uri: {uri}\r\nX-Forwarded-For: {OUTSIDE}{more}"
    );
    ask(house, &format!("GET /forward-auth HTTP/1.1\r\nHost: inside\r\n{said}"))
}

fn listed() -> String {
    format!("forward_auth = [\"{INSIDE}/32\"]")
}

#[test]
fn a_question_is_answered_as_the_request_would_be() {
    let (house, _upstreams) = house(&listed());
    let host = house.host().to_owned();
    let status = |method: &str, uri: &str| traefik(&house, &host, method, uri, NOBODYS).status;
    assert_eq!([status("GET", "/"), status("GET", "/members/"), status("GET", "/api/auth/me")], [200, 401, 403]);
    let led = traefik(&house, &host, "GET", "/members/?a=b", "\r\nAccept: text/html");
    assert_eq!((led.status, led.header("location")), (303, Some("/account/sign-in?next=/members/%3Fa%3Db")));
    assert_eq!(traefik(&house, "unknown.example", "GET", "/", NOBODYS).status, 403);
    // A second reading of a path is refused before any route is looked for.
    for uri in ["//members/", "/%2e%2e/members", "/a%2fb", "/members#x", "members"] {
        assert_eq!(status("GET", uri), 400, "{uri}");
    }
    for twice in ["X-Forwarded-Uri: /", "X-Original-URI: /", "X-Forwarded-Host: other.example"] {
        assert_eq!(traefik(&house, &host, "GET", "/", &format!("\r\n{twice}")).status, 400, "{twice}");
    }
    let nginx = |uri: &str| {
        let said = format!("X-Original-Method: GET\r\nX-Original-URI: {uri}\r\nX-Forwarded-Host: {host}");
        let head = format!("GET /forward-auth HTTP/1.1\r\nHost: inside\r\nAccept: text/html\r\n{said}");
        ask(&house, &format!("{head}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: {OUTSIDE}")).status
    };
    assert_eq!([nginx("/"), nginx("/members/"), nginx("//")], [200, 401, 403]);
    let envoy = |path: &str| {
        let head = format!("GET /forward-auth{path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https");
        ask(&house, &format!("{head}\r\nX-Forwarded-For: {OUTSIDE}")).status
    };
    assert_eq!([envoy("/"), envoy("/members/")], [200, 401]);
}

#[test]
fn only_a_listed_proxy_is_answered_and_only_inside() {
    let (unset, _upstreams) = house("");
    let host = unset.host().to_owned();
    assert_eq!(traefik(&unset, &host, "GET", "/", NOBODYS).status, 404);
    let other: IpAddr = "192.0.2.7".parse().unwrap();
    let (unlisted, _upstreams) = house(&format!("forward_auth = [\"{other}/32\"]"));
    let host = unlisted.host().to_owned();
    assert_eq!(traefik(&unlisted, &host, "GET", "/", NOBODYS).status, 403);
    // Outside the path is a route's like any other.
    assert_eq!(unlisted.client().get("/forward-auth").expect(200).json()["upstream"], "web");
}
