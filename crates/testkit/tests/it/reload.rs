//! Another configuration for a house that goes on running, and its end under load: nobody is let in between, nothing is lost.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Act, Client, EchoUpstream, House, INSIDE, RawClient, Reply, Request, TestCa, Tls, basic_auth,
    until,
};
use serde_json::{Value, json};

use crate::site::Site;

/// The route that changes hands, before and after.
const OPEN: &str = "path = \"/flip/\"\nupstream = \"web\"\naccess = \"public\"";
const SHUT: &str = "path = \"/flip/\"\nupstream = \"members\"\naccess = \"signed-in\"";

/// Replaces text that has to be there.
fn swap(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replace(from, to)
}

/// Rows of the trail, read beside the process or after it.
fn rows(house: &House, event: &str) -> Vec<Value> {
    let output = house.command(&["audit", "search", "--event", event, "--limit", "100000", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn upstream_of(reply: &Reply) -> String {
    reply.json()["upstream"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn cfg_08_each_answer_during_reloads_under_load_is_of_exactly_one_policy() {
    let (web, members, ui) = (EchoUpstream::start("web"), EchoUpstream::start("members"), EchoUpstream::start("ui"));
    let builder =
        House::builder().unlimited().echo(&web).echo(&members).echo(&ui).route("/", "web", "public").gate("adm", "ui", "strict");
    let house = builder.route("/flip/", "web", "public").start();
    let ada = house.member("ada@app.test");
    let is_over = AtomicBool::new(false);
    let seen = [const { AtomicUsize::new(0) }; 4];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = house.client();
                while !is_over.load(Ordering::Relaxed) {
                    let reply = client.get("/flip/x");
                    match reply.status {
                        200 => assert_eq!(upstream_of(&reply), "web", "{reply:?}"),
                        401 => assert_eq!(reply.json(), json!({"detail": "Not authenticated"})),
                        other => panic!("{other}: {reply:?}"),
                    }
                    seen[usize::from(reply.status == 401)].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let mut client = ada.twin();
            while !is_over.load(Ordering::Relaxed) {
                let reply = client.get("/flip/y").expect(200);
                let is_shut = upstream_of(&reply) == "members";
                seen[2 + usize::from(is_shut)].fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            // Behind the gate, then on no host at all; never open.
            let mut client = house.client_of("adm", INSIDE);
            while !is_over.load(Ordering::Relaxed) {
                let reply = client.get("/");
                assert!(matches!(reply.status, 401 | 421), "{reply:?}");
            }
        });
        for round in 0..16 {
            let gate = "host = \"adm.app.test\"";
            let (from, to) = if round % 2 == 0 { (OPEN, SHUT) } else { (SHUT, OPEN) };
            let (host, other) =
                if round % 2 == 0 { (gate, "host = \"elsewhere.app.test\"") } else { ("host = \"elsewhere.app.test\"", gate) };
            house.reload_with(|text| swap(&swap(&text, from, to), host, other));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let counts = seen.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert!(counts.iter().all(|count| *count > 0), "both policies were met by both callers: {counts:?}");
    // What arrived is the same story: the protected upstream knows everybody who came, the open one nobody.
    for request in members.requests() {
        assert!(request.header("x-doorward-user").is_some(), "{request:?}");
    }
    for request in web.requests() {
        assert!(request.header("x-doorward-user").is_none(), "{request:?}");
    }
    assert_eq!((ui.count(), members.count()), (0, counts[3]));
}

#[test]
fn cfg_08_a_file_that_is_not_right_changes_nothing_and_the_log_says_where_it_is_wrong() {
    let site = Site::start();
    let house = &site.house;
    let text = std::fs::read_to_string(house.config_file()).unwrap();
    let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
    let allow = "allow = [\"127.0.0.1/32\"]";
    let gates = [
        ("[accounts]", "[accounts", format!("doorward.toml:{}:", line("[accounts]"))),
        (allow, "allow = []", format!("doorward.toml:{}:", line("[[gate]]"))),
        (allow, "allow = [\"0.0.0.0/0\"]", format!("doorward.toml:{}:", line(allow))),
        ("upstream = \"web\"", "upstream = \"adm\"", format!("doorward.toml:{}:", line("upstream = \"web\""))),
        ("gate.htpasswd", "no-such.htpasswd", "no-such.htpasswd".to_owned()),
        ("certificate = \"site.pem\"", "certificate = \"ca.pem\"", "ca.pem".to_owned()),
    ];
    for (from, to, place) in &gates {
        let told = house.refused_with(|_| swap(&text, from, to));
        assert!(told.contains(place), "no {place} in {told}");
        assert_eq!(site.outsider("adm").get("/").status, 403);
        assert_eq!(site.insider("adm").get("/").status, 401);
        let right = Request::get("/").header("authorization", &basic_auth(ADMIN_USER, ADMIN_PASSWORD));
        assert_eq!(site.insider("adm").send(&right).status, 200, "{to}");
        assert_eq!(upstream_of(&house.client().get("/").expect(200)), "web");
        assert_eq!(house.client().get("/members/").status, 401);
    }
    let rejected = until(Duration::from_secs(10), "the entries", || {
        Some(rows(house, "config.rejected")).filter(|rows| rows.len() == gates.len())
    });
    let mut reasons: Vec<_> = rejected.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["certificate", "faults", "faults", "faults", "faults", "gate_users"]);
    assert_eq!(house.reloads(), 0);
    house.reload_with(|_| text.replace("path = \"/members/\"", "path = \"/club/\""));
    assert_eq!((house.client().get("/club/").status, rows(house, "config.loaded").is_empty()), (401, false));
}

#[test]
fn cfg_08_what_only_a_restart_can_change_is_refused_by_name_and_whole() {
    let site = Site::start();
    let text = std::fs::read_to_string(site.house.config_file()).unwrap();
    let spare = doorward_testkit::free_port();
    let https = format!("https = [\"{}\"]", site.house.https());
    let internal = format!("internal = \"{}\"", site.house.internal());
    for (from, to, key) in [
        (https.as_str(), format!("https = [\"127.0.0.1:{spare}\"]"), "listen.https"),
        (&internal, String::new(), "listen.internal"),
        ("env = \"staging\"", "env = \"production\"".to_owned(), "site.env"),
        ("data_dir = \"data\"", "data_dir = \"other\"".to_owned(), "site.data_dir"),
        ("key_file = \"master.key\"", "key_env = \"KEY\"".to_owned(), "site.key_file"),
        ("[site]\n", "[site]\nnode = \"other\"\n".to_owned(), "site.node"),
        ("from = \"House", "from = \"Home".to_owned(), "mail"),
        ("[accounts]\n", "[accounts]\nsign_up = \"closed\"\n".to_owned(), "accounts"),
    ] {
        // Another part of the same file could be taken, and is not.
        let told = site.house.refused_with(|_| swap(&swap(&text, from, &to), "path = \"/members/\"", "path = \"/club/\""));
        assert!(told.contains(&format!("needs a restart: {key}")), "{told}");
        assert!(to.is_empty() || to.contains("key_env") || told.contains("doorward.toml:"), "{told}");
        assert_eq!((site.house.client().get("/members/").status, site.house.client().get("/club/").status), (401, 200), "{key}");
    }
    assert!(!site.house.folder().join("other").exists());
    site.house.reload_with(|_| text.replace("[accounts]\n", "[accounts]\nroles = [\"staff\"]\n"));
}

/// A tunnel that answers requests like any other connection: what is sent through it is seen at both ends.
fn tunnel(house: &House) -> RawClient {
    let mut raw = house.raw();
    raw.send(format!(
        "GET /live/ HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        house.authority(),
        house.origin()
    ));
    let reply = raw.read_reply().unwrap();
    assert_eq!(reply.status, 101, "{reply:?}");
    raw
}

#[test]
fn cfg_08_connections_tunnels_and_requests_under_way_outlive_a_reload() {
    let (web, live, other) = (EchoUpstream::start("web"), EchoUpstream::start("live"), EchoUpstream::start("other"));
    live.act(
        "/live/",
        Act::Raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                .to_vec(),
        ),
    );
    let house = House::builder()
        .echo(&web)
        .echo(&live)
        .echo(&other)
        .route("/", "web", "public")
        .section("[[route]]\npath = \"/live/\"\nupstream = \"live\"\naccess = \"public\"\nwebsocket = true")
        .start();
    let mut open = tunnel(&house);
    let mut kept = house.raw();
    let get = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority());
    assert_eq!(upstream_of(&kept.ask(&get)), "web");
    let mut under_way = house.raw();
    under_way.send(format!("POST /up HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab", house.authority()));
    until(Duration::from_secs(10), "the first half upstream", || {
        web.octets().iter().any(|octets| octets.ends_with(b"ab")).then_some(())
    });
    // The tunnel's own route stays: one that is removed takes its tunnels along.
    house.reload_with(|text| swap(&text, "path = \"/\"\nupstream = \"web\"", "path = \"/\"\nupstream = \"other\""));
    open.send("GET /still-here HTTP/1.1\r\n\r\n");
    assert_eq!(upstream_of(&open.read_reply().unwrap()), "live", "the tunnel goes on");
    assert_eq!(upstream_of(&kept.ask(&get)), "other", "the same connection, the new rules");
    under_way.send("cd");
    let reply = under_way.read_reply().unwrap();
    assert_eq!((upstream_of(&reply).as_str(), reply.json()["body"].as_str()), ("web", Some("abcd")), "begun is ended");
    assert!(house.stdout().lines().filter(|line| line.starts_with("listening")).count() >= 3);
}

#[test]
fn cfg_08_a_changed_file_is_taken_up_without_a_signal_and_half_a_file_never_is() {
    let site = Site::start();
    let house = &site.house;
    let text = std::fs::read_to_string(house.config_file()).unwrap();
    // Written slowly, every prefix that is a legal file included: none of them is taken.
    let whole = text.replace("path = \"/members/\"", "path = \"/club/\"");
    let pieces = whole.match_indices("[[").map(|(at, _)| at).skip(1);
    for end in pieces {
        std::fs::write(house.config_file(), &whole[..end]).unwrap();
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(house.client().get("/members/").status, 401);
        assert_eq!(site.insider("adm").get("/").status, 401);
    }
    std::fs::write(house.config_file(), &whole).unwrap();
    house.wait_for_reload(0);
    assert_eq!((house.reloads(), house.refusals()), (1, 0), "{}", house.stderr());
    assert_eq!(house.client().get("/club/").status, 401);
    // Another password for the gate, in a file that the configuration names.
    let hash = bcrypt::hash("a silver key", 10).unwrap();
    std::fs::write(house.folder().join("gate.htpasswd"), format!("{ADMIN_USER}:{hash}\n")).unwrap();
    house.wait_for_reload(1);
    for (password, status) in [(ADMIN_PASSWORD, 401), ("a silver key", 200)] {
        let request = Request::get("/").header("authorization", &basic_auth(ADMIN_USER, password));
        assert_eq!(site.insider("adm").send(&request).status, status);
    }
    let users = house.folder().join("gate.htpasswd");
    std::fs::write(&users, "keeper:{SHA}x\n").unwrap();
    let told = house.wait_for_refusal(0);
    assert!(told.contains("gate.htpasswd") && told.contains("line 1"), "{told}");
    std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&users, format!("{ADMIN_USER}:{hash}\n")).unwrap();
    let told = house.wait_for_refusal(1);
    assert!(told.contains("everybody may read"), "{told}");
}

#[test]
fn cfg_08_a_reload_gives_nobody_who_guesses_fresh_attempts() {
    let site = Site::with(|builder| builder.limit("gate_failure", "3/min"));
    let wrong = Request::get("/").header("authorization", &basic_auth(ADMIN_USER, "no brass key"));
    let mut statuses = Vec::new();
    for round in 0..5 {
        statuses.push(site.insider("adm").send(&wrong).status);
        site.house.reload_with(|text| format!("{text}\n# {round}\n"));
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_ends_no_old_one() {
    let site = Site::start();
    let house = &site.house;
    let leaf = |raw: &RawClient| raw.session().unwrap().peer_certificates().unwrap()[0].to_vec();
    let mut old = house.raw();
    let hosts: Vec<String> = ["app.test", "adm.app.test"].map(str::to_owned).to_vec();
    TestCa::new().write(house.folder(), &hosts);
    house.wait_for_reload(0);
    let new = RawClient::tls(house.https(), INSIDE, &Tls::to("app.test")).unwrap();
    assert_ne!(leaf(&old), leaf(&new));
    old.ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority())).expect(200);
    until(Duration::from_secs(10), "the entry", || (rows(house, "tls.reload").len() == 1).then_some(()));
}

/// Asks, each time on a connection of its own, until nobody answers any more; how many answers came, and how many were asked for.
fn storm(house: &House, authority: &str, expected: u16, request: impl Fn(usize) -> Request) -> (usize, usize) {
    let client = Client::new(house.https(), INSIDE, authority);
    let sni = authority.split(':').next().unwrap_or_default();
    for asked in 0.. {
        let Ok(mut raw) = RawClient::tls(house.https(), INSIDE, &Tls::to(sni)) else { return (asked, asked) };
        let sent = raw.try_send(&client.encode(&request(asked)));
        let Some(reply) = sent.ok().and_then(|()| raw.read_reply().ok()) else { return (asked, asked + 1) };
        assert_eq!(reply.status, expected, "{reply:?}");
    }
    unreachable!("the house ends before the numbers do")
}

fn sum(all: impl IntoIterator<Item = (usize, usize)>) -> (usize, usize) {
    all.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[test]
fn cfg_08_a_stop_under_load_answers_what_is_under_way_and_drops_no_entry() {
    let ui = EchoUpstream::start("ui");
    let slow = EchoUpstream::start("slow");
    let builder = House::builder().unlimited().echo(&ui).echo(&slow).route("/", "slow", "public");
    let mut house = builder.gate_with("adm", "ui", "strict", "allow = [\"203.0.113.0/24\"]").start();
    let mut under_way = house.raw();
    under_way.send(format!("POST /up HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab", house.authority()));
    let (signed_in, knocked) = std::thread::scope(|scope| {
        let house = &house;
        let attempts = [0, 1, 2].map(|thread| {
            scope.spawn(move || {
                storm(house, &house.authority(), 401, |n| {
                    let email = format!("nobody-{thread}-{n}@app.test");
                    Request::post("/api/auth/login").json(&json!({"email": email, "password": "a wrong but long password"}))
                })
            })
        });
        let knocks = [(); 2].map(|()| scope.spawn(|| storm(house, &house.authority_of("adm"), 403, |_| Request::get("/"))));
        std::thread::sleep(Duration::from_secs(2));
        assert!(Command::new("sh").arg("-c").arg(format!("kill -TERM {}", house.pid())).status().unwrap().success());
        // Two halves of a request, one before and one after the word to stop.
        std::thread::sleep(Duration::from_millis(300));
        under_way.send("cd");
        let reply = under_way.read_reply().unwrap();
        assert_eq!((reply.status, reply.json()["body"].as_str()), (200, Some("abcd")), "what was under way is answered");
        (sum(attempts.map(|thread| thread.join().unwrap())), sum(knocks.map(|thread| thread.join().unwrap())))
    });
    assert_eq!(house.stop(), Some(0), "{}", house.stderr());
    let count = |event: &str| -> u64 { rows(&house, event).iter().map(|row| row["count"].as_u64().unwrap_or(1)).sum() };
    for (event, (answered, asked)) in [("auth.login_failed", signed_in), ("gate.denied", knocked)] {
        let stored = count(event);
        assert!(answered > 10, "there was no load: {answered} of {event}");
        assert!(
            (answered as u64..=asked as u64).contains(&stored),
            "{event}: {answered} answered, {asked} asked, {stored} stored"
        );
    }
    assert_eq!((rows(&house, "sys.stop").len(), rows(&house, "audit.gap").len()), (1, 0));
    let proved = house.command(&["audit", "verify"]);
    assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
}
