//! The forwarder before upstreams of several addresses, before slow ones, and before ones that speak HTTP/2.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use doorward_config::{ServerAddress, Servers, Speech, UpstreamTarget};
use doorward_edge::EdgeBody;
use doorward_edge::proxy::{ForwardPlan, Forwarder, UpstreamFault};
use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemEntropy};
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::script::{Turn, Upstream, ok};

struct House {
    forwarder: Forwarder,
    policy: UpstreamPolicy,
    context: RequestContext,
}

impl House {
    fn before(servers: Servers) -> Self {
        Self {
            forwarder: Forwarder::new(TimePolicy::default(), SizePolicy::default()),
            policy: UpstreamPolicy { name: "api".into(), target: UpstreamTarget::Servers(Arc::new(servers)) },
            context: RequestContext {
                request_id: RequestId::random(&SystemEntropy),
                client: ClientAddr::new([203, 0, 113, 7].into()),
                peer: PeerAddr(([203, 0, 113, 7], 50_000).into()),
                secure: true,
            },
        }
    }

    async fn send(&self, request: Request<EdgeBody>) -> Result<Response<EdgeBody>, UpstreamFault> {
        let plan = ForwardPlan {
            upstream: &self.policy,
            path: "/x",
            query: None,
            context: &self.context,
            external_host: "app.example.com",
            external_port: 443,
            identity: &[],
            tunnel: None,
            remove_authorization: false,
        };
        self.forwarder.forward(request, plan).await
    }

    async fn get(&self) -> Result<Response<EdgeBody>, UpstreamFault> {
        self.send(request(Method::GET, Empty::new().map_err(|never| match never {}).boxed_unsync())).await
    }
}

fn request(method: Method, body: EdgeBody) -> Request<EdgeBody> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = "/x".parse().expect("a target");
    request
}

fn at(port: u16) -> ServerAddress {
    ServerAddress { host: "127.0.0.1".parse().expect("a host"), port }
}

fn plain(ports: impl IntoIterator<Item = u16>) -> Servers {
    Servers { addresses: ports.into_iter().map(at).collect(), ..Servers::default() }
}

async fn text(response: Response<EdgeBody>) -> String {
    let octets = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(octets.to_vec()).expect("text")
}

// ----- time

/// Answers with this head, then with an octet every five seconds.
async fn dripping(head: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    port
}

/// Reads until the end; answers how many octets came, and when it ended.
async fn drink(house: &House) -> (usize, Duration) {
    let response = house.get().await.expect("a head");
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let (mut body, mut octets) = (response.into_body(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        octets += frame.data_ref().map_or(0, Bytes::len);
        if start.elapsed() > Duration::from_secs(3600) {
            break;
        }
    }
    (octets, start.elapsed())
}

#[tokio::test]
async fn http_16_an_answer_that_drips_ends_after_thirty_seconds_of_waiting() {
    let house = House::before(plain([dripping("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await]));
    let (octets, time) = drink(&house).await;
    assert!((29..=31).contains(&time.as_secs()), "{time:?}");
    assert!((6..=7).contains(&octets), "{octets}");
}

#[tokio::test]
async fn events_may_drip_for_as_long_as_they_like() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100000\r\n\r\n";
    let house = House::before(plain([dripping(head).await]));
    let (_, time) = drink(&house).await;
    assert!(time.as_secs() >= 3600, "{time:?}");
}

// ----- several

#[tokio::test]
async fn a_slow_address_gets_less_than_the_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let slow_port = listener.local_addr().expect("bound").port();
    let slow = Arc::new(AtomicUsize::new(0));
    let counted = slow.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let counted = counted.clone();
            tokio::spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow").await;
                }
            });
        }
    });
    let (one, two) = (Upstream::start(|_| ok("quick")).await, Upstream::start(|_| ok("quick")).await);
    let house = Arc::new(House::before(plain([slow_port, one.address.port(), two.address.port()])));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    house.get().await.expect("answered");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no panic");
    }
    let slow = slow.load(Ordering::SeqCst);
    assert!(slow < 50, "{slow} of 200, of which a third were its share");
    assert!(!one.arrivals().is_empty() && !two.arrivals().is_empty());
}

#[tokio::test]
async fn http_16_more_than_the_cap_wait_or_are_refused_and_a_seat_that_is_given_back_is_used() {
    let upstream = Upstream::start(|arrival| if arrival.connection < 2 { Turn::Hang } else { ok("fine") }).await;
    let servers = Servers { max_connections: 2, ..plain([upstream.address.port()]) };
    let house = Arc::new(House::before(servers));
    let start = |house: &Arc<House>| {
        let house = house.clone();
        tokio::spawn(async move { house.get().await.map(|response| response.status().as_u16()) })
    };
    let hung = [start(&house), start(&house)];
    while upstream.arrivals().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = [start(&house), start(&house)];
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    // Two sit, two wait: the fifth is refused at once.
    let begun = tokio::time::Instant::now();
    let refused = house.get().await.err();
    assert!(matches!(refused, Some(UpstreamFault::Unavailable { .. })), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(upstream.arrivals().len(), 2, "never more connections than the cap");
    // Whoever goes away leaves a seat.
    hung.iter().for_each(tokio::task::JoinHandle::abort);
    for request in waiting {
        assert_eq!(request.await.expect("no panic").ok(), Some(200));
    }
}

#[tokio::test]
async fn expo_06_only_configured_addresses_are_ever_dialled_when_some_of_them_fail() {
    let stranger = Upstream::start(|_| ok("stranger")).await;
    let moved = format!("HTTP/1.1 307 Gone\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", stranger.address);
    let own = Upstream::start(move |_| Turn::Say(moved.clone().into_bytes())).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound").port();
    let house = House::before(plain([nobody, own.address.port()]));
    for _ in 0..20 {
        assert_eq!(house.get().await.expect("answered").status(), 307);
    }
    assert_eq!(own.arrivals().len(), 20);
    assert!(stranger.arrivals().is_empty());
}

// ----- HTTP/2

/// What a server of HTTP/2 saw, and when its exchanges were let go.
#[derive(Default)]
struct Seen {
    heads: Mutex<Vec<(String, HeaderMap)>>,
    trailers: Mutex<Vec<HeaderMap>>,
    cancelled: AtomicUsize,
    connections: AtomicUsize,
}

struct OnDrop(Arc<Seen>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends every piece of the request back as it comes, and its own trailers behind.
async fn echo(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<EdgeBody>, Infallible> {
    let (parts, mut body) = request.into_parts();
    let target = parts.uri.to_string();
    seen.heads.lock().expect("no panic").push((target, parts.headers.clone()));
    if parts.headers.contains_key("x-hang") {
        let _watch = OnDrop(seen);
        return std::future::pending().await;
    }
    let (say, said) = mpsc::unbounded_channel();
    let watch = OnDrop(seen.clone());
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            match frame.into_data() {
                Ok(data) => drop(say.send(Frame::data(data))),
                Err(frame) => seen.trailers.lock().expect("no panic").extend(frame.into_trailers().ok()),
            }
        }
        let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), "0".parse().expect("a value"))]);
        let _ = say.send(Frame::trailers(trailers));
    });
    let frames =
        stream::unfold(
            (said, watch),
            |(mut said, watch)| async move { said.recv().await.map(|frame| (Ok(frame), (said, watch))) },
        );
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
    Ok(response)
}

async fn http2() -> (House, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let seen = Arc::new(Seen::default());
    let shared = seen.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a caller");
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let seen = shared.clone();
            let service = service_fn(move |request| echo(request, seen.clone()));
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (House::before(Servers { speech: Speech::Http2, ..plain([port]) }), seen)
}

/// A request body that a test feeds piece by piece.
fn fed() -> (mpsc::UnboundedSender<Frame<Bytes>>, EdgeBody) {
    let (feed, fed) = mpsc::unbounded_channel();
    let frames = stream::unfold(fed, |mut fed| async move { fed.recv().await.map(|frame| (frame, fed)) });
    (feed, StreamBody::new(frames.map(Ok)).boxed_unsync())
}

#[tokio::test]
async fn grpc_streams_both_ways_with_trailers_both_ways_over_one_connection() {
    let (house, seen) = http2().await;
    let (feed, body) = fed();
    let mut call = request(Method::POST, body);
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers"), ("x-user-id", "root")] {
        call.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let mut answer = house.send(call).await.expect("a head before the request is whole").into_body();
    for word in ["one", "two", "three"] {
        feed.send(Frame::data(Bytes::from_static(word.as_bytes()))).expect("wanted");
        let piece = answer.frame().await.expect("a piece").expect("good").into_data().expect("data");
        assert_eq!(piece, word, "each piece comes back before the next is sent");
    }
    let trailers = [("checksum", "17"), ("x-doorward-user", "root"), ("authorization", "x"), ("content-length", "9")];
    let trailers = trailers.map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    feed.send(Frame::trailers(HeaderMap::from_iter(trailers))).expect("wanted");
    drop(feed);
    let last = answer.frame().await.expect("trailers").expect("good").into_trailers().expect("trailers");
    assert_eq!(last["grpc-status"], "0");
    assert!(answer.frame().await.is_none());
    {
        let heads = seen.heads.lock().expect("no panic");
        let (target, fields) = &heads[0];
        assert_eq!(target, "http://app.example.com/x");
        assert_eq!(fields["te"], "trailers");
        assert!(!fields.contains_key("x-user-id") && !fields.contains_key("host"));
        assert_eq!(fields["x-forwarded-for"], "203.0.113.7");
        let got = seen.trailers.lock().expect("no panic");
        assert_eq!(got[0].keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["checksum"]);
    }
    let many = (0..50).map(|_| house.get());
    for answer in futures_util::future::join_all(many).await {
        assert_eq!(text(answer.expect("answered")).await, "");
    }
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http_17_a_client_that_goes_away_resets_the_stream_of_an_http2_upstream() {
    let (house, seen) = http2().await;
    let gone = async |count: usize| {
        while seen.cancelled.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // In the middle of the answer.
    let (feed, body) = fed();
    let mut answer = house.send(request(Method::POST, body)).await.expect("a head").into_body();
    feed.send(Frame::data(Bytes::from_static(b"x"))).expect("wanted");
    assert!(answer.frame().await.is_some());
    drop(answer);
    drop(feed);
    gone(1).await;
    // Before the answer.
    let mut call = request(Method::GET, Empty::new().map_err(|never| match never {}).boxed_unsync());
    call.headers_mut().insert("x-hang", "1".parse().expect("a value"));
    let mut waiting = Box::pin(house.send(call));
    while seen.heads.lock().expect("no panic").len() < 2 {
        tokio::select! { biased; _ = &mut waiting => panic!("nothing was answered"), () = tokio::time::sleep(Duration::from_millis(5)) => {} }
    }
    drop(waiting);
    gone(2).await;
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1, "the connection goes on");
}

#[tokio::test]
async fn a_server_that_does_not_speak_http2_is_a_bad_gateway() {
    let upstream = Upstream::start(|_| ok("HTTP/1.1")).await;
    let house = House::before(Servers { speech: Speech::Http2, ..plain([upstream.address.port()]) });
    assert_eq!(house.get().await.err(), Some(UpstreamFault::BadResponse));
}

// ----- the whole edge

#[tokio::test]
async fn grpc_passes_the_whole_edge_with_its_trailers() {
    let (house, seen) = http2().await;
    let target = house.policy.target.clone();
    let house = crate::support::House::builder().config(move |config| config.upstreams[0].target = target).start().await;
    let tls = crate::support::client::tls_config(&house.certificate, &["h2"], &[&rustls::version::TLS13]);
    let stream = tokio::net::TcpStream::connect(house.https).await.expect("listening");
    let name = rustls::pki_types::ServerName::try_from(crate::support::SITE).expect("a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.expect("a handshake");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let (feed, body) = fed();
    let call = Request::post(format!("https://{}/pkg.Service/Method", crate::support::SITE))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .expect("a request");
    let response = sender.send_request(call).await.expect("a head before the request is whole");
    assert_eq!(response.status(), 200);
    let mut answer = response.into_body();
    for word in ["one", "two"] {
        feed.send(Frame::data(Bytes::from_static(word.as_bytes()))).expect("wanted");
        assert_eq!(answer.frame().await.expect("a piece").expect("good").into_data().expect("data"), word);
    }
    drop(feed);
    let trailers = answer.frame().await.expect("trailers").expect("good").into_trailers().expect("trailers");
    assert_eq!(trailers["grpc-status"], "0");
    let heads = seen.heads.lock().expect("no panic");
    assert_eq!(heads[0].0.split_once("/pkg").expect("the path").1, ".Service/Method");
    assert_eq!(heads[0].1["te"], "trailers");
}
