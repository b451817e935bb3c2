//! Nobody is in a new house: no account, no password, no way in that a stranger could know (PWD-07).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use doorward_testkit::{ADMIN_USER, House, INSIDE, Start, basic_auth, binary, free_port, until};
use doorward_testkit::{Client, EchoUpstream, Request};
use serde_json::{Value, json};

/// What people and other systems call their first account.
const NAMES: &[&str] = &[
    "admin",
    "root",
    "superuser",
    "ops",
    "demo",
    "test",
    "doorward",
    "admin@app.test",
    "admin@localhost",
    "admin@example.com",
    "demo@example.com",
    "no-reply@app.test",
];

const PASSWORDS: &[&str] = &["admin", "password", "changeme", "correct horse battery staple"];

/// Variables by which other systems, and the one that this took the place of, plant an account at the start.
const SEEDS: &[(&str, &str)] = &[
    ("DJANGO_SUPERUSER_USERNAME", "admin"),
    ("DJANGO_SUPERUSER_EMAIL", "admin@app.test"),
    ("DJANGO_SUPERUSER_PASSWORD", "seven tall ferns stand by the north wall"),
    ("ADMIN_EMAIL", "admin@app.test"),
    ("ADMIN_PASSWORD", "seven tall ferns stand by the north wall"),
    ("SEED_ADMIN_EMAIL", "admin@app.test"),
    ("SEED_ADMIN_PASSWORD", "seven tall ferns stand by the north wall"),
    ("SEED_DEMO_USERS", "true"),
    ("SEED", "1"),
    ("E2E_TEST_MODE", "1"),
    ("TEST_MODE", "1"),
    ("TESTING", "1"),
    ("DEBUG", "1"),
    ("CI", "1"),
    ("ENV", "test"),
    ("NODE_ENV", "test"),
];

#[track_caller]
fn assert_empty(house: &House, when: &str) {
    let output = house.command(&["user", "list", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{when}");
}

#[test]
fn pwd_07_a_new_house_has_no_account_and_opens_to_no_usual_password() {
    let (web, tools) = (EchoUpstream::start("web"), EchoUpstream::start("tools"));
    let builder = House::builder().unlimited().echo(&web).echo(&tools);
    let builder = builder.route("/", "web", "public").gate("adm", "tools", "strict");
    let house = SEEDS.iter().fold(builder, |builder, (name, value)| builder.var(name, value)).start();
    assert_empty(&house, "after the first start");
    for name in NAMES {
        for password in PASSWORDS.iter().chain([name, &house.password()]) {
            let body = json!({"email": name, "password": password});
            let status = house.client().post_json("/api/auth/login", &body).status;
            assert!(matches!(status, 401 | 429), "{name}, {password:?}: {status}");
            // Nor do the gates know anybody whom their file does not.
            if *name != ADMIN_USER && !name.contains('@') {
                let knock = Request::get("/").header("Authorization", &basic_auth(name, password));
                let status = house.client_of("adm", INSIDE).send(&knock).status;
                assert!(matches!(status, 400 | 401 | 429), "{name}, {password:?} at the gate: {status}");
            }
        }
    }
    assert_empty(&house, "after all that");
    // No token opens a new account or an old one.
    for token in [
        "",
        "0",
        "000000",
        "123456",
        "test",
        "admin",
        "debug",
        "backdoor",
        "bypass",
        "null",
        "undefined",
        &"A".repeat(43),
        &"0".repeat(43),
    ] {
        let verify = house.client().post_json("/api/auth/verify-email", &json!({"token": token, "password": house.password()}));
        let reset = house.client().post_json("/api/auth/reset-password", &json!({"token": token, "password": house.password()}));
        assert_eq!((verify.status, reset.status), (400, 400), "{token:?}");
    }
    // No field of a request makes anybody somebody.
    for field in
        ["X-User", "X-Remote-User", "Remote-User", "X-Doorward-User", "X-Doorward-User-Id", "X-Test-User", "X-Debug", "X-E2e"]
    {
        assert_eq!(house.client().send(&Request::get("/api/auth/me").header(field, "admin@app.test")).status, 401, "{field}");
    }
}

/// Every operation is in the description, and none of the ways by which tests of other systems come in is one.
#[test]
fn pwd_07_the_product_has_no_route_of_tests() {
    let house = House::builder().unlimited().start();
    let description: Value = serde_json::from_slice(&house.command(&["openapi"]).stdout).unwrap();
    for path in description["paths"].as_object().unwrap().keys() {
        for word in ["test", "debug", "seed", "dev", "e2e", "fixture", "backdoor", "impersonate", "bootstrap", "setup", "init"] {
            assert!(!path.split(['/', '-', '_']).any(|part| part == word), "{path}");
        }
    }
    let mut client = house.client();
    for path in [
        "/api/auth/test/login",
        "/api/auth/dev/login",
        "/api/auth/impersonate",
        "/api/auth/bootstrap",
        "/api/auth/seed",
        "/api/auth/debug",
        "/api/test/outbox/latest",
        "/api/test/reset",
        "/api/e2e/seed",
        "/account/setup",
        "/account/dev",
        "/__test__",
        "/_debug",
    ] {
        for method in ["GET", "POST"] {
            let reply = client.send(&Request::new(method, path).json(&json!({"email": "admin@app.test"})));
            assert_eq!(reply.status, 404, "{method} {path}");
            assert!(reply.all("set-cookie").is_empty(), "{method} {path}");
        }
    }
}

/// `dev` in a folder of its own, until the value goes.
struct Dev {
    child: std::process::Child,
    folder: tempfile::TempDir,
    https: u16,
}

impl Dev {
    fn start() -> Self {
        let (folder, https) = (tempfile::tempdir().unwrap(), free_port());
        let [out, talk] = ["out", "talk"].map(|name| std::fs::File::create(folder.path().join(name)).unwrap());
        let child = Command::new(binary())
            .args(["dev", "--port", &https.to_string(), "--http-port", &free_port().to_string(), "--dir"])
            .arg(folder.path().join("house"))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(talk)
            .spawn()
            .unwrap();
        let dev = Self { child, folder, https };
        until(Duration::from_secs(30), "dev to be ready", || dev.read("out").contains("ready https://").then_some(()));
        dev
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let config = self.folder.path().join("house/doorward.toml");
        let output = Command::new(binary()).arg("--config").arg(config).args(words).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn pwd_07_even_dev_plants_no_account_and_its_one_password_is_drawn() {
    let (one, two) = (Dev::start(), Dev::start());
    let passwords = [&one, &two].map(|dev| dev.read("house/secrets/gate.password"));
    assert!(passwords[0].len() >= 16 && passwords[0] != passwords[1], "each house draws its own");
    assert_ne!(one.read("house/secrets/master.key"), two.read("house/secrets/master.key"));
    for words in [&["user", "list", "--json"][..], &["user", "list"]] {
        let (code, said) = one.run(words);
        assert_eq!((code, said.contains('@')), (Some(0), false), "{said}");
    }
    let at = std::net::SocketAddr::new(INSIDE, one.https);
    for name in ["admin", "demo", "ops", "demo@example.com", "admin@localhost"] {
        let mut client = Client::new(at, INSIDE, &format!("localhost:{}", one.https));
        let body = json!({"email": name, "password": name});
        assert!(matches!(client.post_json("/api/auth/login", &body).status, 401 | 429), "{name}");
    }
    for (user, password) in [("admin", "admin"), ("ops", "ops"), ("ops", ""), ("demo", "demo")] {
        let mut client = Client::new(at, INSIDE, &format!("admin.localhost:{}", one.https));
        let status = client.send(&Request::get("/").header("Authorization", &basic_auth(user, password))).status;
        assert!(matches!(status, 400 | 401), "{user}: {status}");
    }
}

/// `serve` cannot be made to do what `dev` does: it takes no word that would ask for it, and no file of `dev` as a public site.
#[test]
fn pwd_07_serve_takes_no_demo_no_seed_and_no_configuration_of_dev() {
    let house = House::builder().start();
    for words in [
        &["serve", "--dev"][..],
        &["serve", "--demo"],
        &["serve", "--seed"],
        &["serve", "--test"],
        &["serve", "dev"],
        &["seed"],
        &["user", "add"],
    ] {
        let output = house.command(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
    // A start of the house is no start of an account: whoever wants one goes through the mail.
    let help = String::from_utf8(house.command(&["user", "--help"]).stdout).unwrap();
    for word in ["create", "add", "set-password", "passwd"] {
        assert!(!help.lines().any(|line| line.trim_start().starts_with(word)), "{help}");
    }
    for (section, line) in [
        ("[accounts]\n", "seed = true"),
        ("[accounts]\n", "admin_password = \"x\""),
        ("[site]\n", "debug = true"),
        ("[site]\n", "test_mode = true"),
    ] {
        let start = House::builder().edit(section, &format!("{section}{line}\n")).try_start();
        assert!(matches!(start, Start::Refused { code: Some(2), .. }), "{line}: {start:?}");
    }
    let start = House::builder().var("DOORWARD_ACCOUNTS__SEED", "admin").try_start();
    assert!(matches!(start, Start::Refused { code: Some(2), .. }), "{start:?}");
    // What overrides no key is nobody's.
    let names = ["DOORWARD_SEED", "DOORWARD_ADMIN_EMAIL", "DOORWARD_ADMIN_PASSWORD", "DOORWARD_TEST_MODE", "DOORWARD_DEMO"];
    let house = names.iter().fold(House::builder(), |builder, name| builder.var(name, "admin@app.test")).start();
    assert_empty(&house, "whatever the environment says");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Tables of a manifest with their lines; enough for the manifests of this workspace, which are checked to be that simple.
fn tables(manifest: &str) -> Vec<(String, Vec<String>)> {
    let mut tables = vec![(String::new(), Vec::new())];
    for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').filter(|_| line.ends_with(']')) {
            Some(name) => tables.push((name.trim_matches(['[', ']']).to_owned(), Vec::new())),
            None => tables.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    tables
}

/// What is built for a site has no switch that a test turns: the only feature of any room is the suite for stores, which no room asks for
/// but in its own tests; and the program itself has none at all.
#[test]
fn pwd_07_the_release_is_built_without_any_feature_of_tests() {
    let mut features = BTreeSet::new();
    let rooms = [
        "acme",
        "app",
        "config",
        "domain",
        "doorward",
        "edge",
        "kit",
        "policy",
        "storage/postgres",
        "storage/redis",
        "storage/sqlite",
        "verify",
    ];
    for room in rooms {
        let manifest = std::fs::read_to_string(root().join("crates").join(room).join("Cargo.toml")).unwrap();
        for (table, lines) in tables(&manifest) {
            let is_built = table == "dependencies"
                || table.starts_with("dependencies.")
                || table.starts_with("target.")
                || table == "build-dependencies";
            for line in lines {
                if table == "features" {
                    features.insert(format!("{room}: {}", line.split('=').next().unwrap().trim()));
                }
                assert!(
                    !is_built || ["\"contract\"", "\"loopback-ca\"", "testkit"].iter().all(|word| !line.contains(word)),
                    "{room} [{table}] {line}"
                );
            }
        }
    }
    // The compiler refuses the second in a release (TLS-06); no dependency that is built asks for it, see above.
    let known = ["acme: loopback-ca", "domain: contract"].map(str::to_owned);
    assert_eq!(features, BTreeSet::from(known), "a feature that a release might be built with");
    // Nor is there code that only another build would have.
    let mut waiting = vec![root().join("crates")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if entry.is_dir() {
                waiting.push(entry);
            } else if entry.extension().is_some_and(|end| end == "rs") && entry.components().any(|part| part.as_os_str() == "src")
            {
                let text = std::fs::read_to_string(&entry).unwrap();
                for line in text.lines().filter(|line| line.trim_start().starts_with("#[cfg") || line.contains("cfg!(")) {
                    // The one line that refuses such a build.
                    if line == "#[cfg(all(feature = \"loopback-ca\", not(debug_assertions)))]" {
                        assert!(text.contains("compile_error!"), "{}", entry.display());
                        continue;
                    }
                    let features = ["feature = \"contract\"", "feature = \"loopback-ca\""];
                    let is_known = ["cfg(test)", "cfg(unix)", "cfg(target_os", "cfg(not("]
                        .iter()
                        .chain(&features)
                        .any(|known| line.contains(known));
                    assert!(is_known && !line.contains("debug_assertions"), "{}: {line}", entry.display());
                }
            }
        }
    }
}

/// The variables whose names the binary holds are those that its reference names.
#[test]
fn pwd_07_the_binary_knows_no_variable_of_a_seed() {
    let octets = std::fs::read(binary()).unwrap();
    let mut names = BTreeSet::new();
    for at in 0..octets.len().saturating_sub(9) {
        if &octets[at..at + 9] == b"DOORWARD_" {
            let rest = octets[at + 9..].iter().take_while(|octet| octet.is_ascii_uppercase() || **octet == b'_');
            names.insert(String::from_utf8(rest.copied().collect()).unwrap());
        }
    }
    for name in names {
        for word in ["SEED", "ADMIN", "TEST", "DEMO", "DEBUG", "BACKDOOR", "SUPERUSER", "BYPASS"] {
            assert!(!name.contains(word), "DOORWARD_{name}");
        }
    }
}
