//! The four UIs of the guide as they are, each behind its gate with its header profile, in a browser.

use std::path::Path;
use std::time::Duration;

use doorward_testkit::browser::Browser;
use doorward_testkit::real::{Flower, POSTGRES_PASSWORD, Postgres, Server};
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, House, INSIDE, OUTSIDE, Reply, Request, basic_auth};

const USER: &str = "dba@app.test";
const PASSWORD: &str = "copper bells over quiet water";

/// A key that is no letter (WebDriver §17.4.2).
const F5: &str = "\u{e035}";

struct Site {
    house: House,
    database: String,
    flower: Flower,
    _servers: [Server; 2],
    _postgres: Postgres,
    _folders: [tempfile::TempDir; 3],
}

impl Site {
    fn start() -> Self {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [of_pgadmin, of_flower, of_traefik] = folders.each_ref().map(tempfile::TempDir::path);
        let postgres = Postgres::start();
        let database = postgres.database();
        // pgAdmin takes as long as all others together.
        let (pgadmin, flower, traefik) = std::thread::scope(|scope| {
            let pgadmin = scope.spawn(|| Server::pgadmin(of_pgadmin, &postgres, &database, USER, PASSWORD));
            let flower = Flower::start(of_flower);
            let traefik = Server::traefik(of_traefik);
            (pgadmin.join().unwrap(), flower, traefik)
        });
        let allow = "allow = [\"127.0.0.1/32\"]";
        let house = House::builder()
            .upstream("pgadmin", &pgadmin.url())
            .upstream("flower", &flower.server().url())
            .upstream("traefik", &traefik.url())
            .gate_with("pga", "pgadmin", "pgadmin", allow)
            .gate_with("flw", "flower", "flower", allow)
            .gate_with("dash", "traefik", "traefik", &format!("{allow}\npaths = [\"/dashboard/\", \"/api/\"]"))
            .start();
        Self { house, database, flower, _servers: [pgadmin, traefik], _postgres: postgres, _folders: folders }
    }

    /// Asks as the gate's user.
    fn ask(&self, label: &str, target: &str) -> Reply {
        self.house.client_of(label, INSIDE).send(&Request::get(target).header("Authorization", &keeper()))
    }

    /// Opens a page as the gate's user, who answers the gate's challenge once.
    fn open(&self, browser: &Browser, label: &str, path: &str) {
        let host = self.house.authority_of(label);
        browser.go(&format!("https://{ADMIN_USER}:{}@{host}{path}", ADMIN_PASSWORD.replace(' ', "%20")));
        // A page whose own address holds a password cannot fetch anything, and says so: what counts is what follows.
        let _ = browser.complaints();
        browser.go(&format!("https://{host}{path}"));
    }
}

fn keeper() -> String {
    basic_auth(ADMIN_USER, ADMIN_PASSWORD)
}

/// Pictures for people to look at, beside the other results of a build.
fn picture(browser: &Browser, name: &str) {
    let exe = std::env::current_exe().unwrap();
    let target = exe.ancestors().find(|folder| folder.ends_with("target")).map_or_else(std::env::temp_dir, Path::to_owned);
    browser.picture(&target.join("screens").join(format!("{name}.png")));
}

/// Nothing that a page did was against a policy, and no script of it broke. `expected` are addresses that it shall not reach.
#[track_caller]
fn assert_at_ease(browser: &Browser, expected: &[&str]) {
    let is_serious = |text: &String| {
        [
            "Content Security Policy",
            "violation of a policy",
            "X-Frame-Options",
            "Framing",
            "Uncaught",
            "TypeError",
            "ReferenceError",
        ]
        .iter()
        .any(|word| text.contains(word))
    };
    let serious: Vec<_> = browser.complaints().into_iter().filter(is_serious).collect();
    let odd: Vec<_> = serious.iter().filter(|text| !expected.iter().any(|word| text.contains(word))).collect();
    assert!(odd.is_empty(), "{odd:#?}");
}

#[test]
fn pgadmin_flower_and_traefik_work_in_a_browser_behind_their_gates_without_one_violation() {
    let site = Site::start();
    turn_strangers_away(&site);
    talk_to_the_sockets_of_pgadmin(&site);
    let browser = Browser::start();
    browser.watch_policies();
    look_at_flower(&site, &browser);
    look_at_traefik(&site, &browser);
    query_with_pgadmin(&site, &browser);
}

/// What these UIs answer without any login of their own is behind the gate as well.
fn turn_strangers_away(site: &Site) {
    for (label, path) in [
        ("flw", "/metrics"),
        ("flw", "/healthcheck"),
        ("flw", "/workers"),
        ("pga", "/misc/ping"),
        ("pga", "/socket.io/?EIO=4&transport=polling"),
        ("pga", "/static/favicon.ico"),
        ("dash", "/api/rawdata"),
        ("dash", "/dashboard/"),
    ] {
        assert_eq!(site.house.client_of(label, INSIDE).get(path).status, 401, "{label}{path}");
        let right = Request::get(path).header("Authorization", &keeper());
        assert_eq!(site.house.client_of(label, OUTSIDE).send(&right).status, 403, "{label}{path}");
        assert_eq!(site.ask(label, path).status, 200, "{label}{path}");
    }
    assert_eq!(site.ask("dash", "/ping").status, 404, "only the listed paths are there");
}

/// `/socket.io/` of pgAdmin answers anybody with any origin: only the gate stands between.
fn talk_to_the_sockets_of_pgadmin(site: &Site) {
    let host = site.house.authority_of("pga");
    let polled = site.ask("pga", "/socket.io/?EIO=4&transport=polling").expect(200);
    assert!(polled.text().contains("\"sid\""), "long polling passes: {polled:?}");
    assert!(polled.names().iter().all(|name| !name.to_ascii_lowercase().starts_with("access-control-")), "{polled:?}");
    let upgrade = |more: &str| {
        let mut raw = site.house.raw_from(INSIDE, "pga.app.test");
        raw.send(format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        ));
        let reply = raw.reply();
        (raw, reply.status)
    };
    let (own, evil) = (format!("Origin: https://{host}\r\n"), "Origin: https://evil.test\r\n");
    let right = format!("Authorization: {}\r\n", keeper());
    assert_eq!(upgrade(&own).1, 401);
    assert_eq!(upgrade(&format!("{evil}{right}")).1, 403);
    assert_eq!(upgrade(&right).1, 403);
    let (mut raw, status) = upgrade(&format!("{own}{right}"));
    assert_eq!(status, 101);
    // A text frame of a server (RFC 6455 §5.2) that opens a session of engine.io.
    let head = raw.read_exact(3).unwrap();
    assert_eq!((head[0], head[2]), (0x81, b'0'), "{head:?}");
}

fn look_at_flower(site: &Site, browser: &Browser) {
    assert_eq!(site.flower.run_a_task(), "5");
    site.open(browser, "flw", "/workers");
    browser.wait_for_text("celery@");
    browser.wait_for_text("Online");
    picture(browser, "flower-workers");
    browser.go(&format!("https://{}/tasks", site.house.authority_of("flw")));
    browser.wait_for_text("tasks.add");
    browser.wait_for_text("SUCCESS");
    picture(browser, "flower-tasks");
    browser.click("#tasks-table a[href*='/task/']");
    browser.wait_for_text("(2, 3)");
    picture(browser, "flower-task");
    browser.go(&format!("https://{}/broker", site.house.authority_of("flw")));
    browser.wait_for_text("celery");
    assert_at_ease(browser, &[]);
}

fn look_at_traefik(site: &Site, browser: &Browser) {
    // Whatever settings say, the dashboard looks for a demonstration in another place and would run what it finds there.
    let elsewhere = ["https://traefik.github.io/", "scriptVerificationWorker", "Worker verification failed"];
    site.open(browser, "dash", "/dashboard/");
    browser.wait_for_text("Entrypoints");
    browser.wait_for_text("100%");
    picture(browser, "traefik-overview");
    browser.go(&format!("https://{}/dashboard/#/http/routers", site.house.authority_of("dash")));
    browser.wait_for_text("shop@file");
    picture(browser, "traefik-routers");
    assert_at_ease(browser, &elsewhere);
}

/// Opens the first branch at this depth of the tree. A page that is still being built hears no click.
#[track_caller]
fn open_branch(browser: &Browser, depth: u8, shown: &str) {
    let label = format!(".file-entry.depth-{depth} .file-name");
    for _ in 0..8 {
        browser.double_click(&label);
        for _ in 0..40 {
            if browser.has(shown) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    panic!("{shown} does not come of {label}:\n{}", browser.text());
}

fn query_with_pgadmin(site: &Site, browser: &Browser) {
    let page = site.ask("pga", "/login").expect(200);
    let policies = page.all("content-security-policy");
    assert!(policies.len() == 2 && policies[0].contains("'nonce-"), "its own, and ours: {policies:?}");
    assert_eq!(policies[1], "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'");
    site.open(browser, "pga", "/login");
    browser.type_into("input[name=email]", USER);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[name=internal_button]");
    browser.wait_for_text("Object Explorer");
    open_branch(browser, 1, ".file-entry.depth-2");
    assert!(browser.text().contains(&site.database));
    open_branch(browser, 2, "[role=dialog] input[type=password]");
    browser.type_into("[role=dialog] input[type=password]", POSTGRES_PASSWORD);
    picture(browser, "pgadmin-connect");
    browser.click("[role=dialog] button[data-test=save]");
    browser.wait_for_text("Databases");
    picture(browser, "pgadmin-tree");
    open_branch(browser, 3, ".file-entry.depth-4");
    browser.click(".file-entry.depth-4 .file-name");
    browser.click("button[aria-label='Query Tool']:not([disabled])");
    browser.enter_frame("iframe[id^=id-query-tool]");
    browser.press(".cm-content", "select 6 * 7 as answer, current_user as who");
    browser.press(".cm-content", F5);
    browser.wait_for_text("42");
    browser.wait_for_text("Total rows: 1");
    picture(browser, "pgadmin-query");
    browser.leave_frame();
    assert_at_ease(browser, &[]);
}
