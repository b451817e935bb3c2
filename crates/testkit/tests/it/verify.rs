//! `doorward verify` beside the server: the whole program against a whole site that has an address of its own.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use doorward_testkit::{EchoUpstream, House, HouseBuilder};
use serde_json::{Value, json};

/// Domain of the accounts that a run makes.
const THROW_AWAY: &str = "doorward-verify.invalid";

struct Site {
    house: House,
    here: IpAddr,
    _desk: EchoUpstream,
}

/// What a run came to.
struct Run {
    code: Option<i32>,
    said: String,
    headers: Value,
    report: Value,
}

impl Site {
    fn start() -> Self {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real-parts/spa");
        Self::of(House::builder().files("web", &pages))
    }

    /// A site whose application is at this URL.
    fn before(url: &str) -> Self {
        Self::of(House::builder().upstream("web", url))
    }

    fn of(builder: HouseBuilder) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let of_process = u8::try_from(std::process::id() % 250).unwrap();
        let here = IpAddr::V4(Ipv4Addr::new(127, 77, of_process, 100 + NEXT.fetch_add(1, Ordering::Relaxed)));
        let desk = EchoUpstream::start("desk");
        let house = builder
            .at(here)
            .default_limits()
            .echo(&desk)
            .route("/", "web", "public")
            .route("/members/", "web", "signed-in")
            .gate("desk", "desk", "django-admin")
            .section("[audit]\nfile = \"audit.jsonl\"\nanchor_file = \"anchors\"")
            .start();
        Self { house, here, _desk: desk }
    }

    fn verify(&self, more: &[&str]) -> Run {
        let out = self.house.folder().join("meta");
        let output = self.house.verify_at(self.here, &out, 200, more);
        let read = |name: &str| serde_json::from_str(&std::fs::read_to_string(out.join(name)).unwrap()).unwrap();
        Run {
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
            headers: read("security-headers.json"),
            report: read("verification-report.json"),
        }
    }

    fn verify_with_log(&self) -> Run {
        self.verify(&["--log", self.house.log_file().to_str().unwrap()])
    }

    /// How many accounts of runs there are.
    fn throw_away_accounts(&self) -> usize {
        let output = self.house.command(&["user", "list", "--json"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains(THROW_AWAY)).count()
    }
}

impl Run {
    #[track_caller]
    fn verdict(&self, row: &str) -> &str {
        let found = self.report["checks"].as_array().unwrap().iter().find(|check| check["id"] == row);
        found.unwrap_or_else(|| panic!("{row} was not looked at:\n{}", self.said))["verdict"].as_str().unwrap()
    }

    #[track_caller]
    fn assert_fails(&self, row: &str, line: &str) {
        assert_eq!(
            (self.code, &self.headers["ok"], &self.report["ok"]),
            (Some(1), &json!(false), &json!(false)),
            "{}",
            self.said
        );
        assert_eq!(self.verdict(row), "fail");
        let failures: Vec<_> = self.headers["failures"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(failures.contains(&line), "{failures:#?}");
    }
}

#[test]
fn a_healthy_site_is_verified_beside_its_server_within_a_minute_and_no_account_of_the_run_is_left() {
    let site = Site::start();
    let started = Instant::now();
    let run = site.verify_with_log();
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert_eq!(run.headers["failures"], json!([]), "{}", run.said);
    assert_eq!((&run.headers["ok"], run.code), (&json!(true), Some(0)), "{}", run.said);
    // Nothing looks at the recovery of a limit yet, and the report does not claim so.
    assert_eq!(run.report["artifacts"]["missing"], json!(["VER-10"]));
    assert_eq!(run.report["summary"]["fail"], 0);
    assert_eq!(run.report["exposure"]["unexpected"], json!([]));
    assert_eq!(run.report["audit"]["chain_ok"], true);
    assert_eq!(run.report["audit"]["events_seen"], run.report["audit"]["events_expected"]);
    assert_eq!(run.report["secrets_scan"]["hits"], 0);
    assert_eq!(run.report["secrets_scan"]["sinks"], json!(["store", "trail", "log", "metrics"]));
    assert_eq!(site.throw_away_accounts(), 0);
    let mail = site.house.command(&["mail", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&mail.stdout).contains(THROW_AWAY), "{mail:?}");
}

#[test]
fn ver_09_a_listener_or_a_path_that_nobody_declared_fails_the_run() {
    let site = Site::start();
    let redis = TcpListener::bind((site.here, 6379)).unwrap();
    let run = site.verify_with_log();
    run.assert_fails("EXPO-12", "exposure-ports: ports: open and not declared: 6379/tcp");
    assert_eq!(run.report["exposure"]["unexpected"], json!(["6379/tcp"]));
    drop(redis);
}

#[test]
fn ver_12_a_secret_that_one_sink_holds_fails_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app.log");
    std::fs::write(&log, "").unwrap();
    let site = Site::before(&leaky(log.clone()));
    let run = site.verify(&["--log", log.to_str().unwrap()]);
    // Query, cookie and credentials of one request.
    run.assert_fails("VER-12", "canary-log: log: 3 of the secrets that the run planted are in there");
    assert_eq!(run.report["secrets_scan"]["hits"], 3);
    let planted = std::fs::read_to_string(&log).unwrap();
    let query = planted.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    assert_eq!(query.len(), 32);
    for text in [run.said.clone(), run.headers.to_string(), run.report.to_string()] {
        assert!(!text.contains(query), "what was planted is in no report");
    }
}

/// An application that logs every head as it comes, before it answers; its URL.
fn leaky(log: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = Vec::new();
            let mut octet = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut octet).is_ok() {
                head.push(octet[0]);
            }
            std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&head).unwrap();
            let body = if head.starts_with(b"HEAD") { "" } else { "ok" };
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn from_afar_nothing_of_the_store_is_opened() {
    let site = Site::start();
    let run = site.verify(&["--from-afar"]);
    assert_eq!(run.headers["failures"], json!([]), "{}", run.said);
    assert_eq!((&run.report["audit"], &run.report["secrets_scan"]), (&Value::Null, &Value::Null));
    std::fs::rename(site.house.data_dir().join("doorward.db"), site.house.folder().join("away.db")).unwrap();
    let run = site.verify(&[]);
    assert!(run.said.contains("looking from outside alone: the site's database is not on this machine"), "{}", run.said);
    assert_eq!(run.code, Some(1));
    assert!(!site.house.data_dir().join("doorward.db").exists(), "nothing was made");
}
