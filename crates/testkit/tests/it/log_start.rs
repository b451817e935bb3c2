//! What a process shows of its secrets when it starts, is asked about them, or is looked at from beside (LOG-11); and what a look at the
//! live site writes down (LOG-14).

use std::path::Path;
use std::process::{Command, Output, Stdio};

use doorward_testkit::canary::{Canary, Hit, files_below};
use doorward_testkit::real::{POSTGRES_PASSWORD, Postgres, REDIS_PASSWORD, Redis};
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Act, House, SESSION_COOKIE, Start, basic_auth, binary};
use serde_json::{Value, json};

use crate::site::Site;

const MASTER_KEY: &[u8] = b"canary-master-key-Zq8Wn3Lk7Vt2Xp5Rb9Ym4Hd6";
const INLINE: &str = "canary-inline-Hd6Ym4Rb9Xp5Vt2Lk7Wn3Zq8";

fn searched(secrets: &[Canary], sink: &str, octets: &[u8]) -> Vec<Hit> {
    secrets.iter().flat_map(|secret| secret.search(sink, octets)).collect()
}

/// The secrets of a house of real servers, and the key of its certificate.
fn secrets(house: &House) -> Vec<Canary> {
    let tls_key = std::fs::read_to_string(house.folder().join("site.key")).unwrap();
    let middle = tls_key.lines().nth(1).unwrap().to_owned();
    let hash = std::fs::read_to_string(house.folder().join("gate.htpasswd")).unwrap();
    let hash = hash.trim_end().split_once(':').unwrap().1.to_owned();
    vec![
        Canary::new("master key", MASTER_KEY),
        Canary::new("database password", POSTGRES_PASSWORD),
        Canary::new("counters password", REDIS_PASSWORD),
        Canary::new("gate password", ADMIN_PASSWORD),
        Canary::new("gate hash", hash),
        Canary::new("TLS key", middle),
    ]
}

/// The binary with the master key in a variable, as a house may have it.
fn run(folder: &Path, config: &Path, words: &[&str]) -> Output {
    Command::new(binary())
        .current_dir(folder)
        .arg("--config")
        .arg(config)
        .args(words)
        .env("HOUSE_KEY", String::from_utf8_lossy(MASTER_KEY).into_owned())
        .env("DOORWARD_LOG", "trace")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Every command and every command below one, as the help tells.
fn commands(folder: &Path, config: &Path, above: &[String], found: &mut Vec<Vec<String>>) {
    let words: Vec<&str> = above.iter().map(String::as_str).chain(["--help"]).collect();
    let help = String::from_utf8(run(folder, config, &words).stdout).unwrap();
    found.push(above.to_vec());
    let Some((_, list)) = help.split_once("Commands:\n") else { return };
    for line in list.lines().take_while(|line| !line.trim().is_empty()) {
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        let Some(name) = line.split_whitespace().next().filter(|name| is_name && *name != "help") else { continue };
        commands(folder, config, &[above, &[name.to_owned()]].concat(), found);
    }
}

#[test]
fn log_11_no_secret_is_shown_at_start_in_help_in_arguments_or_to_children() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let house = House::builder()
        .postgres(&postgres)
        .redis(&redis)
        .gate("adm", "web", "strict")
        .upstream("web", "http://127.0.0.1:9")
        .log("trace")
        .edit("key_file = \"master.key\"", "key_env = \"HOUSE_KEY\"")
        .var("HOUSE_KEY", std::str::from_utf8(MASTER_KEY).unwrap())
        .start();
    let secrets = secrets(&house);
    let mut hits = searched(&secrets, "stdout", house.stdout().as_bytes());
    hits.extend(searched(&secrets, "stderr", house.stderr().as_bytes()));
    assert!(house.stdout().contains("ready"));
    // The process as `ps` shows it. It has no children, so that none inherits its environment; should it ever have one, its environment
    // is looked at.
    let process = format!("/proc/{}", house.pid());
    hits.extend(searched(&secrets, "argv", &std::fs::read(format!("{process}/cmdline")).unwrap()));
    for task in std::fs::read_dir(format!("{process}/task")).unwrap().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            for file in ["environ", "cmdline"] {
                let octets = std::fs::read(format!("/proc/{child}/{file}")).unwrap();
                hits.extend(searched(&secrets, &format!("{file} of a child"), &octets));
            }
        }
    }
    // Whoever may not trace the process may not read its environment either: it belongs to root, in whatever name it runs.
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(std::fs::metadata(format!("{process}/environ")).unwrap().uid(), 0);
    let mut found = Vec::new();
    commands(house.folder(), &house.config_file(), &[], &mut found);
    assert!(found.len() > 12, "{found:?}");
    for command in &found {
        for flag in ["--help", "--no-such-flag"] {
            let words: Vec<&str> = command.iter().map(String::as_str).chain([flag]).collect();
            let Output { stdout, stderr, .. } = run(house.folder(), &house.config_file(), &words);
            hits.extend(searched(&secrets, &words.join(" "), &[stdout, stderr].concat()));
        }
    }
    for words in
        [&["check"][..], &["check", "--json"], &["check", "--exposure"], &["check", "--exposure", "--json"], &["user", "list"]]
    {
        let Output { stdout, stderr, status } = run(house.folder(), &house.config_file(), words);
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        hits.extend(searched(&secrets, &words.join(" "), &[stdout, stderr].concat()));
    }
    assert!(hits.is_empty(), "{hits:#?}");
}

/// A secret in a place where none may be is refused without being repeated, on the screen and as JSON.
#[test]
fn log_11_a_secret_in_the_wrong_place_is_not_repeated() {
    let house = House::builder().section("[audit]\nfile = \"audit.jsonl\"").start();
    let good = std::fs::read_to_string(house.config_file()).unwrap();
    let planted = house.folder().join("planted.toml");
    let secret = [Canary::new("inline", INLINE)];
    let places = [
        ("key_file = \"master.key\"", format!("key = \"{INLINE}\"")),
        ("key_file = \"master.key\"", format!("key_file = \"master.key\"\nkey_env = \"{INLINE}\"")),
        ("key_file = \"master.key\"", format!("key_env = \"{INLINE}\"")),
        ("key_file = \"master.key\"", format!("key_file = [\"{INLINE}\"]")),
        ("url = \"sqlite\"", format!("url = \"postgres://doorward:{INLINE}@127.0.0.1/doorward\"")),
        ("url = \"sqlite\"", format!("url = \"postgres://doorward@127.0.0.1/doorward?password={INLINE}\"")),
        ("url = \"sqlite\"", format!("url = \"sqlite\"\npassword = \"{INLINE}\"")),
        ("url = \"memory\"", format!("url = \"redis://:{INLINE}@127.0.0.1:6379/0\"")),
        ("url = \"memory\"", format!("url = \"redis://127.0.0.1:6379/{INLINE}\"")),
        ("url = \"file\"", format!("url = \"smtp://house:{INLINE}@mail.test:587\"")),
        ("url = \"file\"", format!("url = \"smtp://house@mail.test:587\"\npassword = \"{INLINE}\"")),
        ("[accounts]\n", format!("[accounts]\nsecret_pepper = \"{INLINE}\"\n")),
        ("[accounts]\n", format!("[[upstream]]\nname = \"web\"\nurl = \"http://user:{INLINE}@127.0.0.1:1\"\n[accounts]\n")),
        ("[accounts]\n", format!("[[upstream]]\nname = \"web\"\nurl = \"http://127.0.0.1:1/?key={INLINE}\"\n[accounts]\n")),
        ("[accounts]\n", format!("[[upstream]]\nname = \"web\"\nurl = \"https://user:{INLINE}@127.0.0.1:1\"\n[accounts]\n")),
        ("\"\nenv = ", format!("/?key={INLINE}\"\nenv = ")),
        ("[accounts]\n", format!("[accounts]\n{{ key = \"{INLINE}\" }}\n")),
        ("[accounts]\n", format!("[accounts]\npassword = \"{INLINE}\n")),
    ];
    for (from, to) in &places {
        assert!(good.contains(from), "{from}");
        std::fs::write(&planted, good.replacen(from, to, 1)).unwrap();
        for words in [&["check"][..], &["check", "--json"], &["check", "--exposure", "--json"], &["serve"], &["user", "list"]] {
            let Output { status, stdout, stderr } = run(house.folder(), &planted, words);
            assert!(!status.success(), "{words:?} takes {}", to.replace(INLINE, "…"));
            let hits = searched(&secret, &words.join(" "), &[stdout, stderr].concat());
            assert!(hits.is_empty(), "{}: {hits:#?}", to.replace(INLINE, "…"));
        }
    }
    // The same by variables that override the file.
    for name in
        ["DOORWARD_SITE__KEY", "DOORWARD_STORE__PASSWORD", "DOORWARD_STORE__URL", "DOORWARD_SITE__KEY_FILE", "DOORWARD_NO_SUCH"]
    {
        for words in [&["check"][..], &["check", "--json"]] {
            let Output { stdout, stderr, .. } = Command::new(binary())
                .current_dir(house.folder())
                .arg("--config")
                .arg(house.config_file())
                .args(words)
                .env(name, format!("postgres://u:{INLINE}@h/d"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let hits = searched(&secret, name, &[stdout, stderr].concat());
            assert!(hits.is_empty(), "{hits:#?}");
        }
    }
}

#[test]
fn log_11_a_secret_that_is_refused_is_not_repeated() {
    for weak in
        ["change_me_canary_change_me_canary_change_me", "short-canary-key", "canary\u{0}canary-canary-canary-canary-canary"]
    {
        let start = House::builder().master_key(weak.as_bytes()).log("trace").try_start();
        let Start::Refused { stdout, stderr, .. } = start else { continue };
        let hits = searched(&[Canary::new("key", weak)], "output", format!("{stdout}{stderr}").as_bytes());
        assert!(hits.is_empty(), "{hits:#?}");
    }
}

/// Everything that an application behind the door may send and nobody may keep.
fn leaky(site: &Site, secrets: &[(&str, &str)]) -> Act {
    let value = |name: &str| secrets.iter().find(|(known, _)| *known == name).unwrap().1;
    let own = site.house.authority();
    let set_cookie = format!("sessionid={}; Path=/; Secure; HttpOnly; SameSite=Lax", value("cookie"));
    let location =
        format!("https://u:{}@{own}/cb?code={}&state={}#t={}", value("bearer"), value("code"), value("code"), value("code"));
    let body = format!("<!doctype html><title>x</title><p>{} {}", value("body"), value("cookie"));
    Act::answer(
        200,
        &[
            ("Content-Type", "text/html"),
            ("Set-Cookie", &set_cookie),
            ("Location", &location),
            ("Authorization", &format!("Bearer {}", value("bearer"))),
            ("X-Auth-Token", value("bearer")),
            ("X-Debug", &format!("last session {}", value("cookie"))),
            ("Link", &format!("<https://{own}/?code={}>; rel=next", value("code"))),
        ],
        &body,
    )
}

#[test]
fn log_14_what_a_verification_writes_holds_no_secret() {
    let planted = [
        ("cookie", "canaryCookie0Zq8Wn3Lk7Vt2Xp5Rb9Ym4Hd6"),
        ("code", "canaryCode00Ym4Hd6Rb9Xp5Vt2Lk7Wn3Zq8"),
        ("bearer", "canaryBearer0Lk7Vt2Zq8Wn3Hd6Xp5Rb9Ym4"),
        ("body", "canary body of a page, seven ferns"),
    ];
    let site = Site::with(|builder| builder.log("trace").master_key(MASTER_KEY));
    let mut member = site.house.member("ada@app.test");
    for upstream in site.upstreams() {
        for path in ["/", "/api/health", "/members/x", "/robots.txt"] {
            upstream.act(path, leaky(&site, &planted));
        }
    }
    member.get("/members/x");
    let gate = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    let mut secrets: Vec<_> = planted.iter().map(|(name, value)| Canary::new(name, *value)).collect();
    secrets.push(Canary::new("master key", MASTER_KEY));
    secrets.push(Canary::new("gate password", ADMIN_PASSWORD));
    secrets.push(Canary::new("gate credentials", gate.trim_start_matches("Basic ")));
    secrets.push(Canary::new("session", member.session()));
    secrets.push(Canary::new("CSRF value", member.csrf()));
    secrets.push(Canary::new("password", house_password(&site)));
    let out = site.house.folder().join("meta");
    let output = site.house.verify(&out, 200);
    let files = files_below(&out);
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["security-headers.json", "verification-report.json"]);
    let mut hits = searched(&secrets, "screen", &[output.stdout, output.stderr].concat());
    let mut kept = String::new();
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        hits.extend(searched(&secrets, &path.display().to_string(), text.as_bytes()));
        kept += &text;
    }
    assert!(hits.is_empty(), "{hits:#?}");
    assert!(kept.contains("sessionid") && kept.contains("HttpOnly"), "names and attributes are the evidence, and stay");
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("verification-report.json")).unwrap()).unwrap();
    assert_ne!(report, json!({}));
}

fn house_password(site: &Site) -> &'static str {
    site.house.password()
}

/// A test that finds a secret tells where, and does not put the secret into the report of the run.
#[test]
fn log_14_the_report_of_a_find_does_not_hold_the_secret() {
    let secret = Canary::new("planted", INLINE);
    let sinks = [
        format!("before {SESSION_COOKIE}={INLINE}; twice {INLINE} after"),
        basic_auth("user", INLINE),
        INLINE.chars().rev().collect(),
        INLINE.bytes().map(|octet| format!("{octet:02x}")).collect(),
    ];
    for sink in sinks {
        let hits = secret.search("sink", sink.as_bytes());
        assert!(!hits.is_empty());
        let report = format!("{hits:#?}");
        assert_eq!(secret.search("report", report.as_bytes()), [], "a find is reported without the secret");
    }
}
