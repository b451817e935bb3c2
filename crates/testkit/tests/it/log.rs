//! Nothing secret in any log or file, at the most talkative level (LOG-01).

use doorward_testkit::canary::{Canary, Hit, files_below};
use doorward_testkit::h2::H2Frames;
use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Act, CSRF_COOKIE, House, INSIDE, OUTSIDE, Request, SESSION_COOKIE, basic_auth,
};
use serde_json::json;

use crate::site::Site;

const MASTER_KEY: &[u8] = b"canary-master-key-Zq8Wn3Lk7Vt2Xp5Rb9Ym4Hd6";
/// Passwords that people typed: the right one, a wrong one, one that breaks the rules.
const PASSWORD: &str = "canary password tulip \"quoted\" & ferns";
const WRONG_PASSWORD: &str = "canary wrong password \u{e4}pple/orchard";
const LONG_PASSWORD_WORD: &str = "canary-overlong-password-";
const STRAY: &str = "canary-stray-Kx7mPz2Qw9";

/// Sends secrets through every route that takes any, in the right places and in wrong ones.
fn live(site: &Site) -> Vec<Canary> {
    let house = &site.house;
    let mut secrets = vec![
        Canary::new("master key", MASTER_KEY),
        Canary::new("password", PASSWORD),
        Canary::new("wrong password", WRONG_PASSWORD),
        Canary::new("overlong password", LONG_PASSWORD_WORD),
        Canary::new("gate password", ADMIN_PASSWORD),
        Canary::new("gate credentials", basic_auth(ADMIN_USER, ADMIN_PASSWORD).trim_start_matches("Basic ")),
        Canary::new("wrong gate password", "canary-wrong-gate-password"),
        Canary::new("stray value", STRAY),
    ];
    house.sign_up("ada@app.test", PASSWORD);
    let token = house.mailbox().wait_for("ada@app.test").token();
    secrets.push(Canary::new("verification token", token.clone()));
    house.client().get(&format!("/account/verify?token={token}"));
    house.client().post_json("/api/auth/verify-email", &json!({"token": format!("{token}x")}));
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).expect(200);
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).expect(400);
    let mut client = house.client();
    client.post_json("/api/auth/login", &json!({"email": "ada@app.test", "password": PASSWORD})).expect(200);
    secrets.push(Canary::new("session cookie", client.session()));
    secrets.push(Canary::new("CSRF value", client.csrf()));
    bad_sign_ins(house);
    wander(site, &mut client);
    try_every_route(&mut client);
    knock_at_gates(site);
    misplace(site, &client.session(), &client.csrf(), &token);
    client.send(&Request::post("/api/auth/logout").csrf()).expect(204);
    secrets
}

fn bad_sign_ins(house: &House) {
    for body in [
        json!({"email": "ada@app.test", "password": WRONG_PASSWORD}),
        json!({"email": "nobody@app.test", "password": WRONG_PASSWORD}),
        json!({"email": WRONG_PASSWORD, "password": "x"}),
        json!({"email": "ada@app.test", "password": [WRONG_PASSWORD]}),
        json!({"email": "ada@app.test", "passwort": WRONG_PASSWORD}),
        json!({"email": "ada@app.test", "password": format!("{LONG_PASSWORD_WORD}{}", "x".repeat(5_000))}),
    ] {
        house.client().post_json("/api/auth/login", &body);
        house.client().post_json("/api/auth/register", &body);
    }
    // Broken JSON with a password inside (LOG-04).
    let broken = format!("{{\"email\":\"ada@app.test\",\"password\":\"{WRONG_PASSWORD}\"");
    house.client().send(&Request::post("/api/auth/login").body("application/json", broken.clone()));
    house.client().send(&Request::post("/api/auth/login").body("text/plain", broken));
    house.client().send(&Request::post("/account/sign-in").form(&[
        ("email", "ada@app.test"),
        ("password", PASSWORD),
        ("csrf_token", "x"),
    ]));
    house.client().send(&Request::post("/account/sign-up").form(&[("email", "b@app.test"), ("password", WRONG_PASSWORD)]));
}

/// Secrets in the fields of every route that takes a body; no route gets what it asks for.
fn try_every_route(client: &mut doorward_testkit::Client) {
    let fields = ["current_password", "password", "new_password", "email", "token", "avatar_url", "invitation"];
    let all: serde_json::Map<String, serde_json::Value> =
        fields.iter().map(|field| ((*field).to_owned(), json!(if *field == "token" { STRAY } else { WRONG_PASSWORD }))).collect();
    for (method, path) in [
        ("POST", "/api/auth/register"),
        ("POST", "/api/auth/verify-email/resend"),
        ("POST", "/api/auth/forgot-password"),
        ("POST", "/api/auth/reset-password"),
        ("POST", "/api/auth/password"),
        ("POST", "/api/auth/email"),
        ("POST", "/api/auth/email/confirm"),
        ("POST", "/api/auth/email/undo"),
        ("POST", "/api/auth/end-sessions"),
        ("PATCH", "/api/auth/me"),
        ("DELETE", "/api/auth/me"),
        ("POST", "/api/auth/me/export"),
        ("DELETE", "/api/auth/sessions/canary-stray-Kx7mPz2Qw9"),
    ] {
        // Everything at once, and one field at a time: what is refused differs.
        client
            .send(&Request::new(method, path).csrf().body("application/json", serde_json::Value::from(all.clone()).to_string()));
        for field in fields {
            let body = json!({field: all[field]}).to_string();
            client.send(&Request::new(method, path).csrf().body("application/json", body));
        }
    }
    let pairs: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    for page in [
        "sign-up",
        "verify",
        "resend",
        "sign-in",
        "forgot",
        "reset",
        "profile",
        "password",
        "email",
        "email/confirm",
        "email/undo",
        "end-sessions",
        "delete",
    ] {
        client.send(&Request::post(&format!("/account/{page}")).form(&pairs));
        client.send(&Request::get(&format!("/account/{page}?token={STRAY}")));
    }
}

fn wander(site: &Site, client: &mut doorward_testkit::Client) {
    site.api.act("/api/dies", Act::Close);
    site.api.act("/api/sets", Act::answer(200, &[("Set-Cookie", "upstream=canary-stray-Kx7mPz2Qw9; Path=/")], "x"));
    for path in [
        "/",
        "/api/x",
        "/api/dies",
        "/api/sets",
        "/members/x",
        "/api/auth/me",
        "/api/auth/csrf",
        "/account",
        "/account/sign-in",
        "/api/auth/nope",
    ] {
        client.get(path);
        client.send(&Request::post(path).csrf().header("X-Api-Key", STRAY).header("Authorization", &format!("Bearer {STRAY}")));
    }
}

fn knock_at_gates(site: &Site) {
    for (from, user, password) in [
        (INSIDE, ADMIN_USER, ADMIN_PASSWORD),
        (INSIDE, ADMIN_USER, "canary-wrong-gate-password"),
        (INSIDE, "canary-wrong-gate-password", "x"),
        (OUTSIDE, ADMIN_USER, ADMIN_PASSWORD),
    ] {
        let request = Request::get("/").header("Authorization", &basic_auth(user, password));
        site.house.client_of("adm", from).send(&request);
    }
    let request = Request::get("/").header("Authorization", &format!("Basic {STRAY}"));
    site.house.client_of("adm", INSIDE).send(&request);
}

/// Secrets in places where they do not belong: query, path, Referer, a field of the wrong name, broken framing, HTTP/2.
fn misplace(site: &Site, session: &str, csrf: &str, token: &str) {
    let own = site.house.authority();
    for secret in [session, csrf, token, STRAY] {
        for target in [
            format!("/?token={secret}"),
            format!("/api/x?code={secret}&state={secret}"),
            format!("/account/sign-in?next=/%3Ftoken={secret}"),
        ] {
            site.house.client().send(&Request::get(&target).header("Referer", &format!("https://{own}/?token={secret}")));
        }
        site.house
            .client()
            .send(&Request::get("/api/auth/me").header("X-Session", secret).header("Authorization", &format!("Bearer {secret}")));
        site.house
            .client()
            .send(&Request::get("/api/auth/me").cookies(&format!("{SESSION_COOKIE}={secret}; {SESSION_COOKIE}={secret}")));
        site.house
            .client()
            .send(&Request::post("/api/auth/logout").cookies(&format!("{CSRF_COOKIE}={secret}")).header("X-CSRF-Token", secret));
        site.house.client().send(&Request::post("/api/csp-report").body(
            "application/csp-report",
            json!({"csp-report": {"document-uri": format!("https://{own}/?token={secret}"), "blocked-uri": secret}}).to_string(),
        ));
        for bytes in [
            format!("GET / HTTP/1.1\r\nHost: {own}\r\nCookie: {SESSION_COOKIE}={secret}\r\nA : b\r\n\r\n"),
            format!("GET /?t={secret} HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nHost: {own}\r\nContent-Length: {secret}\r\n\r\n"),
            format!("{secret} / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nHost: {own}\r\n{secret}\r\n\r\n"),
        ] {
            let mut raw = site.house.raw();
            raw.send_what_it_takes(bytes);
            let _ = raw.read_reply();
        }
        let mut plain = site.house.raw_plain();
        plain.send_what_it_takes(format!(
            "GET /x?token={secret} HTTP/1.1\r\nHost: {own}\r\nCookie: {SESSION_COOKIE}={secret}\r\n\r\n"
        ));
        let _ = plain.read_reply();
        let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
        let cookie = format!("{SESSION_COOKIE}={secret}");
        let path = format!("/api/x?token={secret}");
        frames.ask(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", &own),
            (":path", &path),
            ("cookie", &cookie),
            ("authorization", secret),
        ]);
        frames.ask(&[(":method", "GET"), (":scheme", "https"), (":authority", &own), (":path", "/"), ("connection", secret)]);
    }
}

/// Every file below the house but those that have to hold a secret: the key, and the mail with its token.
fn search(house: &House, secrets: &[Canary]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for path in files_below(house.folder()) {
        let name = path.strip_prefix(house.folder()).unwrap().display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            let is_meant = matches!((secret.name.as_str(), name.as_str()), ("master key", "master.key"))
                || secret.name == "verification token" && name.ends_with(".eml");
            if !is_meant {
                // One coat a file is enough to know.
                hits.extend(secret.search(&name, &bytes).into_iter().take(1));
            }
        }
    }
    hits
}

#[test]
fn log_01_no_secret_is_in_any_log_file_or_row_at_the_most_talkative_level() {
    let audit = "[audit]\nfile = \"audit.jsonl\"\nanchor_file = \"anchors\"";
    let mut site = Site::with(|builder| builder.log("trace").master_key(MASTER_KEY).section(audit));
    let secrets = live(&site);
    // The trail in every form it has.
    for (file, args) in [
        ("audit.txt", &["audit", "tail", "-n", "1000"][..]),
        ("audit.cef", &["audit", "export", "--format", "cef"]),
        ("verify-audit.txt", &["audit", "verify", "--json"]),
    ] {
        let output = site.house.command(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(site.house.folder().join(file), [output.stdout, output.stderr].concat()).unwrap();
    }
    let out = site.house.folder().join("meta");
    let verify = site.house.verify(&out, 200);
    std::fs::write(site.house.folder().join("verify.txt"), [verify.stdout, verify.stderr].concat()).unwrap();
    site.house.assert_alive();
    let while_alive = search(&site.house, &secrets);
    assert_eq!(site.house.stop(), Some(0));
    let shipped = std::fs::read_to_string(site.house.folder().join("audit.jsonl")).unwrap();
    assert!(shipped.lines().count() > 15 && shipped.contains("auth.login_failed"), "there is a trail to look at");
    assert!(site.house.folder().join("anchors").exists());
    assert!(site.house.stderr().lines().count() > 100, "there is a talkative log to look at");
    let after = search(&site.house, &secrets);
    assert!(while_alive.is_empty() && after.is_empty(), "{while_alive:#?}\n{after:#?}");
}

#[test]
fn log_01_a_fault_of_the_configuration_does_not_show_the_key() {
    for key in [&b"short-canary-key"[..], b"change_me_change_me_change_me_change_me"] {
        let start = House::builder().master_key(key).log("trace").try_start();
        let doorward_testkit::Start::Refused { stdout, stderr, .. } = start else { panic!("{start:?}") };
        let hits = Canary::new("key", key).search("output", format!("{stdout}{stderr}").as_bytes());
        assert!(hits.is_empty(), "{hits:?}\n{stderr}");
    }
}

/// The proof that the search can fail: the same search finds a secret that somebody wrote down.
#[test]
fn the_search_finds_a_secret_in_a_log() {
    let site = Site::start();
    let secret = Canary::new("planted", STRAY);
    assert!(search(&site.house, std::slice::from_ref(&secret)).is_empty());
    std::fs::write(site.house.data_dir().join("careless.log"), format!("{{\"authorization\":\"{}\"}}", basic_auth("u", STRAY)))
        .unwrap();
    assert!(!search(&site.house, &[secret]).is_empty());
}
