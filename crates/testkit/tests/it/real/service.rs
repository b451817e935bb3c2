//! Services among each other: an API that takes requests from the door alone, and servers that ask nobody for a password.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use doorward_testkit::real::{POSTGRES_USER, Postgres, REDIS_PASSWORD, Redis, Server};
use doorward_testkit::{House, HouseBuilder, INSIDE, OUTSIDE, RawClient, Request, Start};
use serde_json::Value;
use tempfile::TempDir;

/// What the API and the door share.
const SHARED: &str = "dGhlIGRvb3IgaXMga25vd24gYnkgdGhpcyBhbG9uZQ==";

fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, format!("{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A neighbour in the same network, who knows every field that the door sets.
fn neighbour(api: SocketAddr, secret: Option<&str>) -> (u16, String) {
    let mut raw = RawClient::plain(api, OUTSIDE).unwrap();
    let secret = secret.map_or_else(String::new, |secret| format!("X-Doorward-Edge: {secret}\r\n"));
    let reply = raw.ask(format!(
        "GET /api/whoami HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n\
         X-Doorward-User: 00000000-0000-0000-0000-000000000001\r\nX-Doorward-Email: ada@app.test\r\n{secret}Connection: close\r\n\r\n"
    ));
    (reply.status, String::from_utf8_lossy(&reply.body).into_owned())
}

#[test]
fn expo_10_an_api_answers_the_door_and_no_neighbour_who_writes_the_same_fields() {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("edge.secret");
    write_secret(&secret, SHARED);
    let api = Server::fastapi(folder.path());
    let upstream = format!("[[upstream]]\nname = \"api\"\nurl = \"{}\"\nsecret_file = \"{}\"\n", api.url(), secret.display());
    let house = House::builder().section(&upstream).route("/api/", "api", "identified").start();
    // Past the door: refused, whoever one says to be.
    for guess in [None, Some(""), Some("x"), Some(&SHARED[..43]), Some("dGhlIGRvb3IgaXMga25vd24gYnkgdGhpcyBhbG9uZQ=/")] {
        let (status, body) = neighbour(api.address(), guess);
        assert_eq!(status, 401, "{guess:?}: {body}");
        assert!(!body.contains("ada"), "{body}");
    }
    // Through the door: with whom the door found, whatever the client writes.
    let mut ada = house.member("ada@app.test");
    for forged in ["wrong", SHARED, ""] {
        let request = Request::get("/api/whoami").header("X-Doorward-Edge", forged).header("X_Doorward_Edge", forged);
        let reply = ada.send(&request.header("X-Forwarded-For", "9.9.9.9"));
        let seen: Value = reply.json();
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!((&seen["x-doorward-edge"], &seen["x-doorward-email"]), (&SHARED.into(), &"ada@app.test".into()), "{seen}");
        assert_eq!(seen["x-forwarded-for"], INSIDE.to_string(), "{seen}");
        assert_eq!(seen["x-doorward-assertion"].as_str().map(|token| token.split('.').count()), Some(3), "{seen}");
    }
    // A new secret is taken up while running; the log knows neither.
    let other = SHARED.replace('d', "e");
    let before = house.reloads();
    write_secret(&secret, &other);
    house.wait_for_reload(before);
    assert_eq!(ada.get("/api/whoami").status, 401, "the API still knows the old one");
    let log = house.stderr();
    assert!(!log.contains(SHARED) && !log.contains(&other), "{log}");
}

#[track_caller]
fn refused(house: HouseBuilder, code: i32, words: &str) {
    match house.try_start() {
        Start::Ready => panic!("started although: {words}"),
        Start::Refused { code: ended, stderr, .. } => {
            assert_eq!(ended, Some(code), "{stderr}");
            assert!(stderr.contains(words), "{words}: {stderr}");
            assert!(!stderr.contains(REDIS_PASSWORD), "{stderr}");
        }
    }
}

#[test]
fn a_redis_that_answers_without_a_password_is_not_used() {
    let open = Redis::start_with(&["--user", "default", "on", "nopass", "~*", "&*", "+@all"]);
    // It lets us sign in with any password, too, so that nothing looks wrong from our side.
    let section = open.section().replace("redis://", "redis://default@");
    let house = |section: &str| House::builder().edit("[counters]\nurl = \"memory\"\n", section);
    refused(house(&section), 3, "counters.url: the server answers without a password");
    assert!(matches!(house(&section).env("development").try_start(), Start::Ready), "a developer's own machine");
    let locked = Redis::start();
    let mut stranger = RawClient::plain(SocketAddr::new(INSIDE, locked.port()), OUTSIDE).unwrap();
    stranger.send("PING\r\n");
    stranger.finish();
    assert!(stranger.read_to_end().starts_with(b"-NOAUTH"));
    assert!(matches!(House::builder().redis(&locked).try_start(), Start::Ready));
    // Without a password in the configuration, or with one that everybody tries first.
    let bare = locked
        .section()
        .lines()
        .filter(|line| !line.starts_with("password"))
        .fold(String::new(), |text, line| text + line + "\n");
    refused(house(&bare), 2, "counters.password_file");
    let folder = TempDir::new().unwrap();
    let weak = folder.path().join("weak");
    write_secret(&weak, "redis");
    refused(house(&format!("{bare}password_file = \"{}\"\n", weak.display())), 2, "shorter than 32 octets");
    // Elsewhere than on this machine only over TLS.
    refused(house(&locked.section().replace("127.0.0.1", "192.0.2.1")), 2, "counters.url");
}

#[test]
fn a_postgresql_that_trusts_whoever_comes_is_not_used() {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let rules = folder.path().join("pg_hba.conf");
    std::fs::write(&rules, "local all all trust\nhost all all 127.0.0.1/32 trust\n").unwrap();
    let server = Postgres::alone(&[&format!("hba_file={}", rules.display())]);
    let section = server.section();
    let house = |section: &str| House::builder().store(section);
    refused(house(&section), 3, "store.url: the server lets this user in with any password");
    assert!(matches!(house(&section).env("development").try_start(), Start::Ready), "a developer's own machine");
    // The same server, once it asks.
    std::fs::write(&rules, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    server.ask("postgres", "SELECT pg_reload_conf()").unwrap();
    doorward_testkit::until(std::time::Duration::from_secs(10), "the server to ask for a password", || {
        let rules = server.ask("postgres", "SELECT string_agg(auth_method, ',') FROM pg_hba_file_rules WHERE type = 'host'");
        (rules.unwrap() == "scram-sha-256").then_some(())
    });
    assert!(matches!(house(&section).try_start(), Start::Ready));
    for weak in [POSTGRES_USER, "postgres", "password"] {
        let file = folder.path().join("weak");
        write_secret(&file, weak);
        let line = section.lines().find(|line| line.starts_with("password_file")).unwrap().to_owned();
        refused(house(&section.replace(&line, &format!("password_file = \"{}\"", file.display()))), 2, "store.password_file");
    }
    refused(house(&section.replace("127.0.0.1", "192.0.2.1")), 3, "cannot be opened");
}
