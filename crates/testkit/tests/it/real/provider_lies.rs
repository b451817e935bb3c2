//! A provider that lies, through the whole house: whatever it says, the answer has the same octets and nobody is signed in.

use doorward_testkit::canary::{Canary, Hit, files_below};
use doorward_testkit::real::{CLIENT_SECRET, OidcMock, Return, parameter};
use doorward_testkit::{Client, EchoUpstream, House, Reply, Request, SESSION_COOKIE, assert_detail};
use serde_json::{Value, json};

use crate::site::constant_part;

const PROVIDER_COOKIE: &str = "__Host-doorward_provider";
pub(super) const START: &str = "/api/auth/oauth/mirage/start";
pub(super) const CALLBACK: &str = "/api/auth/oauth/mirage/callback";
/// What a provider writes into its errors, and nobody else may.
const TOLD: &str = "canary-<script>of-the-provider</script>-7Qm";

pub(super) struct Stage {
    pub(super) house: House,
    pub(super) mock: OidcMock,
}

impl Stage {
    pub(super) fn start() -> Self {
        let mock = OidcMock::start();
        let house = House::builder().oauth(&mock.section()).log("trace").start();
        Self { house, mock }
    }

    /// A browser that has been sent to the provider and back.
    #[track_caller]
    fn there_and_back(&self) -> (Client, Return) {
        let mut client = self.house.client();
        let url = self.url(&mut client);
        let back = self.mock.authorize(&url);
        (client, back)
    }

    /// Where a browser is sent.
    #[track_caller]
    fn url(&self, client: &mut Client) -> String {
        let reply = client.post_json(START, &json!({})).expect(200);
        assert_eq!(reply.set_cookies(PROVIDER_COOKIE).len(), 1, "{reply:?}");
        reply.json()["authorization_url"].as_str().expect("a URL").to_owned()
    }

    /// A whole sign-in while the provider follows these orders.
    #[track_caller]
    fn sign_in_under(&self, orders: &Value) -> Reply {
        self.mock.order(orders);
        let (mut client, back) = self.there_and_back();
        client.post_json(CALLBACK, &answer_of(&back))
    }

    #[track_caller]
    fn assert_honest_sign_in(&self) {
        let reply = self.sign_in_under(&json!({})).expect(200);
        assert_eq!(reply.json()["email"], "mallory@app.test", "{reply:?}");
        assert_eq!(reply.set_cookies(SESSION_COOKIE).len(), 1, "{reply:?}");
    }
}

/// What a page sends to the callback.
pub(super) fn answer_of(back: &Return) -> Value {
    json!({"code": back.parameter("code"), "state": back.parameter("state")})
}

/// One refusal, alike to the octet, without a session.
#[track_caller]
fn assert_failed(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}: {reply:?}");
    assert_eq!(reply.text(), "{\"detail\":\"OAuth failed\"}", "{what}");
    assert!(reply.set_cookies(SESSION_COOKIE).is_empty(), "{what}: {reply:?}");
}

/// Lies about the person, and in which word the trail calls each.
fn lies_of_the_token() -> Vec<(&'static str, &'static str, Value)> {
    let now = doorward_kit::Clock::now(&doorward_kit::SystemClock).as_second();
    vec![
        // OAUTH-03.
        ("another nonce", "nonce", json!({"claims": {"nonce": "evil"}})),
        ("no nonce", "nonce", json!({"claims": {"nonce": null}})),
        ("an empty nonce", "nonce", json!({"claims": {"nonce": ""}})),
        // OAUTH-04.
        ("alg none", "algorithm", json!({"sign": "none"})),
        ("HS256 with the public key", "algorithm", json!({"sign": "hs256"})),
        ("a stranger's key under a known id", "token_unverified", json!({"sign": "stranger"})),
        ("a key that nobody knows", "unknown_key", json!({"sign": "unknown"})),
        ("a key that the token brings along", "token_header", json!({"sign": "jwk"})),
        ("a place where its key is", "token_header", json!({"header": {"jku": "https://evil.test/jwks"}})),
        ("another issuer", "token_issuer", json!({"claims": {"iss": "https://evil.test"}})),
        ("an issuer with a slash", "token_issuer", json!({"claims": {"iss": "https://localhost/"}})),
        ("no issuer", "malformed", json!({"claims": {"iss": null}})),
        ("another audience", "audience", json!({"claims": {"aud": "somebody"}})),
        ("two audiences, none of them named", "audience", json!({"claims": {"aud": ["doorward", "somebody"]}})),
        (
            "two audiences, the other one named",
            "audience",
            json!({"claims": {"aud": ["doorward", "somebody"], "azp": "somebody"}}),
        ),
        ("another party", "authorized_party", json!({"claims": {"azp": "somebody"}})),
        ("no audience", "audience", json!({"claims": {"aud": null}})),
        ("an expired token", "expired", json!({"claims": {"exp": now - 3600, "iat": now - 3900}})),
        ("a token without end", "malformed", json!({"claims": {"exp": null}})),
        ("a token of tomorrow", "issued_at", json!({"claims": {"iat": now + 86_400, "exp": now + 90_000}})),
        ("nobody", "malformed", json!({"claims": {"sub": null}})),
        ("an empty name", "subject", json!({"claims": {"sub": ""}})),
        ("a name of 300 octets", "subject", json!({"claims": {"sub": "x".repeat(300)}})),
        // OAUTH-09: this one says the truth, and it is not enough.
        ("an unverified address", "unverified_address", json!({"claims": {"email_verified": false}})),
        ("an address verified by a word", "unverified_address", json!({"claims": {"email_verified": "false"}})),
        ("no address at all", "no_address", json!({"claims": {"email": null}, "userinfo": {"email": null}})),
        ("somebody else at the second look", "other_subject", json!({"claims": {"email": null}, "userinfo": {"sub": "other"}})),
    ]
}

/// What else a server may answer in place of the truth (OAUTH-13, OAUTH-16).
fn noise(trap: &str) -> Vec<(&'static str, Value)> {
    let html = json!({"Content-Type": "text/html"});
    let kind = json!({"Content-Type": "application/json"});
    let error = json!({"error": "invalid_grant", "error_description": TOLD, "error_uri": format!("https://evil.test/{TOLD}")});
    vec![
        ("an error with a story", json!({"status": 400, "headers": kind, "body": error.to_string()})),
        ("a fault", json!({"status": 500, "headers": html, "body": format!("<h1>{TOLD}</h1>")})),
        ("a page", json!({"status": 200, "headers": html, "body": format!("<h1>{TOLD}</h1>")})),
        ("half a document", json!({"status": 200, "headers": kind, "body": format!("{{\"id_token\": \"{TOLD}")})),
        ("an empty document", json!({"status": 200, "headers": kind, "body": "{}"})),
        ("257 KiB", json!({"huge": 257 * 1024})),
        ("a redirect elsewhere", json!({"status": 302, "headers": {"Location": format!("{trap}/{TOLD}")}})),
        ("a redirect to the cloud", json!({"status": 307, "headers": {"Location": "http://169.254.169.254/latest/meta-data/"}})),
    ]
}

#[test]
fn oauth_13_whatever_a_provider_says_the_answer_is_one_and_nobody_is_signed_in() {
    let stage = Stage::start();
    let trap = EchoUpstream::start("trap");
    let mut answers = Vec::new();
    // Before anything good has been learnt: the first looks at what the provider is.
    for (what, order) in noise(&trap.url()) {
        stage.mock.order(&json!({"at": {"/.well-known/openid-configuration": order}}));
        let reply = stage.house.client().post_json(START, &json!({}));
        assert!(reply.status == 400 || reply.status == 503, "{what}: {reply:?}");
        assert!(reply.all("set-cookie").is_empty(), "{what}: {reply:?}");
    }
    for lie in
        [json!({"issuer": "https://evil.test"}), json!({"issuer": null}), json!({"token_endpoint": "https://evil.test/token"})]
    {
        stage.mock.order(&json!({"discovery": lie}));
        let reply = stage.house.client().post_json(START, &json!({}));
        assert!(reply.status == 400 || reply.status == 503, "{lie}: {reply:?}");
    }
    for (what, order) in noise(&trap.url()) {
        answers.push((what, stage.sign_in_under(&json!({"at": {"/jwks": order}}))));
    }
    for (what, order) in noise(&trap.url()) {
        answers.push((what, stage.sign_in_under(&json!({"at": {"/token": order}}))));
    }
    for (what, order) in noise(&trap.url()) {
        // Asked only where the token does not say the address.
        answers.push((what, stage.sign_in_under(&json!({"claims": {"email": null}, "at": {"/userinfo": order}}))));
    }
    let lies = lies_of_the_token();
    for (what, _, orders) in &lies {
        answers.push((*what, stage.sign_in_under(orders)));
    }
    // OAUTH-16: ten seconds, however busily it drips.
    let begun = std::time::Instant::now();
    answers.push(("a slow one", stage.sign_in_under(&json!({"at": {"/token": {"slow": 40}}}))));
    assert!(begun.elapsed().as_secs() < 25, "{:?}", begun.elapsed());
    for (what, reply) in &answers {
        assert_failed(reply, what);
        assert_eq!(constant_part(reply), constant_part(&answers[0].1), "{what} differs from {}", answers[0].0);
    }
    // Each was refused for what it was, and not for something before it.
    let noise = |first, empty| [first, "server_error", "media_type", "malformed", empty, "too_large", "redirect", "redirect"];
    let discovery = ["describes_another", "malformed", "foreign_host"];
    let endpoints = [noise("status", "malformed"), noise("invalid_grant", "token_type"), noise("status", "malformed")].concat();
    let of_lies: Vec<&str> = lies.iter().map(|(_, reason, _)| *reason).collect();
    let expected = [&noise("status", "malformed")[..], &discovery, &endpoints, &of_lies, &["slow"]].concat();
    assert_eq!(reasons(&stage.house), expected);
    assert!(trap.octets().is_empty(), "nobody follows: {:?}", trap.requests());
    stage.assert_honest_sign_in();
    assert_silent(&stage);
}

/// Why each sign-in failed in the words of the trail, the first one first.
fn reasons(house: &House) -> Vec<String> {
    let output = house.command(&["audit", "search", "--event", "oauth.failed", "--limit", "1000", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let entry = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let mut told: Vec<(u64, String)> = text
        .lines()
        .map(entry)
        .map(|entry| (entry["seq"].as_u64().unwrap(), entry["reason"].as_str().unwrap_or_default().to_owned()))
        .collect();
    told.sort();
    told.into_iter().map(|(_, reason)| reason).collect()
}

/// LOG-09: nothing of what the provider wrote, nor of what it was asked with, is in any file or line of the house.
#[track_caller]
fn assert_silent(stage: &Stage) {
    let secrets = [Canary::new("the provider's words", TOLD), Canary::new("the client's secret", CLIENT_SECRET)];
    let house = &stage.house;
    let trail = house.command(&["audit", "export", "--format", "jsonl"]).stdout;
    let mut sinks = vec![("log".to_owned(), house.stderr().into_bytes()), ("trail".to_owned(), trail)];
    let read = |path: std::path::PathBuf| std::fs::read(&path).ok().map(|octets| (path.display().to_string(), octets));
    sinks.extend(files_below(&house.data_dir()).into_iter().filter_map(read));
    let look = |(name, octets): &(String, Vec<u8>)| secrets.iter().flat_map(|s| s.search(name, octets)).collect::<Vec<Hit>>();
    let hits: Vec<Hit> = sinks.iter().flat_map(look).collect();
    assert!(hits.is_empty(), "{hits:#?}");
}

/// OAUTH-02 over the wire; and OAUTH-05, since what names the provider is bound in the same way.
#[test]
fn oauth_02_a_state_is_good_once_in_the_browser_that_asked_for_it() {
    let stage = Stage::start();
    let callback = |client: &mut Client, body: &Value| client.post_json(CALLBACK, body);
    let (mut client, back) = stage.there_and_back();
    let right = answer_of(&back);
    let (mut other, others) = stage.there_and_back();
    for (what, body) in [
        ("another browser's state", json!({"code": right["code"], "state": others.parameter("state")})),
        ("no state", json!({"code": right["code"]})),
        ("an empty state", json!({"code": right["code"], "state": ""})),
        ("a changed state", json!({"code": right["code"], "state": changed(&back.parameter("state"))})),
        ("a list", json!({"code": right["code"], "state": [right["state"]]})),
        ("a wrong issuer", json!({"code": right["code"], "state": "A".repeat(43), "iss": "https://evil.test"})),
    ] {
        let reply = callback(&mut client.twin(), &body);
        assert!(matches!(reply.status, 400 | 422), "{what}: {reply:?}");
        assert!(reply.set_cookies(SESSION_COOKIE).is_empty(), "{what}: {reply:?}");
    }
    let cookieless = stage.house.client().post_json(CALLBACK, &right);
    assert_failed(&cookieless, "no cookie");
    assert_failed(&callback(&mut other, &right), "the state of another browser");
    let asked = stage.mock.asked();
    assert!(asked.iter().all(|line| !line.contains("/token")), "no code has been spent so far: {asked:?}");
    callback(&mut client, &right).expect(200);
    // The cookie of the first go put back in, as a thief would.
    let (mut again, back) = stage.there_and_back();
    let stolen = again.twin();
    callback(&mut again, &answer_of(&back)).expect(200);
    let mut thief = stolen;
    assert_failed(&callback(&mut thief, &answer_of(&back)), "a replay");
    // Two goes of one browser: the later one counts.
    let mut client = stage.house.client();
    let first = stage.mock.authorize(&stage.url(&mut client));
    let second = stage.mock.authorize(&stage.url(&mut client));
    assert_failed(&callback(&mut client.twin(), &answer_of(&first)), "the state of an earlier go");
    callback(&mut client, &answer_of(&second)).expect(200);
    // OAUTH-05: what says another issuer than the one that was asked is not its answer.
    let (mut client, back) = stage.there_and_back();
    let mut mixed = answer_of(&back);
    mixed["iss"] = json!("https://evil.test");
    assert_failed(&callback(&mut client, &mixed), "another issuer");
}

/// The same length, another letter.
fn changed(state: &str) -> String {
    let (first, rest) = state.split_at(1);
    format!("{}{rest}", if first == "A" { "B" } else { "A" })
}

#[test]
fn oauth_06_the_way_back_is_the_configured_one_whatever_a_request_says() {
    let stage = Stage::start();
    let wanted = format!("{}/account/oauth/mirage", stage.house.origin());
    let escaped: String = wanted.replace(':', "%3A").replace('/', "%2F");
    let evil = "https://evil.test/steal";
    for request in [
        Request::post(START).json(&json!({})).header("X-Forwarded-Host", "evil.test").header("Forwarded", "host=evil.test"),
        Request::post(&format!("{START}?redirect_uri={evil}")).json(&json!({})),
        Request::post(START).json(&json!({"redirect_uri": evil})),
        Request::post(START).json(&json!({"next": evil})),
    ] {
        let reply = stage.house.client().send(&request);
        if reply.status == 200 {
            let url = reply.json()["authorization_url"].as_str().unwrap().to_owned();
            let back = parameter(&url, "redirect_uri").unwrap();
            assert!(back == escaped || back == wanted, "{url}");
            assert!(!url.contains("evil"), "{url}");
        } else {
            assert!(matches!(reply.status, 400 | 422), "{reply:?}");
        }
    }
    let mut raw = stage.house.raw();
    raw.send("POST /api/auth/oauth/mirage/start HTTP/1.1\r\nHost: evil.test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(raw.reply().status, 421);
    // An address that nobody configured, and a name that only looks like one.
    for name in ["nobody", "MIRAGE", "mirage%2f..", "mirage."] {
        let reply = stage.house.client().post_json(&format!("/api/auth/oauth/{name}/start"), &json!({}));
        assert!(matches!(reply.status, 400 | 404 | 503), "{name}: {reply:?}");
        assert!(reply.all("set-cookie").is_empty(), "{name}: {reply:?}");
    }
    assert_detail(
        &stage.house.client().post_json(CALLBACK, &json!({"state": "A".repeat(43), "error": true})),
        400,
        "OAuth failed",
    );
}
