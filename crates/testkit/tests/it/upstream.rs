//! Upstreams of several servers through the real binary: what their failing costs, and how they come back.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use doorward_testkit::{Act, EchoUpstream, House, HouseBuilder, Reply, Request, until};

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);
/// What the servers and the door share.
const SHARED: &str = "dGhlIGRvb3IgaXMga25vd24gYnkgdGhpcyBhbG9uZQ==";

/// An upstream called `web` of all of these, at `/`.
fn before(servers: &[&EchoUpstream], lines: &str) -> HouseBuilder {
    let urls: Vec<String> = servers.iter().map(|server| format!("{:?}", server.url())).collect();
    House::builder()
        .section(&format!("[[upstream]]\nname = \"web\"\nurls = [{}]\n{lines}", urls.join(", ")))
        .route("/", "web", "public")
}

fn metrics(house: &House) -> String {
    let mut client = doorward_testkit::RawClient::plain(house.internal(), doorward_testkit::INSIDE).unwrap();
    client.ask(format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", house.internal())).text()
}

/// What `/metrics` says of one address.
fn gauge(house: &House, family: &str, server: &EchoUpstream) -> String {
    let line = format!("{family}{{upstream=\"web\",address=\"{}\"}} ", server.url());
    let text = metrics(house);
    let found = text.lines().find_map(|found| found.strip_prefix(&line));
    found.unwrap_or_else(|| panic!("no {line} in\n{text}")).to_owned()
}

fn refused_at_once(house: &House) -> Option<Reply> {
    let begun = Instant::now();
    let reply = house.client().get("/");
    (reply.status == 503 && begun.elapsed() < SHORT).then_some(reply)
}

#[test]
fn http_16_one_of_three_servers_dies_under_load_and_no_client_notices() {
    let servers = ["one", "two", "three"].map(EchoUpstream::start);
    let house = before(&[&servers[0], &servers[1], &servers[2]], "").start();
    let answers = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = house.client();
                    (0..60).map(|_| client.get("/").status).collect::<Vec<u16>>()
                })
            })
            .collect();
        until(LONG, "all three serve", || servers.iter().all(|server| server.count() > 5).then_some(()));
        servers[1].stop();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<u16>>()
    });
    assert_eq!(answers.iter().filter(|status| **status != 200).count(), 0, "{answers:?}");
    assert_eq!(answers.len(), 360);
    assert_eq!(gauge(&house, "doorward_upstream_fit", &servers[0]), "1");
    assert_eq!(gauge(&house, "doorward_upstream_fit", &servers[1]), "0", "{}", house.stderr());
    assert!(house.stderr().contains("the address is left out"));
}

#[test]
fn http_16_when_all_servers_are_dead_requests_are_refused_at_once_until_one_gets_through() {
    let servers = ["one", "two"].map(EchoUpstream::start);
    let house = before(&[&servers[0], &servers[1]], "").start();
    house.client().get("/").expect(200);
    servers.iter().for_each(EchoUpstream::stop);
    let mut client = house.client();
    let first: Vec<u16> = (0..5).map(|_| client.get("/").status).collect();
    assert!(first.iter().all(|status| *status == 502), "{first:?}");
    let refused = until(LONG, "the breaker opens", || refused_at_once(&house));
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(refused.json()["detail"], "Service unavailable");
    let back = EchoUpstream::start_at("one", servers[0].address());
    until(LONG, "one gets through", || (house.client().get("/").status == 200).then_some(()));
    house.client().get("/").expect(200);
    assert!(back.count() >= 2);
    assert!(house.stderr().contains("the upstream answers again"));
}

#[test]
fn http_16_a_hung_upstream_is_504_starves_nobody_and_recovers() {
    let (hung, web) = (EchoUpstream::start("hung"), EchoUpstream::start("web"));
    hung.act("/hung/x", Act::Silence);
    let house = House::builder()
        .section(&format!("[[upstream]]\nname = \"hung\"\nurl = {:?}\nmax_connections = 6", hung.url()))
        .echo(&web)
        .route("/", "web", "public")
        .route("/hung", "hung", "public")
        .start();
    let begun = Instant::now();
    let mut answers: Vec<(u16, Duration)> = std::thread::scope(|scope| {
        // Six connections, six in the queue, and the rest too many.
        let stuck: Vec<_> = (0..14)
            .map(|_| {
                scope.spawn(|| {
                    let begun = Instant::now();
                    let mut client = house.raw();
                    client.set_patience(LONG);
                    let reply = client.ask(format!("GET /hung/x HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority()));
                    (reply.status, begun.elapsed())
                })
            })
            .collect();
        until(LONG, "six hang", || (hung.count() == 6).then_some(()));
        // Others do not wait for them.
        let mut client = house.client();
        for _ in 0..50 {
            client.get("/").expect(200);
        }
        assert!(begun.elapsed() < Duration::from_secs(9), "the hung ones are still hung");
        stuck.into_iter().map(|client| client.join().unwrap()).collect()
    });
    answers.sort();
    let of = |status: u16| answers.iter().filter(move |(other, _)| *other == status);
    assert_eq!((of(503).count(), of(504).count()), (8, 6), "{answers:?}");
    assert!(of(504).all(|(_, time)| (9..20).contains(&time.as_secs())), "{answers:?}");
    assert!(of(503).all(|(_, time)| *time < Duration::from_secs(8)), "{answers:?}");
    assert_eq!(hung.count(), 6, "nothing was sent twice");
    // Six found no answer, so the next ones are not even sent.
    let mut client = house.client();
    let refused = client.get("/hung/y").expect(503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(hung.count(), 6);
    until(LONG, "it recovers", || (client.get("/hung/y").status == 200).then_some(()));
    (0..10).for_each(|_| drop(client.get("/hung/y").expect(200)));
}

#[test]
fn a_server_that_its_health_check_calls_unwell_gets_nothing_until_it_is_well() {
    let servers = ["one", "two"].map(EchoUpstream::start);
    servers.iter().for_each(|server| server.act("/health", Act::answer(200, &[], "fine")));
    let house =
        before(&[&servers[0], &servers[1]], "health_path = \"/health\"\nhealth_every = \"1s\"\nsecret_env = \"WEB_SECRET\"");
    let house = house.var("WEB_SECRET", SHARED).start();
    servers[0].act("/health", Act::answer(500, &[], "not fine"));
    until(LONG, "it is left out", || (gauge(&house, "doorward_upstream_fit", &servers[0]) == "0").then_some(()));
    let mut client = house.client();
    let asked = |server: &EchoUpstream| server.requests().iter().filter(|request| request.target == "/").count();
    for _ in 0..20 {
        client.get("/").expect(200);
    }
    assert_eq!((asked(&servers[0]), asked(&servers[1])), (0, 20));
    let question = servers[0].requests().into_iter().find(|request| request.target == "/health").unwrap();
    assert_eq!(question.header("host"), Some(servers[0].address().to_string().as_str()));
    // One that answers the door alone would be unwell for ever.
    for request in servers.iter().flat_map(EchoUpstream::requests) {
        assert_eq!(request.header("x-doorward-edge"), Some(SHARED), "{request:?}");
    }
    // When no server is well, requests are not even tried.
    servers[1].act("/health", Act::answer(500, &[], "not fine"));
    let refused = until(LONG, "both are left out", || refused_at_once(&house));
    assert!(refused.header("retry-after").is_some());
    servers[0].act("/health", Act::answer(204, &[], ""));
    until(LONG, "one is well", || (client.get("/").status == 200).then_some(()));
    assert!(asked(&servers[0]) > 0);
    assert!(house.stderr().contains("the address is unwell") && house.stderr().contains("the address is well again"));
}

#[test]
fn a_reload_keeps_the_connections_of_servers_that_stay_and_leaves_the_others() {
    let servers = ["one", "two", "three"].map(EchoUpstream::start);
    let house = before(&[&servers[0], &servers[1]], "").start();
    let mut client = house.client();
    until(LONG, "both serve", || {
        client.get("/").expect(200);
        (servers[0].count() > 0 && servers[1].count() > 0).then_some(())
    });
    house.reload_with(|text| text.replace(&servers[1].url(), &servers[2].url()));
    let before = servers[1].count();
    until(LONG, "the new one serves", || {
        client.get("/").expect(200);
        (servers[2].count() > 3 && servers[0].last().connection == 1).then_some(())
    });
    assert_eq!(servers[1].count(), before);
    assert_eq!(servers[0].octets().len(), 1, "one connection, from before the reload");
}

#[test]
fn the_first_event_arrives_before_the_second_is_written() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, was_seen) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n").unwrap();
        // Only whoever has read the first event asks for the second.
        was_seen.recv_timeout(LONG).expect("the first event was held back");
        stream.write_all(b"data: two\n\n").unwrap();
        was_seen.recv_timeout(LONG).expect("the second event was held back");
        // The client goes away now, and the server hears of it.
        stream.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    });
    let house = House::builder().upstream("web", &url).route("/", "web", "public").start();
    let mut client = house.raw();
    client.send(format!("GET /events HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", house.authority()));
    let mut text = String::new();
    for event in ["data: one\n\n", "data: two\n\n"] {
        while !text.contains(event) {
            text.push_str(&String::from_utf8_lossy(&client.read_exact(1).unwrap()));
        }
        seen.send(()).unwrap();
    }
    drop(client);
    server.join().unwrap();
}

#[test]
fn http_16_a_second_try_is_for_requests_that_nobody_has_seen() {
    let servers = ["one", "two"].map(EchoUpstream::start);
    servers.iter().for_each(|server| server.act("/close", Act::Close));
    let house = before(&[&servers[0], &servers[1]], "").start();
    let mut client = house.client();
    for request in [Request::post("/close").bare_body("deed"), Request::get("/close")] {
        let before = servers[0].count() + servers[1].count();
        client.send(&request).expect(502);
        assert_eq!(servers[0].count() + servers[1].count(), before + 1, "arrived once");
    }
    servers[0].stop();
    for _ in 0..20 {
        client.send(&Request::post("/").bare_body("deed")).expect(200);
    }
    assert_eq!(servers[1].requests().iter().filter(|request| request.body == b"deed" && request.target == "/").count(), 20);
}
