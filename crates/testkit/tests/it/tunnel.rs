//! What stays open ends with the right by which it was opened: WebSockets and streams of events, of sessions and of gates.

use std::time::Duration;

use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Act, Client, EchoUpstream, House, INSIDE, RawClient, Request, SESSION_COOKIE, basic_auth,
};
use serde_json::json;

/// A right that has ended takes what it holds open along in this time.
const WITHIN: Duration = Duration::from_secs(5);

pub(crate) const LIVE: &str = "[[route]]\npath = \"/live/\"\nupstream = \"live\"\naccess = \"signed-in\"\nwebsocket = true";
const STAFF: &str =
    "[[route]]\npath = \"/staff/\"\nupstream = \"live\"\naccess = \"signed-in\"\nwebsocket = true\nroles = [\"staff\"]";

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n\
                      9\r\ndata: 1\n\n\r\n";

/// Agrees to every upgrade, begins a stream of events, and goes on to answer whatever comes through.
pub(crate) fn live() -> EchoUpstream {
    let live = EchoUpstream::start("live");
    for place in ["/live/", "/staff/", "/admin/"] {
        live.act(&format!("{place}socket"), Act::Raw(AGREED.into()));
        live.act(&format!("{place}events"), Act::Raw(EVENTS.into()));
    }
    live
}

/// Something that is open.
pub(crate) struct Open {
    what: &'static str,
    raw: RawClient,
}

impl Open {
    pub(crate) fn socket(what: &'static str, mut raw: RawClient, path: &str, authority: &str, proof: &str) -> Self {
        raw.send(format!(
            "GET {path}socket HTTP/1.1\r\nHost: {authority}\r\nOrigin: https://{authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{proof}\r\n\r\n"
        ));
        let reply = raw.read_reply().unwrap();
        assert_eq!(reply.status, 101, "{what}: {reply:?}");
        let mut open = Self { what, raw };
        open.assert_works();
        open
    }

    /// A stream of events: head and first event are there, the end is not.
    fn events(what: &'static str, mut raw: RawClient, path: &str, authority: &str, proof: &str) -> Self {
        raw.send(format!("GET {path}events HTTP/1.1\r\nHost: {authority}\r\n{proof}\r\n\r\n"));
        let mut head = Vec::new();
        while !head.ends_with(b"data: 1\n\n\r\n") {
            head.extend(raw.read_exact(1).unwrap());
            assert!(head.len() < 4096, "{}", String::from_utf8_lossy(&head));
        }
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        Self { what, raw }
    }

    fn assert_works(&mut self) {
        self.raw.send("GET /through HTTP/1.1\r\n\r\n");
        assert_eq!(self.raw.read_reply().unwrap().json()["upstream"], "live", "{}", self.what);
    }

    pub(crate) fn assert_ends(mut self) {
        assert!(self.raw.is_closed_within(WITHIN), "{} outlives its right", self.what);
    }
}

pub(crate) fn socket_of(what: &'static str, house: &House, client: &Client, path: &str) -> Open {
    let cookie = format!("Cookie: {SESSION_COOKIE}={}", client.cookie(SESSION_COOKIE).unwrap());
    Open::socket(what, house.raw(), path, &house.authority(), &cookie)
}

fn events_of(what: &'static str, house: &House, client: &Client, path: &str) -> Open {
    let cookie = format!("Cookie: {SESSION_COOKIE}={}", client.cookie(SESSION_COOKIE).unwrap());
    Open::events(what, house.raw(), path, &house.authority(), &cookie)
}

fn done(house: &House, words: &[&str]) {
    let output = house.command(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
}

#[test]
fn what_a_session_holds_open_ends_with_it_whoever_ends_it_and_on_whichever_node() {
    let live = live();
    let house = House::builder().echo(&live).accounts("roles = [\"staff\"]").section(LIVE).section(STAFF).unlimited().start();
    let node = house.another_node();
    let other = house.member("other@app.test");
    let mut unconcerned = socket_of("another's session", &house, &other, "/live/");

    let mut ada = house.member("ada@app.test");
    let open = [socket_of("sign-out", &house, &ada, "/live/"), events_of("sign-out, events", &house, &ada, "/live/")];
    assert_eq!(ada.send(&Request::post("/api/auth/logout").csrf()).status, 204);
    open.into_iter().for_each(Open::assert_ends);

    let ada = house.sign_in("ada@app.test");
    let open = [socket_of("sign-out elsewhere", &house, &ada, "/live/"), events_of("events, elsewhere", &house, &ada, "/live/")];
    let mut there = node.client();
    for name in [SESSION_COOKIE, doorward_testkit::CSRF_COOKIE] {
        there.set_cookie(name, ada.cookie(name).unwrap());
    }
    assert_eq!(there.send(&Request::post("/api/auth/logout").csrf()).status, 204);
    open.into_iter().for_each(Open::assert_ends);

    let (ada, mut again) = (house.sign_in("ada@app.test"), house.sign_in("ada@app.test"));
    let (first, second) =
        (socket_of("revoked by oneself", &house, &ada, "/live/"), socket_of("of the one that asks", &house, &again, "/live/"));
    assert_eq!(again.send(&Request::post("/api/auth/sessions/revoke-others").csrf().json(&json!({}))).status, 204);
    first.assert_ends();
    let new = "nine patient herons by the weir";
    let change = json!({"current_password": house.password(), "new_password": new});
    let reply = again.send(&Request::post("/api/auth/password").csrf().json(&change));
    assert_eq!(reply.status, 200, "{reply:?}");
    second.assert_ends();

    let bob = house.member("bob@app.test");
    let open = socket_of("revoked by an operator", &house, &bob, "/live/");
    done(&house, &["session", "revoke-all", "bob@app.test"]);
    open.assert_ends();

    let bob = house.sign_in("bob@app.test");
    done(&house, &["user", "roles", "bob@app.test", "staff"]);
    let mut plain = socket_of("no role is asked for", &house, &bob, "/live/");
    let staff = socket_of("a role that was taken away", &house, &bob, "/staff/");
    done(&house, &["user", "roles", "bob@app.test"]);
    staff.assert_ends();
    plain.assert_works();
    done(&house, &["user", "disable", "bob@app.test"]);
    plain.assert_ends();

    unconcerned.assert_works();
    let told = house.stdout() + &house.stderr();
    assert!(told.contains("a tunnel was ended"), "{told}");
}

#[test]
fn what_a_gate_let_in_ends_when_a_reload_would_not_let_it_in_again() {
    let live = live();
    let house =
        House::builder().echo(&live).gate_with("adm", "live", "strict", "allow = [\"127.0.0.1/32\"]\nwebsocket = true").start();
    let users = std::fs::read_to_string(house.folder().join("gate.htpasswd")).unwrap();
    let hash = users.trim().split_once(':').unwrap().1.to_owned();
    let write = |text: &str| std::fs::write(house.folder().join("gate.htpasswd"), text).unwrap();
    // Another user with the same password, who is to be removed, and one whose password is to change.
    let all = format!("{users}\nleaving:{hash}\nchanging:{hash}\n");
    let reload = |text: &str| {
        write(text);
        // Every reload is one of the file, too: it is what is waited for.
        house.reload_with(|file| format!("{file}\n# again\n"));
    };
    reload(&all);
    let authority = house.authority_of("adm");
    let proof = |user: &str| format!("Authorization: {}", basic_auth(user, ADMIN_PASSWORD));
    let raw = || house.raw_from(INSIDE, authority.split(':').next().unwrap());
    let socket = |what, user: &str| Open::socket(what, raw(), "/admin/", &authority, &proof(user));
    let mut stays = socket("a user who stays", ADMIN_USER);
    let removed = [
        socket("a user who was removed", "leaving"),
        Open::events("events of a user who was removed", raw(), "/admin/", &authority, &proof("leaving")),
    ];
    let mut changed = socket("a user whose password was changed", "changing");

    reload(&all.replace("leaving:", "other:"));
    removed.into_iter().for_each(Open::assert_ends);
    changed.assert_works();

    reload(&all.replace("leaving:", "other:").replace(&format!("changing:{hash}"), &format!("changing:{OTHER_HASH}")));
    changed.assert_ends();
    stays.assert_works();

    house.reload_with(|file| file.replace("allow = [\"127.0.0.1/32\"]", "allow = [\"192.0.2.1/32\"]"));
    stays.assert_ends();
}

#[test]
fn what_a_route_let_in_ends_when_a_reload_removes_it_asks_for_more_or_switches_websockets_off() {
    const ROUTES: [&str; 6] = ["gone", "closed", "covered", "quiet", "roles", "stays"];
    let place = |name: &str| format!("/live/{name}/");
    let live = live();
    let mut builder = House::builder().echo(&live).accounts("roles = [\"staff\", \"boss\"]").unlimited();
    for name in ROUTES {
        let access = if name == "roles" { "signed-in" } else { "public" };
        builder = builder.section(&format!(
            "[[route]]\npath = \"{}\"\nupstream = \"live\"\naccess = \"{access}\"\nwebsocket = true # {name}",
            place(name)
        ));
    }
    let house = builder.start();
    let ada = house.member("ada@app.test");
    done(&house, &["user", "roles", "ada@app.test", "staff"]);
    let cookie = format!("Cookie: {SESSION_COOKIE}={}", ada.cookie(SESSION_COOKIE).unwrap());
    let at = |name: &str| (place(name), house.authority());
    for name in ROUTES {
        live.act(&format!("{}socket", place(name)), Act::Raw(AGREED.into()));
        live.act(&format!("{}events", place(name)), Act::Raw(EVENTS.into()));
    }
    let socket = |name: &'static str| Open::socket(name, house.raw(), &at(name).0, &at(name).1, &cookie);
    let events = |name: &'static str| Open::events(name, house.raw(), &at(name).0, &at(name).1, &cookie);
    let mut stays = socket("stays");
    let over = |name: &'static str, change: &dyn Fn(String) -> String| {
        let open = [socket(name), events(name)];
        house.reload_with(change);
        open.into_iter().for_each(Open::assert_ends);
    };
    let of = |name: &str, access: &str| format!("path = \"{}\"\nupstream = \"live\"\naccess = \"{access}\"", place(name));
    over("gone", &|file| file.replace("path = \"/live/gone/\"", "path = \"/live/elsewhere/\""));
    over("closed", &|file| file.replace(&of("closed", "public"), &of("closed", "signed-in")));
    over("covered", &|file| {
        format!(
            "{file}\n[[route]]\npath = \"/live/covered/socket/\"\nupstream = \"live\"\naccess = \"signed-in\"\n\
                 [[route]]\npath = \"/live/covered/events/\"\nupstream = \"live\"\naccess = \"signed-in\"\n"
        )
    });
    over("roles", &|file| file.replace("websocket = true # roles", "websocket = true\nroles = [\"boss\"]"));
    let quiet = socket("quiet");
    house.reload_with(|file| file.replace("websocket = true # quiet", "websocket = false"));
    quiet.assert_ends();
    stays.assert_works();
}

/// Of a password that nobody knows.
const OTHER_HASH: &str = "$2y$10$abcdefghijklmnopqrstuuSl5Hs5ZyA8cGzX7m3gkqh3VwKbB0Y9y";
