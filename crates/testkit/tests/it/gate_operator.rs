//! A gate that asks for an operator session after allowlist and password: the way in, every way round it, and the end.

use std::time::Duration;

use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Client, EchoUpstream, House, INSIDE, OUTSIDE, Reply, Request, Totp, basic_auth, until,
};
use serde_json::json;

use crate::tunnel::{self, Open};

const PASS: &str = "__Host-doorward_gate";
const ASKED: &str = "__Host-doorward_gate_request";
const LINES: &str = "allow = [\"127.0.0.1/32\"]\nwebsocket = true\noperator_session = true";

/// Two gates that ask for an operator, and one who is.
struct Ground {
    house: House,
    live: EchoUpstream,
    operator: Client,
    app: Totp,
}

impl Ground {
    fn start() -> Self {
        let (live, other) = (tunnel::live(), EchoUpstream::start("other"));
        let builder = House::builder().operators().echo(&live).echo(&other);
        let house = builder.gate_with("adm", "live", "strict", LINES).gate_with("two", "other", "strict", LINES).start();
        let (operator, app) = house.operator("olga@app.test");
        Self { house, live, operator, app }
    }

    fn at(&self, label: &str) -> Client {
        self.house.client_of(label, INSIDE)
    }

    /// The site's answer to whoever was sent there by a gate.
    fn to_site(&self, led: &Reply) -> Reply {
        self.operator.twin().send(&Request::get(&target(led, &self.house.authority())))
    }

    /// All the way: the gate, the site, the gate.
    fn let_in(&self, label: &str) -> Client {
        let mut browser = self.at(label);
        let led = visit(&mut browser, "/admin/?page=2").expect(303);
        let back = self.to_site(&led).expect(303);
        let taken = visit(&mut browser, &target(&back, &self.house.authority_of(label))).expect(303);
        assert_eq!(taken.header("location"), Some("/admin/?page=2"));
        assert!(browser.cookie(PASS).is_some(), "{taken:?}");
        assert!(browser.cookie(ASKED).is_none_or(str::is_empty), "what was asked with is gone: {taken:?}");
        browser
    }

    fn untouched(&self) {
        assert!(self.live.requests().is_empty(), "{:?}", self.live.requests().len());
    }
}

fn with_password(request: Request) -> Request {
    request.header("Authorization", &basic_auth(ADMIN_USER, ADMIN_PASSWORD))
}

/// As a person's browser goes somewhere.
fn visit(browser: &mut Client, target: &str) -> Reply {
    let request = Request::get(target).header("Sec-Fetch-Mode", "navigate").header("Sec-Fetch-Dest", "document");
    browser.send(&with_password(request.header("Accept", "text/html")))
}

/// The target of a `Location` at this authority.
#[track_caller]
fn target(reply: &Reply, authority: &str) -> String {
    let location = reply.header("location").unwrap_or_else(|| panic!("{reply:?}"));
    let rest = location.strip_prefix(&format!("https://{authority}")).unwrap_or_else(|| panic!("{location}"));
    rest.to_owned()
}

#[test]
fn an_operator_is_led_to_the_site_and_back_and_the_upstream_learns_who_it_is() {
    let ground = Ground::start();
    let mut browser = ground.let_in("adm");
    let seen = visit(&mut browser, "/admin/").expect(200).json();
    let fields = seen["headers"].to_string().to_lowercase();
    assert!(fields.contains("olga@app.test") && fields.contains("x-doorward-assertion"), "{fields}");
    assert!(!fields.contains("__host-doorward") && !fields.contains("authorization"), "credentials stay at the door: {fields}");
    // What is no navigation passes with the cookie alone as well.
    browser.send(&with_password(Request::post("/admin/save").json(&json!({})))).expect(200);
    // Another host of the same site is another origin: the browser sends the cookie along, and it is of no use (CSRF-06).
    let site = ground.house.origin();
    for (name, value) in [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "cross-site"), ("Origin", site.as_str())] {
        let request = Request::post("/admin/save").json(&json!({})).header(name, value);
        let reply = browser.send(&with_password(request)).expect(403);
        assert_eq!(reply.json(), json!({"detail": "CSRF failed"}));
    }
    let own = format!("https://{}", ground.house.authority_of("adm"));
    browser.send(&with_password(Request::post("/admin/save").json(&json!({})).header("Origin", &own))).expect(200);
    let log = ground.house.stderr();
    assert!(!log.contains("token="), "a hand-over is in no log");
}

#[test]
fn without_an_operator_session_nothing_passes_and_outsiders_do_not_learn_that_one_is_asked_for() {
    let ground = Ground::start();
    let mut browser = ground.at("adm");
    let reply = browser.send(&with_password(Request::get("/admin/api").header("Sec-Fetch-Mode", "cors"))).expect(401);
    assert_eq!(reply.json(), json!({"detail": "Operator session required"}));
    assert!(reply.header("www-authenticate").is_none(), "it is not the password that is wrong: {reply:?}");
    browser.send(&with_password(Request::post("/admin/save").json(&json!({})))).expect(401);
    visit(&mut browser, "/not/there").expect(303);
    // Without the password, and from outside, everything is as at any gate.
    for path in ["/admin/", "/.well-known/doorward/gate?token=x"] {
        let navigation = Request::get(path).header("Sec-Fetch-Mode", "navigate").header("Accept", "text/html");
        let reply = ground.at("adm").send(&navigation).expect(401);
        assert!(reply.header("www-authenticate").is_some() && reply.header("location").is_none(), "{reply:?}");
        let outside = visit(&mut ground.house.client_of("adm", OUTSIDE), path).expect(403);
        assert!(outside.set_cookies(ASKED).is_empty(), "{outside:?}");
    }
    // A forged pass, a session cookie of the site, and two passes are no pass.
    let session = ground.operator.session();
    for forged in ["A".repeat(43), session] {
        let mut browser = ground.at("adm");
        browser.set_cookie(PASS, &forged);
        visit(&mut browser, "/admin/").expect(303);
    }
    let passed = ground.let_in("adm");
    let twice = format!("{PASS}={0}; {PASS}={0}", passed.cookie(PASS).unwrap());
    ground.at("adm").send(&with_password(Request::get("/admin/").cookies(&twice))).expect(400);
    ground.untouched();
}

#[test]
fn a_hand_over_is_good_once_at_its_gate_in_the_browser_that_asked() {
    let ground = Ground::start();
    let gate = ground.house.authority_of("adm");
    let hand_over = |browser: &mut Client| {
        let led = visit(browser, "/admin/").expect(303);
        target(&ground.to_site(&led).expect(303), &gate)
    };
    // At the other gate, by whoever asked both.
    let (mut one, mut two) = (ground.at("adm"), ground.at("two"));
    visit(&mut two, "/admin/").expect(303);
    let target_of_one = hand_over(&mut one);
    visit(&mut two, &target_of_one).expect(400);
    visit(&mut one, &target_of_one).expect(400);
    // In another browser: a link that somebody prepared with their own session lets nobody in as them (login CSRF).
    let mut attacker = ground.at("adm");
    let prepared = hand_over(&mut attacker);
    let mut victim = ground.at("adm");
    visit(&mut victim, &prepared).expect(400);
    visit(&mut victim, "/admin/").expect(303);
    visit(&mut victim, &prepared).expect(400);
    assert!(victim.cookie(PASS).is_none());
    // A second time.
    let mut browser = ground.at("adm");
    let good = hand_over(&mut browser);
    let asked = browser.cookie(ASKED).unwrap().to_owned();
    for method in ["HEAD", "POST", "DELETE"] {
        let looked = browser.twin().send(&with_password(Request::new(method, &good)));
        assert_eq!(looked.status, 400, "{method} uses nothing up: {looked:?}");
        assert!(looked.set_cookies(PASS).is_empty(), "{looked:?}");
    }
    visit(&mut browser, &good).expect(303);
    let mut again = ground.at("adm");
    again.set_cookie(ASKED, &asked);
    visit(&mut again, &good).expect(400);
    // Nowhere but to a path of this gate.
    let mut browser = ground.at("adm");
    let away = hand_over(&mut browser).replace("return=%2Fadmin%2F", "return=%2F%2Fevil.test%2F");
    assert_eq!(visit(&mut browser, &away).expect(303).header("location"), Some("/"));
    ground.untouched();
}

#[test]
fn members_and_whoever_has_shown_no_second_factor_are_handed_over_to_nobody() {
    let ground = Ground::start();
    let led = visit(&mut ground.at("adm"), "/admin/").expect(303);
    let path = target(&led, &ground.house.authority());
    let reply = ground.house.client().get(&path).expect(303);
    assert!(reply.header("location").unwrap().starts_with("/account/sign-in?next="), "{reply:?}");
    let mut member = ground.house.member("mia@app.test");
    assert_eq!(member.get(&path).expect(403).header("location"), None);
    // Foreign names and requests that are none.
    for wrong in [path.replace("/gate/adm", "/gate/nobody"), path.replace("request=", "request=x")] {
        let status = ground.operator.twin().get(&wrong).status;
        assert!([400, 404].contains(&status), "{wrong}: {status}");
    }
    ground.house.add_member("otto@app.test");
    assert!(ground.house.command(&["user", "roles", "otto@app.test", "operator"]).status.success());
    let mut half = ground.house.sign_in("otto@app.test");
    let reply = half.get(&path).expect(303);
    assert!(reply.header("location").unwrap().starts_with("/account/factors"), "{reply:?}");
}

#[test]
fn a_session_that_ends_closes_its_gates_at_once_and_what_is_open_behind_them() {
    let mut ground = Ground::start();
    let mut browser = ground.let_in("adm");
    let authority = ground.house.authority_of("adm");
    let proof = format!("Authorization: {}\r\nCookie: {}", basic_auth(ADMIN_USER, ADMIN_PASSWORD), browser.cookie_line());
    let raw = ground.house.raw_from(INSIDE, authority.split(':').next().unwrap());
    let open = Open::socket("a socket of an operator", raw, "/admin/", &authority, &proof);
    visit(&mut browser, "/admin/").expect(200);
    ground.operator.send(&Request::post("/api/auth/logout").csrf()).expect(204);
    assert_eq!(visit(&mut browser, "/admin/").status, 303, "the next request is led to the site again");
    open.assert_ends();
    // So does the loss of the role.
    ground.operator = ground.house.sign_in_with_code("olga@app.test", &mut ground.app);
    let mut browser = ground.let_in("adm");
    assert!(ground.house.command(&["user", "roles", "olga@app.test"]).status.success());
    until(Duration::from_secs(3), "the gate to shut", || (visit(&mut browser, "/admin/").status == 303).then_some(()));
}
