//! The forwarder, called directly, against upstreams on real sockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward_config::UpstreamTarget;
use doorward_edge::EdgeBody;
use doorward_edge::hold::TunnelTerms;
use doorward_edge::proxy::{ForwardPlan, Forwarder, UpstreamFault};
use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemEntropy};
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::script::{Arrival, Turn, Upstream, ok};

fn no_body() -> EdgeBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(text: &'static str) -> EdgeBody {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length, as a chunked one is.
fn pieces(parts: &'static [&'static str]) -> EdgeBody {
    StreamBody::new(stream::iter(parts).map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes()))))).boxed_unsync()
}

fn context() -> RequestContext {
    RequestContext {
        request_id: RequestId::random(&SystemEntropy),
        client: ClientAddr::new([203, 0, 113, 7].into()),
        peer: PeerAddr(([203, 0, 113, 7], 50_000).into()),
        secure: true,
    }
}

/// One forwarder in front of one upstream.
struct House {
    forwarder: Forwarder,
    policy: UpstreamPolicy,
    context: RequestContext,
}

impl House {
    fn before(upstream: &Upstream) -> Self {
        Self::with(upstream, TimePolicy::default(), SizePolicy::default())
    }

    fn with(upstream: &Upstream, times: TimePolicy, sizes: SizePolicy) -> Self {
        let target = UpstreamTarget::server("127.0.0.1".parse().expect("a host"), upstream.address.port());
        Self {
            forwarder: Forwarder::new(times, sizes),
            policy: UpstreamPolicy { name: "api".into(), target },
            context: context(),
        }
    }

    fn plan<'a>(&'a self, path: &'a str) -> ForwardPlan<'a> {
        ForwardPlan {
            upstream: &self.policy,
            path,
            query: None,
            context: &self.context,
            external_host: "app.example.com",
            external_port: 443,
            identity: &[],
            tunnel: None,
            remove_authorization: false,
        }
    }

    async fn send(&self, request: Request<EdgeBody>) -> Result<Response<EdgeBody>, UpstreamFault> {
        self.forwarder.forward(request, self.plan("/x")).await
    }

    async fn get(&self) -> Result<Response<EdgeBody>, UpstreamFault> {
        self.send(request(Method::GET, &[], no_body())).await
    }

    async fn post(&self) -> Result<Response<EdgeBody>, UpstreamFault> {
        self.send(request(Method::POST, &[], full("deed"))).await
    }
}

fn request(method: Method, fields: &[(&str, &str)], body: EdgeBody) -> Request<EdgeBody> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = "/x".parse().expect("a target");
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers_mut().append(name, HeaderValue::from_str(value).expect("a value"));
    }
    request
}

async fn text(response: Response<EdgeBody>) -> String {
    let octets = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(octets.to_vec()).expect("text")
}

// ----- request head

#[tokio::test]
async fn proxy_02_client_copies_of_forwarding_fields_never_reach_the_upstream() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let guarded = [
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Forwarded-Prefix",
        "X-Forwarded-User",
        "X-Forwarded",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "X-Original-URL",
        "X-Original-Host",
        "X-Rewrite-URL",
        "X-User-Id",
        "X-User-Email",
        "X-Remote-User",
        "X-Script-Name",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Request-Id",
        "X-Accel-Redirect",
        "Proxy",
        "Remote-User",
        "Proxy-Authorization",
        "Proxy-Connection",
        "X-Doorward-User",
        "X-Doorward-Roles",
        "X-Doorward-Assertion",
        "X-Doorward-New",
    ];
    let mut fields = Vec::new();
    for name in guarded {
        fields.extend([name.to_owned(), name.to_lowercase(), name.to_uppercase()]);
        fields.extend(['_', '.', '~'].map(|mark| name.replace('-', &mark.to_string())));
        fields.push(name.replacen('-', "_", 1));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "evil 10.0.0.1")).collect();
    house.send(request(Method::GET, &fields, no_body())).await.expect("answered");

    let arrival = upstream.last();
    assert!(!arrival.head.contains("evil"), "{}", arrival.head);
    let mut names = arrival.names();
    names.sort_unstable();
    let ours =
        ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip", "x-request-id"];
    assert_eq!(names, ours);
    assert_eq!(arrival.values("x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(arrival.values("x-real-ip"), ["203.0.113.7"]);
    assert_eq!(arrival.values("x-request-id"), [house.context.request_id.to_string()]);
}

#[tokio::test]
async fn identity_fields_come_from_the_plan_alone() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let identity = [(HeaderName::from_static("x-doorward-user"), HeaderValue::from_static("u-1"))];
    let fields = [("X-Doorward-User", "evil"), ("x_doorward_user", "evil"), ("Connection", "x-doorward-user")];
    let plan = ForwardPlan { identity: &identity, ..house.plan("/x") };
    house.forwarder.forward(request(Method::GET, &fields, no_body()), plan).await.expect("answered");
    assert_eq!(upstream.last().values("x-doorward-user"), ["u-1"]);
    assert!(!upstream.last().head.contains("evil"));
}

#[tokio::test]
async fn proxy_03_connection_takes_hop_fields_away_and_nothing_else() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let fields = [
        ("Connection", "close, X-Hop, X-Forwarded-For, Cookie, Authorization, Host, X-Real-IP, Origin"),
        ("Connection", "x-other-hop , content-type, sec-fetch-site, x-csrf-token, x-request-id"),
        ("X-Hop", "gone"),
        ("X-Other-Hop", "gone"),
        ("Keep-Alive", "timeout=5, gone"),
        ("TE", "trailers, gone"),
        ("Trailer", "gone"),
        ("Upgrade", "gone"),
        ("HTTP2-Settings", "gone"),
        ("Proxy-Connection", "gone"),
        ("Cookie", "a=1"),
        ("Authorization", "Bearer t"),
        ("Origin", "https://app.example.com"),
        ("Content-Type", "text/plain"),
        ("Sec-Fetch-Site", "same-origin"),
        ("X-CSRF-Token", "c"),
    ];
    house.send(request(Method::GET, &fields, no_body())).await.expect("answered");
    let arrival = upstream.last();
    assert!(!arrival.head.contains("gone") && arrival.values("connection").is_empty(), "{}", arrival.head);
    for (name, value) in [
        ("cookie", "a=1"),
        ("authorization", "Bearer t"),
        ("origin", "https://app.example.com"),
        ("content-type", "text/plain"),
        ("sec-fetch-site", "same-origin"),
        ("x-csrf-token", "c"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("host", "app.example.com"),
    ] {
        assert_eq!(arrival.values(name), [value], "{name}");
    }
}

#[tokio::test]
async fn proxy_03_hop_fields_of_the_answer_stay_between_us_and_the_upstream() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: x-hop, set-cookie, content-security-policy\r\nX-Hop: gone\r\nKeep-Alive: gone\r\n\
        Proxy-Authenticate: gone\r\nTrailer: gone\r\nUpgrade: gone\r\nSet-Cookie: a=1\r\nContent-Security-Policy: x\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let upstream = Upstream::start(move |_| Turn::Say(answer.into())).await;
    let response = House::before(&upstream).get().await.expect("answered");
    let mut names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-security-policy", "set-cookie"]);
}

#[tokio::test]
async fn proxy_05_proto_host_and_port_come_from_the_real_connection() {
    let upstream = Upstream::start(|_| ok("")).await;
    let mut house = House::before(&upstream);
    let lies = [
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Port", "1"),
        ("Forwarded", "proto=http"),
    ];
    for (secure, port, authority) in [
        (true, 443, "app.example.com"),
        (true, 8443, "app.example.com:8443"),
        (false, 80, "app.example.com"),
        (false, 443, "app.example.com:443"),
    ] {
        house.context.secure = secure;
        let plan = ForwardPlan { external_port: port, ..house.plan("/x") };
        house.forwarder.forward(request(Method::GET, &lies, no_body()), plan).await.expect("answered");
        let arrival = upstream.last();
        assert_eq!(arrival.values("x-forwarded-proto"), [if secure { "https" } else { "http" }]);
        assert_eq!(arrival.values("x-forwarded-host"), [authority]);
        assert_eq!(arrival.values("x-forwarded-port"), [port.to_string()]);
        assert!(arrival.values("forwarded").is_empty());
    }
}

#[tokio::test]
async fn proxy_08_cookie_crumbs_become_one_line_with_the_same_pairs() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let mut crumbs =
        request(Method::GET, &[("cookie", "a=1"), ("cookie", "B=\"x y\"; c=d=e"), ("cookie", "__Secure-f=%3b")], no_body());
    *crumbs.version_mut() = Version::HTTP_2;
    house.send(crumbs).await.expect("answered");
    assert_eq!(upstream.last().values("cookie"), ["a=1; B=\"x y\"; c=d=e; __Secure-f=%3b"]);

    house.send(request(Method::GET, &[("Cookie", "odd;  spaced=1;;b")], no_body())).await.expect("answered");
    assert_eq!(upstream.last().values("cookie"), ["odd;  spaced=1;;b"], "one line is left as it is");
}

#[tokio::test]
async fn our_own_cookies_never_reach_an_upstream() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    for (fields, want) in [
        (vec![("cookie", "a=1; __Host-doorward_session=secret; b=2")], vec!["a=1; b=2"]),
        (vec![("cookie", "__Host-doorward_csrf=secret"), ("cookie", "a=1")], vec!["a=1"]),
        (vec![("cookie", "__Host-doorward_session=secret; __Host-doorward_csrf=secret")], vec![]),
        (vec![("cookie", "__Host-doorward_session=secret; __Host-doorward_session=secret; a")], vec!["a"]),
    ] {
        house.send(request(Method::GET, &fields, no_body())).await.expect("answered");
        assert_eq!(upstream.last().values("cookie"), want);
        assert!(!upstream.last().head.contains("secret"));
    }
}

#[tokio::test]
async fn no_upstream_sets_or_clears_our_own_cookies() {
    let upstream = Upstream::start(|_| {
        let fields = [
            "__Host-doorward_session=planted; Path=/; Secure; HttpOnly",
            "theme=dark; Path=/",
            "__host-Doorward_Session = planted; Path=/; Secure",
            "=__Host-doorward_session=planted; Path=/; Secure",
            "__Host-doorward_csrf",
            "x=__Host-doorward_session=1",
        ];
        let fields: String = fields.iter().map(|value| format!("Set-Cookie: {value}\r\n")).collect();
        Turn::Say(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n").into())
    })
    .await;
    let response = House::before(&upstream).get().await.expect("answered");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().map(|value| value.to_str().expect("text")).collect();
    assert_eq!(cookies, ["theme=dark; Path=/", "x=__Host-doorward_session=1"]);
}

#[tokio::test]
async fn proxy_09_the_upstream_gets_the_canonical_host_whatever_the_client_wrote() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    for host in ["evil.test", "APP.example.com.", "app.example.com:1", "app.example.com\u{00e9}"] {
        let mut evil = request(Method::GET, &[("X-Host", "evil.test")], no_body());
        evil.headers_mut().insert("host", HeaderValue::from_bytes(host.as_bytes()).expect("octets"));
        *evil.uri_mut() = "https://evil.test/x".parse().expect("a target");
        house.send(evil).await.expect("answered");
        let arrival = upstream.last();
        assert_eq!(arrival.values("host"), ["app.example.com"]);
        assert_eq!(arrival.request_line(), "GET /x HTTP/1.1");
        assert!(!arrival.head.contains("evil"));
    }
}

#[tokio::test]
async fn http_07_every_request_gets_exactly_one_framing_made_by_us() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let lies =
        [("Content-Length", "99"), ("Transfer-Encoding", "gzip, chunked"), ("Expect", "100-continue"), ("Content_Length", "7")];
    for (body, framing, octets) in [
        (no_body(), vec!["content-length: 0"], ""),
        (full("deed"), vec!["content-length: 4"], "deed"),
        (pieces(&["de", "ed"]), vec!["transfer-encoding: chunked"], "2\r\nde\r\n2\r\ned\r\n0\r\n\r\n"),
    ] {
        house.send(request(Method::POST, &lies, body)).await.expect("answered");
        let arrival = upstream.last();
        let lines: Vec<_> =
            arrival.head.lines().filter(|l| l.contains("length") || l.contains("encoding") || l.contains("expect")).collect();
        assert_eq!(lines, framing);
        assert_eq!(String::from_utf8_lossy(&arrival.body), octets);
    }
    // A body on GET is framed or not sent; nothing of it is left for the next request on the connection.
    for body in [full("GET /admin HTTP/1.1\r\n\r\n"), pieces(&["GET /admin HTTP/1.1\r\n\r\n"])] {
        house.send(request(Method::GET, &lies, body)).await.expect("answered");
        assert_eq!(text(house.get().await.expect("answered")).await, "");
    }
    assert!(upstream.arrivals().iter().all(|arrival| arrival.request_line().ends_with(" /x HTTP/1.1")));
}

#[tokio::test]
async fn path_and_query_are_sent_octet_by_octet_as_planned() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    for (path, query, line) in [
        ("/x", None, "GET /x HTTP/1.1"),
        ("/", Some("a=%2e%2e&b[]=|"), "GET /?a=%2e%2e&b[]=| HTTP/1.1"),
        ("/a%20b/%C3%A9", Some(""), "GET /a%20b/%C3%A9? HTTP/1.1"),
        ("/a:b@c/!$&'()*+,=~", Some("?/"), "GET /a:b@c/!$&'()*+,=~??/ HTTP/1.1"),
    ] {
        let plan = ForwardPlan { query, ..house.plan(path) };
        house.forwarder.forward(request(Method::GET, &[], no_body()), plan).await.expect("answered");
        assert_eq!(upstream.last().request_line(), line);
    }
}

#[tokio::test]
async fn gate_18_credentials_of_the_gate_stay_at_the_door() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let fields =
        [("Authorization", "Basic b3A6c2VjcmV0"), ("Proxy-Authorization", "Basic b3A6c2VjcmV0"), ("X-Authorization", "kept")];
    for remove_authorization in [true, false] {
        let plan = ForwardPlan { remove_authorization, ..house.plan("/x") };
        house.forwarder.forward(request(Method::GET, &fields, no_body()), plan).await.expect("answered");
        let arrival = upstream.last();
        assert_eq!(arrival.values("authorization").len(), usize::from(!remove_authorization));
        assert!(arrival.values("proxy-authorization").is_empty());
        assert_eq!(arrival.values("x-authorization"), ["kept"]);
    }
}

// ----- answers

/// Answers that are wrong, by what is wrong with them.
fn hostile_answers() -> Vec<(&'static str, Vec<u8>)> {
    let fields = |n: usize| (0..n).map(|i| format!("X-F{i}: v\r\n")).collect::<String>();
    vec![
        ("not HTTP", b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
        ("HTTP/0.9", b"<html>hello</html>\r\n\r\n".to_vec()),
        ("HTTP/2 status line", b"HTTP/2 200\r\n\r\n".to_vec()),
        ("no status", b"HTTP/1.1 abc OK\r\n\r\n".to_vec()),
        ("bare CR in a value", b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("NUL in a value", b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("space before the colon", b"HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("folded line", b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("line without colon", b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("both lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec()),
        ("a length twice", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab".to_vec()),
        ("a signed length", b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab".to_vec()),
        ("an odd coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_vec()),
        (
            "chunked twice",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        ),
        ("chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
        ("101 fields", format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(101)).into_bytes()),
        ("a head of 130 KiB", format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(130 * 1024)).into_bytes()),
        (
            "101 that nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n".to_vec(),
        ),
    ]
}

#[tokio::test]
async fn proxy_10_invalid_or_oversized_answers_are_refused_and_poison_nothing() {
    for (what, octets) in hostile_answers() {
        let upstream =
            Upstream::start(move |arrival| if arrival.connection == 0 { Turn::Say(octets.clone()) } else { ok("fine") }).await;
        let house = House::before(&upstream);
        assert_eq!(house.get().await.err(), Some(UpstreamFault::BadResponse), "{what}");
        assert_eq!(text(house.get().await.expect(what)).await, "fine", "{what}");
    }
}

#[tokio::test]
async fn proxy_10_a_flood_of_interim_answers_ends_in_a_refusal() {
    let flood = Turn::Flood(Vec::new(), b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100));
    let mut upstream = Upstream::start(move |_| flood.clone()).await;
    assert_eq!(House::before(&upstream).get().await.err(), Some(UpstreamFault::BadResponse));
    assert_eq!(upstream.closed().await, 0);
}

#[tokio::test]
async fn proxy_10_octets_behind_an_answer_never_answer_the_next_request() {
    let split = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let upstream =
        Upstream::start(move |arrival| if arrival.connection == 0 { Turn::Say(split.into()) } else { ok("fine") }).await;
    let house = House::before(&upstream);
    assert_eq!(text(house.get().await.expect("answered")).await, "ok");
    assert_eq!(text(house.get().await.expect("answered")).await, "fine");
    assert_eq!(text(house.post().await.expect("answered")).await, "fine");
}

#[tokio::test]
async fn proxy_10_a_body_where_none_belongs_never_answers_the_next_request() {
    let bodies = [
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
    ];
    for (method, octets) in bodies {
        let upstream =
            Upstream::start(move |arrival| if arrival.connection == 0 { Turn::Say(octets.into()) } else { ok("fine") }).await;
        let house = House::before(&upstream);
        assert_eq!(text(house.send(request(method, &[], no_body())).await.expect("answered")).await, "", "{octets}");
        assert_eq!(text(house.post().await.expect("answered")).await, "fine", "{octets}");
    }
}

#[tokio::test]
async fn proxy_10_an_answer_that_nobody_asked_for_is_not_given_to_whoever_comes_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let (said, mut to_hear) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 4096]).await;
            let body = if connection == 0 { "good" } else { "fine" };
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.expect("sent");
            if connection == 0 {
                let () = to_hear.recv().await.expect("the test goes on");
                stream.write_all(answer.replace("good", "evil").as_bytes()).await.expect("sent");
            }
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                std::future::pending::<()>().await;
            });
        }
    });
    let target = UpstreamTarget::server("127.0.0.1".parse().expect("a host"), port);
    let policy = UpstreamPolicy { name: "api".into(), target };
    let forwarder = Forwarder::new(TimePolicy::default(), SizePolicy::default());
    let house = House { forwarder, policy, context: context() };
    assert_eq!(text(house.get().await.expect("answered")).await, "good");
    said.send(()).expect("the upstream listens");
    // The kernel of one machine delivers at once; this only lets the upstream's task have its turn.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(text(house.post().await.expect("answered")).await, "fine");
}

#[tokio::test]
async fn a_broken_chunk_breaks_the_body_off() {
    let upstream =
        Upstream::start(|_| Turn::Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n".to_vec())).await;
    let response = House::before(&upstream).get().await.expect("a head");
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn interim_answers_are_swallowed_and_trailers_left_to_the_header_layer() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Security-Policy: x\r\nX-T: 1\r\n\r\n";
    let upstream = Upstream::start(move |_| Turn::Say(answer.into())).await;
    let house = House::before(&upstream);
    for _ in 0..2 {
        let response = house.get().await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
        let collected = response.into_body().collect().await.expect("whole");
        assert_eq!(collected.trailers().map(http::HeaderMap::len), Some(2));
        assert_eq!(collected.to_bytes(), "ok");
    }
    assert_eq!(upstream.last().connection, 0, "the connection is used again");
}

#[tokio::test]
async fn one_connection_carries_one_request_after_the_other() {
    let upstream = Upstream::start(|arrival| match arrival.index {
        0 => ok("small"),
        1 => Turn::Say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        2 => Turn::Say(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n".to_vec()),
        3 => Turn::Say(format!("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{}", "x".repeat(300_000)).into()),
        4 => Turn::Say(
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", 200_000, "y".repeat(200_000))
                .into(),
        ),
        _ => Turn::Say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    let house = House::before(&upstream);
    for want in [5, 0, 0, 300_000, 200_000, 0] {
        assert_eq!(text(house.post().await.expect("answered")).await.len(), want);
    }
    let head = house.send(request(Method::HEAD, &[], no_body())).await.expect("answered");
    assert_eq!(text(head).await, "");
    let connections: Vec<_> = upstream.arrivals().iter().map(|arrival| arrival.connection).collect();
    assert_eq!(connections, [0, 0, 0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn expo_06_redirects_pass_and_are_never_followed_and_no_field_chooses_the_target() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n";
    let upstream = Upstream::start(move |_| Turn::Say(answer.into())).await;
    let bystander = Upstream::start(|_| ok("")).await;
    let house = House::before(&upstream);
    let elsewhere = format!("http://{}/admin", bystander.address);
    let names = ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "X-Host", "Forwarded", "X-Accel-Redirect", "Proxy"];
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, elsewhere.as_str())).collect();
    let mut absolute = request(Method::GET, &fields, no_body());
    *absolute.uri_mut() = elsewhere.parse().expect("a target");
    let response = house.send(absolute).await.expect("answered");
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], "http://169.254.169.254/latest/meta-data");
    assert_eq!(upstream.arrivals().len(), 1);
    assert_eq!(upstream.last().request_line(), "GET /x HTTP/1.1");
    assert!(!upstream.last().head.contains(&bystander.address.to_string()));
    assert!(bystander.arrivals().is_empty());
}

#[tokio::test]
async fn expo_08_an_upstreams_own_address_in_a_reference_is_taken_out() {
    let upstream = Upstream::start(|arrival| {
        let port = arrival.values("x-port")[0].to_owned();
        let location = arrival.values("x-location")[0].replace("PORT", &port);
        Turn::Say(
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Location: {location}\r\nContent-Length: 0\r\n\r\n")
                .into(),
        )
    })
    .await;
    let house = House::before(&upstream);
    let port = upstream.address.port().to_string();
    for (location, want) in [
        ("http://127.0.0.1:PORT/x?y=1#z", "/x?y=1#z"),
        ("HTTPS://127.0.0.1:PORT", "/"),
        ("//127.0.0.1:PORT/x", "/x"),
        ("http://u:p@127.0.0.1:PORT/x", "/x"),
        ("http://127.0.0.1:PORT//evil.test", "https://app.example.com//evil.test"),
        ("/already/local", "/already/local"),
        ("https://accounts.example.org/authorize", "https://accounts.example.org/authorize"),
    ] {
        let response =
            house.send(request(Method::GET, &[("x-location", location), ("x-port", &port)], no_body())).await.expect("answered");
        assert_eq!(response.headers()["location"], want);
        assert_eq!(response.headers()["content-location"], want);
    }
}

// ----- time, retries, backpressure

#[tokio::test]
async fn edge_rl_11_what_may_have_an_effect_arrives_once() {
    for (method, body) in [("POST", true), ("POST", false), ("PUT", true), ("PATCH", false), ("DELETE", false), ("GET", true)] {
        // The first request leaves a connection in the pool; the second is read and then hung up on.
        let upstream = Upstream::start(|arrival| if arrival.index == 0 { ok("") } else { Turn::SayAndClose(Vec::new()) }).await;
        let house = House::before(&upstream);
        let method: Method = method.parse().expect("a method");
        let send = || house.send(request(method.clone(), &[], if body { full("deed") } else { no_body() }));
        send().await.expect("answered");
        assert_eq!(send().await.err(), Some(UpstreamFault::BadResponse), "{method}");
        assert_eq!(upstream.arrivals().len(), 2, "{method} with body: {body}");
    }
}

#[tokio::test]
async fn edge_rl_11_a_fresh_connection_that_dies_is_not_tried_again() {
    let upstream = Upstream::start(|_| Turn::SayAndClose(Vec::new())).await;
    let house = House::before(&upstream);
    assert_eq!(house.post().await.err(), Some(UpstreamFault::BadResponse));
    assert_eq!(house.get().await.err(), Some(UpstreamFault::BadResponse));
    assert_eq!(upstream.arrivals().len(), 2);
}

#[tokio::test]
async fn edge_rl_11_a_bodiless_get_on_a_dead_kept_connection_is_sent_once_more() {
    let upstream = Upstream::start(|arrival| match (arrival.connection, arrival.index) {
        (0, 0) => ok(""),
        (0, _) => Turn::SayAndClose(Vec::new()),
        _ => ok("again"),
    })
    .await;
    let house = House::before(&upstream);
    house.get().await.expect("answered");
    let retried = house.send(request(Method::GET, &[("x-a", "kept"), ("cookie", "a=1")], no_body())).await.expect("answered");
    assert_eq!(text(retried).await, "again");
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), 3);
    assert_eq!(arrivals[1].head, arrivals[2].head);

    let always_dying =
        Upstream::start(|arrival| if arrival.head.contains("warm") { ok("") } else { Turn::SayAndClose(Vec::new()) }).await;
    let house = House::before(&always_dying);
    house.send(request(Method::GET, &[("x-a", "warm")], no_body())).await.expect("answered");
    assert_eq!(house.get().await.err(), Some(UpstreamFault::BadResponse));
    assert_eq!(always_dying.arrivals().len(), 3, "once more, not twice");
}

#[tokio::test]
async fn edge_rl_11_nothing_is_repeated_after_the_first_octet_of_an_answer() {
    let upstream =
        Upstream::start(|arrival| if arrival.index == 0 { ok("") } else { Turn::SayAndClose(b"HTTP/1.1 2".to_vec()) }).await;
    let house = House::before(&upstream);
    house.get().await.expect("answered");
    assert_eq!(house.get().await.err(), Some(UpstreamFault::BadResponse));
    assert_eq!(upstream.arrivals().len(), 2);
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_costs_nobody_a_request() {
    let mut upstream = Upstream::start(|arrival| match arrival.connection {
        0 => Turn::SayAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ => ok("second"),
    })
    .await;
    let house = House::before(&upstream);
    house.post().await.expect("answered");
    upstream.closed().await;
    // The kernel has the FIN by now; give the runtime one turn with its reactor.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(text(house.post().await.expect("answered")).await, "second");
    assert_eq!(upstream.arrivals().len(), 2);
}

/// As gunicorn does after two seconds, and uvicorn after five.
#[tokio::test]
async fn a_connection_that_the_upstream_closed_while_it_waited_costs_nobody_a_request() {
    for method in [Method::GET, Method::POST] {
        let told = Arc::new(tokio::sync::Notify::new());
        let closes = Arc::clone(&told);
        let mut upstream = Upstream::start(move |arrival| match arrival.connection {
            0 => Turn::SayAndCloseWhen(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept".to_vec(), closes.clone()),
            _ => ok("new"),
        })
        .await;
        let house = House::before(&upstream);
        assert_eq!(text(house.get().await.expect("answered")).await, "kept");
        told.notify_one();
        upstream.closed().await;
        // The kernel has the FIN by now; give the runtime one turn with its reactor.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let next = house.send(request(method.clone(), &[], no_body())).await.expect("nothing was sent to the dead one");
        assert_eq!((text(next).await.as_str(), upstream.arrivals().len()), ("new", 2), "{method}");
    }
}

#[tokio::test]
async fn http_16_a_hung_upstream_times_out_and_the_pool_recovers() {
    let upstream =
        Upstream::start(|arrival| if arrival.connection == 0 && arrival.index == 1 { Turn::Hang } else { ok("fine") }).await;
    let house = House::before(&upstream);
    assert_eq!(text(house.get().await.expect("answered")).await, "fine");
    // From here on time jumps whenever nothing else can happen; the connection is there already.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert_eq!(house.get().await.err(), Some(UpstreamFault::Timeout));
    assert_eq!(start.elapsed().as_secs(), 10);
    tokio::time::resume();
    for _ in 0..3 {
        assert_eq!(text(house.get().await.expect("answered")).await, "fine");
    }
}

#[tokio::test]
async fn an_upstream_that_falls_silent_in_a_body_is_cut_off() {
    let upstream = Upstream::start(|_| Turn::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())).await;
    let house = House::before(&upstream);
    let mut body = house.get().await.expect("a head").into_body();
    let first = body.frame().await.expect("a frame").expect("good").into_data().expect("data");
    assert_eq!(first, "half");
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert!(body.frame().await.expect("an end").is_err());
    assert_eq!(start.elapsed().as_secs(), TimePolicy::default().body_idle.as_secs());
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut upstream = Upstream::start(|_| ok("")).await;
    upstream.address = listener.local_addr().expect("bound");
    drop(listener);
    assert_eq!(House::before(&upstream).get().await.err(), Some(UpstreamFault::Connect));
}

#[tokio::test]
async fn http_16_a_connect_that_nobody_answers_ends_after_two_seconds() {
    // A full accept queue lets further connects hang.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bound");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    let _waiting = TcpStream::connect(address).await.expect("the queue takes one");
    let mut upstream = Upstream::start(|_| ok("")).await;
    upstream.address = address;
    let house = House::before(&upstream);
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert_eq!(house.get().await.err(), Some(UpstreamFault::Timeout));
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn the_first_byte_is_awaited_from_the_end_of_the_request() {
    // The upstream answers as soon as it has the whole request, which takes the client longer than `first_byte`.
    let upstream = Upstream::start(|_| ok("fine")).await;
    let times = TimePolicy { first_byte: Duration::from_millis(300), ..TimePolicy::default() };
    let house = House::with(&upstream, times, SizePolicy::default());
    let slow = stream::iter(0..5).then(|_| async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        Ok(Frame::data(Bytes::from_static(b"x")))
    });
    let response = house.send(request(Method::POST, &[], StreamBody::new(slow).boxed_unsync())).await.expect("answered");
    assert_eq!(text(response).await, "fine");
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_to_blame_itself() {
    let upstream = Upstream::start(|_| ok("")).await;
    let times = TimePolicy { body_idle: Duration::from_millis(100), ..TimePolicy::default() };
    let house = House::with(&upstream, times, SizePolicy::default());
    let silent =
        StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]).chain(stream::pending())).boxed_unsync();
    assert_eq!(house.send(request(Method::POST, &[], silent)).await.err(), Some(UpstreamFault::ClientGone));
    let broken = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from_static(b"x"))), Err("reset".into())])).boxed_unsync();
    assert_eq!(house.send(request(Method::POST, &[], broken)).await.err(), Some(UpstreamFault::ClientGone));
    assert!(upstream.arrivals().is_empty(), "half a request is none");
}

#[tokio::test]
async fn request_bodies_beyond_the_cap_are_refused_whether_announced_or_not() {
    let upstream = Upstream::start(|_| ok("")).await;
    let house = House::with(&upstream, TimePolicy::default(), SizePolicy { upstream_body: 4, ..SizePolicy::default() });
    house.send(request(Method::POST, &[], pieces(&["de", "ed"]))).await.expect("four are allowed");
    for body in [full("deeds"), pieces(&["deed", "s"]), pieces(&["d", "eeds"])] {
        assert_eq!(house.send(request(Method::POST, &[], body)).await.err(), Some(UpstreamFault::BodyTooLarge));
    }
    assert_eq!(upstream.arrivals().len(), 1, "no whole request arrived");
}

#[tokio::test]
async fn http_17_a_client_that_goes_away_cancels_the_upstream() {
    // In the middle of the answer's body.
    let endless = Turn::Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n".to_vec(), vec![b'x'; 65_536]);
    let mut upstream = Upstream::start(move |arrival| if arrival.connection == 0 { endless.clone() } else { Turn::Hang }).await;
    let house = House::before(&upstream);
    let mut body = house.get().await.expect("a head").into_body();
    assert!(body.frame().await.is_some());
    drop(body);
    assert_eq!(upstream.closed().await, 0);
    // Before the answer.
    let mut waiting = Box::pin(house.get());
    while upstream.arrivals().len() < 2 {
        tokio::select! { biased; _ = &mut waiting => panic!("nothing was answered"), () = tokio::task::yield_now() => {} }
    }
    drop(waiting);
    assert_eq!(upstream.closed().await, 1);
}

#[tokio::test]
async fn http_17_a_reader_that_stops_stops_the_upstream() {
    let (said, mut writes) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut upstream = Upstream::start(|_| ok("")).await;
    upstream.address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n").await;
        let chunk = vec![b'x'; 1024 * 1024];
        // A write that stays stuck means that nobody takes the octets off our hands.
        while tokio::time::timeout(Duration::from_millis(500), stream.write_all(&chunk))
            .await
            .is_ok_and(|written| written.is_ok())
        {
            let _ = said.send(());
        }
    });
    let house = House::before(&upstream);
    let body = house.get().await.expect("a head").into_body();
    let mut written_mib = 0;
    while writes.recv().await.is_some() {
        written_mib += 1;
    }
    assert!(written_mib < 64, "{written_mib} MiB were taken while nobody read");
    drop(body);
}

// ----- WebSocket

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A minute, and nothing that ends sooner.
pub(crate) const TERMS: TunnelTerms<'static> =
    TunnelTerms { max_age: Duration::from_secs(60), idle: Duration::from_secs(60), tie: &|| Box::pin(std::future::pending()) };

/// A real HTTP/1.1 server whose only service is the forwarder; answers a fault with 502.
async fn front(upstream: &Upstream, websocket: bool) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let house = Arc::new(House::before(upstream));
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let house = house.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let house = house.clone();
                async move {
                    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
                    let plan = ForwardPlan { tunnel: websocket.then_some(TERMS), ..house.plan("/x") };
                    let answer = house.forwarder.forward(request, plan).await.unwrap_or_else(|fault| {
                        let mut answer = Response::new(no_body());
                        *answer.status_mut() =
                            if fault == UpstreamFault::CrossSite { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY };
                        answer
                    });
                    Ok::<_, std::convert::Infallible>(answer)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades(),
            );
        }
    });
    address
}

fn handshake(fields: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("Host", "app.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Version", "13"),
        ("Origin", "https://app.example.com"),
    ];
    for (name, value) in fields {
        lines.retain(|(known, _)| known != name);
        lines.extend((!value.is_empty()).then_some((*name, *value)));
    }
    let fields: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET /x HTTP/1.1\r\n{fields}\r\n")
}

/// Sends octets and reads one head.
async fn ask(address: std::net::SocketAddr, octets: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("listening");
    stream.write_all(octets.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    (stream, String::from_utf8(head).expect("text"))
}

fn agree(arrival: &Arrival) -> Turn {
    if arrival.values("upgrade").is_empty() { ok("plain") } else { Turn::Echo([AGREED, "first"].concat().into()) }
}

#[tokio::test]
async fn http_15_an_agreed_upgrade_tunnels_both_ways() {
    let mut upstream = Upstream::start(agree).await;
    let address = front(&upstream, true).await;
    let (mut stream, head) = ask(address, &handshake(&[])).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    let mut octets = [0; 5];
    stream.read_exact(&mut octets).await.expect("what came right behind the 101");
    assert_eq!(&octets, b"first");
    for word in [b"\x81\x03one", b"\x00\xff\x0d\x0a!"] {
        stream.write_all(word).await.expect("sent");
        stream.read_exact(&mut octets).await.expect("echoed");
        assert_eq!(&octets, word);
    }
    let arrival = upstream.last();
    assert_eq!(arrival.values("connection"), ["upgrade"]);
    assert_eq!(arrival.values("upgrade"), ["websocket"]);
    assert_eq!(arrival.values("sec-websocket-key"), [KEY]);
    drop(stream);
    assert_eq!(upstream.closed().await, 0, "the tunnel ends with the client");
}

#[tokio::test]
async fn http_15_upgrades_are_ignored_where_the_route_does_not_declare_them() {
    let upstream = Upstream::start(agree).await;
    let address = front(&upstream, false).await;
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let (_, head) = ask(address, &handshake(&[("Upgrade", upgrade)])).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(upstream.last().values("upgrade").is_empty() && upstream.last().values("connection").is_empty());
    }
}

#[tokio::test]
async fn http_15_what_is_no_proper_websocket_handshake_goes_on_as_a_plain_request() {
    let upstream = Upstream::start(agree).await;
    let address = front(&upstream, true).await;
    for change in [
        ("Upgrade", "h2c"),
        ("Upgrade", "websocket, h2c"),
        ("Connection", "keep-alive"),
        ("Sec-WebSocket-Key", ""),
        ("Sec-WebSocket-Key", "c2hvcnQ="),
        ("Sec-WebSocket-Key", "not base64 at all!!!!!!!"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Version", ""),
    ] {
        let (_, head) = ask(address, &handshake(&[change])).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{change:?}: {head}");
        assert!(upstream.last().values("upgrade").is_empty(), "{change:?}");
    }
    let post = handshake(&[]).replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
    let (_, head) = ask(address, &post).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && upstream.last().values("upgrade").is_empty(), "{head}");
}

#[tokio::test]
async fn http_15_a_failed_upgrade_opens_no_tunnel() {
    let smuggled = "GET /internal HTTP/1.1\r\nHost: x\r\n\r\n";
    for refusal in [
        "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    ] {
        let upstream = Upstream::start(move |_| Turn::Say(refusal.into())).await;
        let (mut stream, head) = ask(front(&upstream, true).await, &handshake(&[])).await;
        assert!(!head.starts_with("HTTP/1.1 101 "), "{head}");
        // What follows is a request of its own for the front, with the planned path, not octets for the upstream.
        let _ = stream.write_all(smuggled.as_bytes()).await;
        let _ = stream.read(&mut [0; 64]).await;
        assert!(upstream.arrivals().iter().all(|arrival| arrival.request_line() == "GET /x HTTP/1.1"), "{refusal}");
    }
}

#[tokio::test]
async fn csrf_18_upgrades_that_foreign_pages_ask_for_are_refused() {
    let upstream = Upstream::start(agree).await;
    let address = front(&upstream, true).await;
    for origin in [
        "https://evil.test",
        "https://app.example.com.evil.test",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://sub.app.example.com",
        "https://APP.example.com",
        "null",
        "",
    ] {
        let (_, head) = ask(address, &handshake(&[("Origin", origin), ("Authorization", "Basic b3A6c2VjcmV0")])).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{origin}: {head}");
    }
    let twice = handshake(&[]).replace("\r\n\r\n", "\r\nOrigin: https://evil.test\r\n\r\n");
    assert!(ask(address, &twice).await.1.starts_with("HTTP/1.1 403 "));
    assert!(upstream.arrivals().is_empty());
    assert!(ask(address, &handshake(&[])).await.1.starts_with("HTTP/1.1 101 "));
}
