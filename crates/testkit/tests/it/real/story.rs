//! One site, from sign-up to verification of what is on the wire.

use std::path::{Path, PathBuf};

use doorward_testkit::browser::Browser;
use doorward_testkit::real::{Server, sources};
use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, CSRF_COOKIE, Client, House, INSIDE, OUTSIDE, Request, SESSION_COOKIE, basic_auth, free_port,
};
use serde_json::{Value, json};

const ADDRESS: &str = "ada@example.com";
const PASSWORD: &str = "seven tall ferns stand by the north wall";
const DJANGO_USER: &str = "root";
const DJANGO_PASSWORD: &str = "one quiet lamp above the long stairs";

struct Site {
    house: House,
    api: Server,
    _django: Server,
    _folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let api = Server::fastapi(folder.path());
        // Django wants to know how browsers reach it before the door is there.
        let port = free_port();
        let django = Server::django(folder.path(), &format!("https://django.app.test:{port}"), DJANGO_USER, DJANGO_PASSWORD);
        let house = House::builder()
            .https_port(port)
            // As delivered: verify uses this quota up to see the answer 429.
            .limit("auth_csrf", "60/min")
            .files("web", &sources().join("spa"))
            .upstream("api", &api.url())
            .upstream("django", &django.url())
            .route("/", "web", "public")
            .route("/api/", "api", "identified")
            .gate("django", "django", "django-admin")
            .start();
        Self { house, api, _django: django, _folder: folder }
    }

    /// What reached FastAPI, asked for behind the door's back.
    fn arrivals(&self) -> Vec<Value> {
        let mut raw = doorward_testkit::RawClient::plain(self.api.address(), INSIDE).unwrap();
        let reply = raw.ask(format!("GET /seen HTTP/1.1\r\nHost: {}\r\n\r\n", self.api.address()));
        reply.json().as_array().unwrap().clone()
    }
}

/// Pictures for people to look at, beside the other results of a build.
fn picture(browser: &Browser, name: &str) {
    let exe = std::env::current_exe().unwrap();
    let target = exe.ancestors().find(|folder| folder.ends_with("target")).map_or_else(std::env::temp_dir, Path::to_owned);
    browser.picture(&target.join("screens").join(format!("{name}.png")));
}

#[test]
fn a_person_signs_up_signs_in_and_uses_the_app_and_nobody_gets_round_the_door() {
    let mut site = Site::start();
    let browser = Browser::start();
    sign_up(&site, &browser);
    sign_in(&site, &browser);
    use_the_api(&site, &browser);
    forge(&site, &browser);
    administrate(&site);
    administrate_in_the_browser(&site, &browser);
    verify(&mut site);
}

fn sign_up(site: &Site, browser: &Browser) {
    let origin = site.house.origin();
    browser.go(&origin);
    browser.wait_for_text("Signed out");
    picture(browser, "app-signed-out");
    browser.go(&format!("{origin}/account/sign-up"));
    picture(browser, "sign-up");
    browser.type_into("input[name=email]", ADDRESS);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("main button[type=submit]");
    browser.wait_for_text("mail");
    picture(browser, "check-mail");
    assert!(!browser.cookies().iter().any(|cookie| cookie["name"] == SESSION_COOKIE), "not signed in by signing up");

    let mail = site.house.mailbox().wait_for(ADDRESS);
    browser.go(&mail.link());
    browser.wait_for_text("confirm");
    picture(browser, "verify");
    browser.click("main button[type=submit]");
    browser.wait_for_text("sign in");
    picture(browser, "verified");
    assert!(!browser.url().contains(&mail.token()), "the token has left the address bar: {}", browser.url());
    assert_no_complaints(browser);
}

fn sign_in(site: &Site, browser: &Browser) {
    let origin = site.house.origin();
    browser.go(&format!("{origin}/account/sign-in?next=/"));
    picture(browser, "sign-in");
    browser.type_into("input[name=email]", ADDRESS);
    browser.type_into("input[name=password]", "not the password at all");
    browser.click("main button[type=submit]");
    browser.wait_for_text("not");
    picture(browser, "sign-in-refused");
    // A refusal is a 401 by design, which Chromium mentions among its complaints.
    let _ = browser.complaints();
    browser.type_into("input[name=email]", ADDRESS);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("main button[type=submit]");
    browser.wait_for_text(&format!("Signed in as {ADDRESS}"));
    assert_eq!(browser.url(), format!("{origin}/"));
    let cookies = browser.cookies();
    let session = cookies.iter().find(|cookie| cookie["name"] == SESSION_COOKIE).expect("a session cookie");
    assert_eq!((&session["httpOnly"], &session["secure"]), (&json!(true), &json!(true)), "{session}");
    assert!(!browser.script("return document.cookie").as_str().unwrap().contains(SESSION_COOKIE), "out of script's reach");
    browser.go(&format!("{origin}/account"));
    browser.wait_for_text(ADDRESS);
    picture(browser, "account");
    browser.go(&format!("{origin}/"));
    browser.wait_for_text(&format!("Signed in as {ADDRESS}"));
    assert_no_complaints(browser);
}

fn use_the_api(site: &Site, browser: &Browser) {
    browser.wait_for_text("x-doorward-email");
    let text = browser.text();
    assert!(text.contains(ADDRESS) && text.contains("x-doorward-assertion"), "the API sees the user: {text}");
    picture(browser, "app-signed-in");

    browser.type_into("#text", "buy milk");
    browser.click("#forge");
    browser.wait_for_text("403: CSRF failed");
    assert_eq!(site.arrivals(), Vec::<Value>::new(), "a POST without the header never reached FastAPI");
    picture(browser, "app-refused");
    // The refusal is a 403 by design, which Chromium mentions among its complaints.
    let _ = browser.complaints();
    browser.click("#add");
    browser.wait_for_text("200: arrived 1");
    assert_eq!(site.arrivals(), [json!({"user": ADDRESS, "text": "buy milk"})]);
    assert_no_complaints(browser);
}

/// The same session in hands that are no browser.
fn forge(site: &Site, browser: &Browser) {
    let mut thief = site.house.client_from(OUTSIDE);
    for cookie in browser.cookies() {
        thief.set_cookie(cookie["name"].as_str().unwrap(), cookie["value"].as_str().unwrap());
    }
    let note = Request::post("/api/notes").json(&json!({"text": "forged"}));
    thief.send(&note).expect(403);
    thief.send(&note.clone().header("X-CSRF-Token", "guess")).expect(403);
    thief.send(&note.clone().csrf().header("Sec-Fetch-Site", "cross-site")).expect(403);
    thief.send(&note.clone().csrf().header("Origin", "https://evil.test")).expect(403);
    let mut stranger = site.house.client();
    let forged = Request::get("/api/whoami").header("X-Doorward-Email", "root@app.test").header("X_Doorward_User", "root");
    let seen = stranger.send(&forged).expect(200).text();
    assert!(!seen.contains("root"), "a client's own identity fields never arrive: {seen}");
    assert_eq!(site.arrivals().len(), 1);
    assert!(thief.cookie(CSRF_COOKIE).is_some());
}

fn keeper() -> String {
    basic_auth(ADMIN_USER, ADMIN_PASSWORD)
}

fn administrate(site: &Site) {
    let right = Request::get("/admin/login/").header("Authorization", &keeper());
    site.house.client_of("django", OUTSIDE).send(&right).expect(403);
    let mut inside = site.house.client_of("django", INSIDE);
    inside.get("/admin/login/").expect(401);
    inside.get("/static/admin/css/base.css").expect(401);
    site.house.client().get("/admin/login/").expect(404);
    let page = inside.send(&right).expect(200);
    assert!(page.text().contains("csrfmiddlewaretoken"), "{page:?}");
    let token =
        page.text().split("csrfmiddlewaretoken\" value=\"").nth(1).and_then(|rest| rest.split('"').next().map(str::to_owned));
    let form = [
        ("csrfmiddlewaretoken", token.as_deref().unwrap()),
        ("username", DJANGO_USER),
        ("password", DJANGO_PASSWORD),
        ("next", "/admin/"),
    ];
    let login = Request::post("/admin/login/").header("Authorization", &keeper()).form(&form);
    let origin = format!("https://{}", site.house.authority_of("django"));
    inside.send(&login.clone().header("Origin", "https://evil.test")).expect(403);
    let reply = inside.send(&login.header("Origin", &origin)).expect(302);
    assert_eq!(reply.header("location"), Some("/admin/"), "{reply:?}");
    let index = inside.send(&Request::get("/admin/").header("Authorization", &keeper())).expect(200);
    assert!(index.text().contains("Site administration"), "{index:?}");
    assert!(index.header("strict-transport-security").is_some(), "{index:?}");
}

fn administrate_in_the_browser(site: &Site, browser: &Browser) {
    let host = site.house.authority_of("django");
    // Chromium answers the gate's challenge with what the address carries, and keeps it for the host.
    let password = ADMIN_PASSWORD.replace(' ', "%20");
    browser.go(&format!("https://{ADMIN_USER}:{password}@{host}/admin/login/?next=/admin/"));
    browser.type_into("input[name=username]", DJANGO_USER);
    browser.type_into("input[name=password]", DJANGO_PASSWORD);
    picture(browser, "django-login");
    browser.click("input[type=submit]");
    browser.wait_for_text("Site administration");
    picture(browser, "django-admin");
    browser.go(&format!("https://{host}/admin/auth/user/add/"));
    browser.wait_for_text("Add user");
    picture(browser, "django-add-user");
    browser.type_into("input[name=username]", "clerk");
    browser.type_into("input[name=password1]", PASSWORD);
    browser.type_into("input[name=password2]", PASSWORD);
    browser.click("input[name=_save]");
    browser.wait_for_text("was added successfully");
    browser.type_into("input[name=first_name]", "Carla");
    browser.click("input[name=_save]");
    browser.wait_for_text("was changed successfully");
    browser.wait_for_text("2 users");
    assert!(browser.text().contains("Carla"), "the list shows what was changed: {}", browser.text());
    picture(browser, "django-list");
    let refused: Vec<_> = browser.complaints().into_iter().filter(|text| text.contains("Content Security Policy")).collect();
    assert!(refused.is_empty(), "the admin works under its policy: {refused:?}");
}

fn verify(site: &mut Site) {
    let out = site.house.folder().join("meta");
    let run = site.house.verify(&out, 404);
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{said}");
    let report = read(&out);
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(report["failures"], json!([]));
    assert_eq!(report["schema"], "doorward/security-headers/1");
    compare_with_the_wire(site, &report);

    let weak =
        "default-src 'self'; script-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    site.house.restart_with(|text| format!("{text}\n[headers]\ndanger_content_security_policy = \"{weak}\"\n"));
    let run = site.house.verify(&out, 404);
    assert_eq!(run.status.code(), Some(1), "a weakened policy is a deviation");
    let report = read(&out);
    assert_eq!(report["ok"], false);
    let failures = report["failures"].to_string();
    assert!(failures.contains("content-security-policy") && failures.contains("root-get"), "{failures}");
}

fn read(out: &Path) -> Value {
    let file: PathBuf = out.join("security-headers.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n'), "the file ends with a line end");
    for secret in [ADMIN_PASSWORD, PASSWORD, keeper().trim_start_matches("Basic ")] {
        assert!(!text.contains(secret));
    }
    serde_json::from_str(&text).unwrap()
}

/// What the file says was observed is what a client of our own observes (VER-01).
fn compare_with_the_wire(site: &Site, report: &Value) {
    let mut client: Client = site.house.client_from(OUTSIDE);
    for (key, path) in [("root", "/"), ("apiHealth", "/api/health")] {
        let reply = client.get(path).expect(200);
        let short = &report["headers"][key];
        for (name, field) in [
            ("csp", "content-security-policy"),
            ("hsts", "strict-transport-security"),
            ("xfo", "x-frame-options"),
            ("xcto", "x-content-type-options"),
            ("pp", "permissions-policy"),
            ("rp", "referrer-policy"),
        ] {
            assert_eq!(short[name].as_str(), reply.header(field), "{key} {field}");
        }
    }
    let gates: Vec<_> = report["probes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|probe| probe["request"]["url"].as_str().is_some_and(|url| url.contains("django")))
        .collect();
    let statuses = |vantage: &str| {
        gates
            .iter()
            .filter(|probe| probe["vantage"] == vantage)
            .map(|probe| probe["response"]["status"].clone())
            .collect::<Vec<_>>()
    };
    assert!(statuses("outside").iter().all(|status| *status == 403), "{gates:?}");
    assert!(statuses("inside").contains(&json!(401)), "{gates:?}");
}

#[track_caller]
fn assert_no_complaints(browser: &Browser) {
    let complaints = browser.complaints();
    // Being signed out is answered with 401, which Chromium mentions.
    let real: Vec<_> = complaints.iter().filter(|text| !text.contains("/api/auth/me")).collect();
    assert!(real.is_empty(), "{real:?}");
}
