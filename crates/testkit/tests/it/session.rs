//! The session cookie on the wire.

use std::sync::Barrier;

use doorward_testkit::canary::{Canary, files_below};
use doorward_testkit::h2::{END_STREAM, H2Frames};
use doorward_testkit::{House, INSIDE, Request, SESSION_COOKIE, Start, assert_detail, detail};
use serde_json::json;

use crate::site::{Site, cookie_parts, wait_for_stored};

#[track_caller]
fn assert_session_attributes(set_cookie: &str) {
    let (_, value, attributes) = cookie_parts(set_cookie);
    assert!(!value.is_empty(), "{set_cookie}");
    let names: Vec<&str> =
        attributes.iter().map(|(name, _)| name.as_str()).filter(|n| *n != "max-age" && *n != "expires").collect();
    assert_eq!(names, ["httponly", "path", "samesite", "secure"], "each once, no Domain, nothing misspelt: {set_cookie}");
    let get = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).unwrap();
    assert_eq!(get("path"), "/", "{set_cookie}");
    assert!(matches!(get("samesite"), "Lax" | "Strict"), "{set_cookie}");
    assert_eq!((get("httponly"), get("secure")), ("", ""), "flags have no value: {set_cookie}");
}

#[test]
fn ses_01_every_sign_in_sets_exactly_one_session_cookie_with_the_strict_attributes() {
    let house = House::builder().start();
    let mut client = house.member("ada@app.test");
    // Again, over the living session, as a renewal does.
    client.post_json("/api/auth/login", &json!({"email": "ada@app.test", "password": house.password()})).expect(200);
    let mut seen = 0;
    for reply in client.seen().iter().filter(|reply| reply.status == 200) {
        let cookies = reply.set_cookies(SESSION_COOKIE);
        assert_eq!(cookies.len(), 1, "{reply:?}");
        assert_session_attributes(cookies[0]);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn ses_01_a_sign_in_by_form_sets_the_same_cookie() {
    let house = House::builder().start();
    house.add_member("ada@app.test");
    let mut browser = house.client();
    let page = browser.get("/account/sign-in").expect(200);
    let reply = browser.send(&sign_in_form(&page.text(), &house, "ada@app.test"));
    assert_eq!(reply.status, 303, "{reply:?}");
    let cookies = reply.set_cookies(SESSION_COOKIE);
    assert_eq!(cookies.len(), 1, "{reply:?}");
    assert_session_attributes(cookies[0]);
}

/// Fills the page's own form in: every hidden field goes back as it came.
fn sign_in_form(page: &str, house: &House, address: &str) -> Request {
    let mut fields = hidden_fields(page);
    fields.push(("email".to_owned(), address.to_owned()));
    fields.push(("password".to_owned(), house.password().to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Request::post("/account/sign-in").header("Origin", &house.origin()).header("Sec-Fetch-Site", "same-origin").form(&fields)
}

fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
        Some(tag[start..].split('"').next()?.to_owned())
    };
    page.split("<input")
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default())
        .filter(|tag| tag.contains("type=\"hidden\""))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
        .collect()
}

#[test]
fn ses_01_no_variable_weakens_the_cookie() {
    for (name, value) in [
        ("DOORWARD_ACCOUNTS__SESSION_COOKIE_SAMESITE", "None"),
        ("DOORWARD_ACCOUNTS__COOKIE_SAMESITE", "None"),
        ("DOORWARD_ACCOUNTS__COOKIE_SECURE", "false"),
    ] {
        assert_refused(House::builder().var(name, value).try_start(), name);
    }
}

#[test]
fn ses_02_the_session_cookie_has_the_host_prefix_and_no_setting_takes_it_away() {
    let house = House::builder().env("staging").start();
    let client = house.member("ada@app.test");
    let set = client.seen()[0].all("set-cookie").iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    assert!(!set.is_empty() && set.iter().all(|value| value.starts_with("__Host-")), "{set:?}");
    for env in ["staging", "production"] {
        let line = House::builder().env(env).accounts("session_cookie_name = \"sid\"");
        assert_refused(line.try_start(), "session_cookie_name");
        let variable = House::builder().env(env).var("DOORWARD_ACCOUNTS__SESSION_COOKIE_NAME", "sid");
        assert_refused(variable.try_start(), "SESSION_COOKIE_NAME");
    }
}

#[track_caller]
fn assert_refused(start: Start, named: &str) {
    match start {
        Start::Refused { code: Some(2), stderr, .. } => {
            assert!(stderr.to_lowercase().contains(&named.to_lowercase()), "{named} is not named:\n{stderr}");
        }
        other => panic!("started, or ended oddly, in spite of {named}: {other:?}"),
    }
}

#[test]
fn ses_04_the_session_cookie_twice_is_refused_and_changes_nothing() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let other = site.house.sign_in("ada@app.test");
    let (mine, csrf) = (client.session(), client.csrf());
    site.clear();
    for second in [mine.clone(), other.session(), "attacker".to_owned()] {
        for line in [
            format!("{SESSION_COOKIE}={mine}; {SESSION_COOKIE}={second}"),
            format!("{SESSION_COOKIE}={second}; a=b; {SESSION_COOKIE}={mine}"),
            format!("{SESSION_COOKIE}={mine}\r\nCookie: {SESSION_COOKIE}={second}"),
        ] {
            let mut fresh = site.house.client();
            let me = fresh.send(&Request::get("/api/auth/me").cookies(&line));
            assert!(matches!(me.status, 400 | 401), "{me:?}");
            detail(&me);
            let line = format!("{line}; __Host-doorward_csrf={csrf}");
            for path in ["/api/notes", "/members/notes", "/api/auth/logout"] {
                let reply = fresh.send(&Request::post(path).cookies(&line).header("X-CSRF-Token", &csrf));
                assert!(matches!(reply.status, 400 | 401), "{path}: {reply:?}");
                assert!(reply.set_cookies(SESSION_COOKIE).is_empty(), "{reply:?}");
            }
        }
    }
    site.assert_upstreams_untouched("a request with two session cookies");
    assert_eq!(client.twin().get("/api/auth/me").status, 200, "the session lives on");
    wait_for_stored(&site.house, "session.cookie_duplicate");
}

#[test]
fn ses_04_two_cookie_fields_of_http_2_with_the_session_each_are_refused() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let (pair, authority) = (format!("{SESSION_COOKIE}={}", client.session()), site.house.authority());
    for second in [pair.clone(), format!("{SESSION_COOKIE}=attacker")] {
        let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
        let reply = frames
            .ask(&[
                (":method", "GET"),
                (":scheme", "https"),
                (":authority", &authority),
                (":path", "/api/auth/me"),
                ("cookie", &pair),
                ("cookie", &second),
            ])
            .answer();
        assert!(matches!(reply.status, 400 | 401), "{reply:?}");
    }
    let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
    let stream = frames.open();
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", &*authority), (":path", "/api/auth/me")];
    frames.headers(stream, &[&fields[..], &[("cookie", "a=b"), ("cookie", &pair)]].concat(), END_STREAM);
    assert_eq!(frames.outcome(stream).answer().status, 200, "crumbs with one session are one cookie line");
}

#[test]
fn ses_06_the_cookie_value_is_in_no_file_and_still_leads_to_its_session() {
    let mut house = House::builder().log("debug").start();
    let mut client = house.member("ada@app.test");
    client.get("/api/auth/me").expect(200);
    let mut secrets = vec![Canary::new("session cookie", client.session())];
    use base64::Engine as _;
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(client.session()).unwrap();
    secrets.push(Canary::new("its octets", octets));
    assert_absent(&house, &secrets);
    // The sessions of a stopped house are only in its store.
    house.restart_with(|text| text);
    assert_eq!(client.twin().get("/api/auth/me").status, 200, "looked up by its hash");
    house.stop();
    assert_absent(&house, &secrets);
}

#[track_caller]
fn assert_absent(house: &House, secrets: &[Canary]) {
    let files = files_below(&house.data_dir());
    assert!(files.iter().any(|path| path.ends_with("doorward.db")), "there is a store to look at: {files:?}");
    for path in files_below(house.folder()) {
        let bytes = std::fs::read(&path).unwrap();
        let hits: Vec<_> = secrets.iter().flat_map(|secret| secret.search(&path.display().to_string(), &bytes)).collect();
        assert!(hits.is_empty(), "{hits:?}");
    }
}

#[test]
fn ses_07_signing_in_makes_a_new_id_and_ends_the_presented_one() {
    let house = House::builder().start();
    let mut ada = house.member("ada@app.test");
    house.add_member("eve@app.test");
    let chosen = "A".repeat(43);
    let mut fixed = house.client();
    fixed.set_cookie(SESSION_COOKIE, &chosen);
    let credentials = json!({"email": "ada@app.test", "password": house.password()});
    fixed.post_json("/api/auth/login", &credentials).expect(200);
    assert_ne!(fixed.session(), chosen, "a chosen value is not adopted");
    assert_me(&house, &chosen, 401);

    let before = ada.session();
    ada.post_json("/api/auth/login", &credentials).expect(200);
    assert_ne!(ada.session(), before);
    assert_me(&house, &before, 401);

    let adas = ada.session();
    ada.post_json("/api/auth/login", &json!({"email": "eve@app.test", "password": house.password()})).expect(200);
    assert_eq!(ada.get("/api/auth/me").json()["email"], "eve@app.test");
    assert_me(&house, &adas, 401);
}

#[track_caller]
fn assert_me(house: &House, session: &str, status: u16) {
    let reply = house.client().send(&Request::get("/api/auth/me").cookies(&format!("{SESSION_COOKIE}={session}")));
    assert_eq!(reply.status, status, "{reply:?}");
}

#[test]
fn ses_09_signing_out_ends_the_session_everywhere_at_once() {
    let house = House::builder().start();
    let mut client = house.member("ada@app.test");
    let (old, twin) = (client.session(), client.twin());
    let mut kept = client.twin();
    kept.get("/api/auth/me").expect(200);
    let reply = client.send(&Request::post("/api/auth/logout").csrf());
    assert_eq!(reply.status, 204, "{reply:?}");
    let set: Vec<_> = reply.set_cookies(SESSION_COOKIE);
    assert_eq!(set.len(), 1, "{reply:?}");
    let (_, value, attributes) = cookie_parts(set[0]);
    assert_eq!(value, "");
    let at_sign_in = twin.cookie(SESSION_COOKIE).map(|_| ["httponly", "max-age", "path", "samesite", "secure"]).unwrap();
    assert_eq!(attributes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), at_sign_in, "{set:?}");
    assert!(attributes.contains(&("max-age".into(), "0".into())), "{set:?}");
    assert!(reply.set_cookies("__Host-doorward_csrf").iter().all(|value| value.contains("Max-Age=0")), "{reply:?}");

    assert_eq!(kept.send(&Request::get("/api/auth/me")).status, 401, "on a kept connection");
    let gate = Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut thief = house.client();
                thief.set_cookie(SESSION_COOKIE, &old);
                gate.wait();
                assert_eq!(thief.get("/api/auth/me").status, 401);
            });
        }
    });
}

#[test]
fn ses_15_whatever_sets_or_needs_a_cookie_is_not_stored() {
    let site = Site::start();
    let public = [("Cache-Control", "public, max-age=600")];
    for upstream in [&site.api, &site.members] {
        for path in ["/api/cached", "/members/cached"] {
            upstream.act(path, doorward_testkit::Act::answer(200, &public, "mine"));
        }
    }
    let mut client = site.house.member("ada@app.test");
    let mut stranger = site.house.client();
    let mut replies = vec![
        ("me", client.get("/api/auth/me").expect(200)),
        ("identified", client.get("/api/cached").expect(200)),
        ("signed-in", client.get("/members/cached").expect(200)),
        ("account page", client.get("/account").expect(200)),
        ("csrf", stranger.get("/api/auth/csrf").expect(200)),
        ("sign-in page", stranger.get("/account/sign-in").expect(200)),
        ("me 401", stranger.get("/api/auth/me").expect(401)),
        ("login 401", stranger.post_json("/api/auth/login", &json!({"email": "ada@app.test", "password": "no"})).expect(401)),
        ("deception", client.get("/api/auth/me/x.css").expect(404)),
        ("signed-in 401", stranger.get("/members/cached")),
        ("logout 401", stranger.send(&Request::post("/api/auth/logout"))),
    ];
    replies.push(("login", client.seen()[0].clone()));
    replies.push(("logout", client.send(&Request::post("/api/auth/logout").csrf()).expect(204)));
    for (what, reply) in &replies {
        let value = reply.header("cache-control").unwrap_or_default().to_owned();
        assert!(value.split(',').any(|word| word.trim() == "no-store"), "{what}: {reply:?}");
        assert!(!value.contains("public"), "{what}: {reply:?}");
    }
}

#[test]
fn ses_16_a_cookie_bomb_is_answered_431_and_a_full_jar_is_not_a_bomb() {
    let mut site = Site::start();
    let mut client = site.house.member("ada@app.test");
    let pair = format!("{SESSION_COOKIE}={}", client.session());
    assert!(pair.len() < 4096);
    let bomb: Vec<String> = (0..200).map(|n| format!("junk{n}={}", "x".repeat(100))).collect();
    for path in ["/api/auth/me", "/api/notes", "/"] {
        let reply = site.house.client().send(&Request::get(path).cookies(&bomb.join("; ")));
        assert_eq!(reply.status, 431, "{reply:?}");
        if path.starts_with("/api/") {
            detail(&reply);
        }
        assert!(reply.header("strict-transport-security").is_some(), "{reply:?}");
        assert!(reply.header("x-content-type-options").is_some(), "{reply:?}");
        client.get("/api/auth/me").expect(200);
    }
    let jar = format!("{pair}; fill={}", "x".repeat(8 * 1024 - pair.len()));
    client.twin().send(&Request::get("/api/auth/me").cookies(&jar)).expect(200);
    site.house.assert_alive();
}

#[test]
fn ses_17_session_and_csrf_values_leave_only_in_set_cookie() {
    let site = Site::with(|builder| builder.log("trace"));
    for path in ["/", "/api/notes", "/members/notes"] {
        site.upstreams().for_each(|upstream| upstream.act(path, doorward_testkit::Act::answer(200, &[], "fixed")));
    }
    let mut client = site.house.member("ada@app.test");
    for path in ["/", "/api/notes", "/members/notes", "/api/auth/me", "/api/auth/csrf", "/api/health", "/api/nope", "/account"] {
        client.get(path);
        client.send(&Request::new("HEAD", path));
    }
    for path in ["/api/notes", "/members/notes"] {
        client.send(&Request::post(path).csrf()).expect(200);
        assert_detail(&client.send(&Request::post(path)), 403, "CSRF failed");
    }
    let secrets = [Canary::new("session", client.session()), Canary::new("csrf", client.csrf())];
    client.send(&Request::post("/api/auth/logout").csrf()).expect(204);
    for reply in client.seen() {
        let is_form = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let fields: String = reply
            .headers
            .iter()
            .filter(|(n, _)| !n.eq_ignore_ascii_case("set-cookie"))
            .map(|(n, v)| format!("{n}: {v}\n"))
            .collect();
        for secret in &secrets {
            assert_eq!(secret.search("fields", fields.as_bytes()), [], "{reply:?}");
            // A page's form carries the CSRF value in a hidden field: that is how it is sent back without script.
            if !(is_form && secret.name == "csrf") {
                assert_eq!(secret.search("body", &reply.body), [], "{reply:?}");
            }
        }
    }
    for (sink, text) in [("stdout", site.house.stdout()), ("stderr", site.house.stderr())] {
        let hits: Vec<_> = secrets.iter().flat_map(|secret| secret.search(sink, text.as_bytes())).collect();
        assert!(hits.is_empty(), "{hits:?}");
    }
}
