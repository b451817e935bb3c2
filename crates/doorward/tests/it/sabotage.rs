//! Configurations that each take one stone out of the wall: `doorward check` ends with something else than 0 and says what and where.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_kit::{Clock as _, Entropy as _, SystemClock, SystemEntropy};
use tempfile::TempDir;

/// A site as it should be; the files it names are made by [`lay_out`].
const RIGHT: &str = r#"version = 1
[site]
origin = "https://app.example.com"
env = "staging"
data_dir = "data"
key_file = "master.key"
[listen]
http = ["0.0.0.0:80"]
https = ["0.0.0.0:443"]
internal = "127.0.0.1:9180"
[tls]
source = "files"
certificate = "site.pem"
key = "site.key"
[mail]
from = "App <no-reply@example.com>"
[[upstream]]
name = "web"
url = "http://127.0.0.1:3000"
[[upstream]]
name = "files"
root = "dist"
[[upstream]]
name = "admin"
url = "http://127.0.0.1:8100"
[[route]]
path = "/"
upstream = "web"
access = "public"
[[route]]
path = "/static/"
upstream = "files"
access = "public"
[[route]]
path = "/api/"
upstream = "web"
access = "identified"
[[gate]]
name = "admin"
host = "admin.app.example.com"
upstream = "admin"
allow = ["203.0.113.0/24"]
users_file = "admin.htpasswd"
profile = "django-admin"
[accounts]
[limits]
[headers]
"#;

/// One act of sabotage: a line, what stands in its place, the key that is blamed, and the line that is pointed at.
type Act = (&'static str, &'static str, &'static str, &'static str);

/// Ways round a gate (GATE-02, EXPO-12).
const GATES: &[Act] = &[
    ("upstream = \"files\"", "upstream = \"admin\"", "route[1].upstream", "upstream = \"admin\""),
    ("url = \"http://127.0.0.1:3000\"", "url = \"http://127.0.0.1:8100\"", "route[0].upstream", "upstream = \"web\""),
    ("url = \"http://127.0.0.1:3000\"", "url = \"http://localhost:8100\"", "route[0].upstream", "upstream = \"web\""),
    ("url = \"http://127.0.0.1:3000\"", "url = \"http://[::1]:8100\"", "route[0].upstream", "upstream = \"web\""),
    ("url = \"http://127.0.0.1:8100\"", "root = \"dist/admin\"", "route[1].upstream", "upstream = \"files\""),
    ("host = \"admin.app.example.com\"", "host = \"app.example.com\"", "gate[0].host", "host = "),
    ("path = \"/static/\"", "path = \"/static/\"\nhost = \"admin.app.example.com\"", "gate[0].host", "profile"),
    ("path = \"/static/\"", "path = \"/\"", "route[1].path", "path = \"/\"\nupstream = \"files\""),
    ("path = \"/static/\"", "path = \"/API/\"", "route[2].path", "path = \"/api/\""),
    ("path = \"/static/\"", "path = \"/api/auth/x\"", "route[1].path", "path = \"/api/auth/x\""),
    ("path = \"/static/\"", "path = \"/account\"", "route[1].path", "path = \"/account\""),
    ("allow = [\"203.0.113.0/24\"]", "allow = []", "gate[0].allow", "[[gate]]"),
    ("allow = [\"203.0.113.0/24\"]", "", "gate[0].allow", "[[gate]]"),
    ("allow = [\"203.0.113.0/24\"]", "allow = [\"0.0.0.0/0\"]", "gate[0].allow[0]", "allow"),
    ("allow = [\"203.0.113.0/24\"]", "allow = [\"0.0.0.0/1\", \"128.0.0.0/1\"]", "gate[0].allow[0]", "allow"),
    ("allow = [\"203.0.113.0/24\"]", "allow = [\"your_ip_here\"]", "gate[0].allow[0]", "allow"),
    ("users_file = \"admin.htpasswd\"", "", "gate[0].users_file", "[[gate]]"),
];

/// More reachable than is declared (EXPO-12 and what it rests on).
const EXPOSURE: &[Act] = &[
    ("internal = \"127.0.0.1:9180\"", "internal = \"0.0.0.0:9180\"", "listen.internal", "internal"),
    ("internal = \"127.0.0.1:9180\"", "internal = \"203.0.113.7:9180\"", "listen.internal", "internal"),
    ("url = \"http://127.0.0.1:3000\"", "url = \"http://127.0.0.1:9180\"", "upstream[0].url", "9180\"\n[[upstream]]"),
    ("root = \"dist\"", "root = \".\"", "upstream[1].root", "root"),
    ("root = \"dist\"", "root = \"data\"", "upstream[1].root", "root"),
    ("[tls]", "trusted_proxies = [\"0.0.0.0/0\"]\n[tls]", "listen.trusted_proxies[0]", "trusted_proxies"),
    ("path = \"/static/\"", "path = \"/static/\"\nacces = \"gated\"", "route[1].acces", "acces ="),
    ("access = \"identified\"", "access = \"gated\"", "route[2].access", "gated"),
    ("key_file = \"master.key\"", "key_file = \"master.key\"\ncors_origins = [\"*\"]", "site.cors_origins[0]", "cors_origins"),
];

/// Certificates from anywhere but files (TLS-01, TLS-05).
const CERTIFICATES: &[Act] = &[
    ("source = \"files\"", "source = \"letsencrypt\"", "tls.source", "source"),
    ("source = \"files\"", "source = \"https://acme-v02.api.letsencrypt.org/directory\"", "tls.source", "source"),
    ("source = \"files\"", "source = \"https://acme.zerossl.com/v2/DV90\"", "tls.source", "source"),
    ("source = \"files\"", "source = \"https://dv.acme-v02.api.pki.goog/directory\"", "tls.source", "source"),
    ("source = \"files\"", "source = \"https://api.buypass.com/acme/directory\"", "tls.source", "source"),
    ("source = \"files\"", "source = \"self-signed\"", "tls.source", "[tls]"),
    ("[mail]", "directory = \"https://acme-v02.api.letsencrypt.org/directory\"\n[mail]", "tls.directory", "directory"),
    ("[mail]", "ca_server = \"https://127.0.0.1:14000/dir\"\n[mail]", "tls.ca_server", "ca_server"),
    ("[mail]", "resolver = \"le-production\"\n[mail]", "tls.resolver", "resolver"),
];

/// Headers or cookies other than the guide's.
const HEADERS: &[Act] = &[
    (
        "[headers]",
        "[headers]\ndanger_content_security_policy = \"default-src *\"",
        "headers.danger_content_security_policy",
        "danger_",
    ),
    (
        "[headers]",
        "[headers]\ndanger_content_security_policy = \"default-src 'self'; script-src 'unsafe-inline'\"",
        "headers.danger_content_security_policy",
        "danger_",
    ),
    ("[headers]", "[headers]\ndanger_content_security_policy = \"x;;x\"", "headers.danger_content_security_policy", "danger_"),
    ("[headers]", "[headers]\nstrict_transport_security = \"max-age=0\"", "headers.strict_transport_security", "strict_"),
    ("[headers]", "[headers]\nx_frame_options = \"ALLOWALL\"", "headers.x_frame_options", "x_frame"),
    ("profile = \"django-admin\"", "profile = \"none\"", "gate[0].profile", "profile"),
    ("[listen]", "cookie_secure = false\n[listen]", "site.cookie_secure", "cookie_secure"),
    ("[listen]", "cookie_samesite = \"None\"\n[listen]", "site.cookie_samesite", "cookie_samesite"),
];

/// A folder with a site that is right.
fn lay_out() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let signed = doorward_edge::self_signed(
        &["app.example.com", "admin.app.example.com"].map(|host| host.parse().expect("a host")),
        SystemClock.now(),
        &SystemEntropy,
    )
    .expect("a certificate");
    private(&at("site.pem"), &signed.certificate_pem);
    private(&at("site.key"), &signed.key_pem);
    private(&at("master.key"), &STANDARD.encode(SystemEntropy.bytes::<48>()));
    private(&at("admin.htpasswd"), &users_line());
    fs::create_dir_all(at("dist/admin")).expect("made");
    fs::create_dir(at("data")).expect("made");
    fs::write(at("doorward.toml"), RIGHT).expect("written");
    dir
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its owner's");
}

fn users_line() -> String {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(["hash-password", "alice"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    child.stdin.take().expect("piped").write_all(b"correct horse battery staple").expect("written");
    String::from_utf8(child.wait_with_output().expect("ended").stdout).expect("UTF-8")
}

fn check(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .arg("--config")
        .arg(dir.join("doorward.toml"))
        .arg("check")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("ran");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, told)
}

/// Commits each act on a fresh copy of the text; asserts the end, the blamed key and the line that is pointed at.
fn commit(acts: &[Act]) {
    let dir = lay_out();
    for (from, to, key, line) in acts {
        let text = RIGHT.replacen(&format!("\n{from}\n"), &format!("\n{to}\n"), 1);
        assert_ne!(text, RIGHT, "no line {from:?}");
        fs::write(dir.path().join("doorward.toml"), &text).expect("written");
        let (output, told) = check(dir.path(), &[], &[]);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{to}: {:?}\n{told}", output.status);
        assert!(told.contains(key), "no {key} for {to} in\n{told}");
        let at = text.find(line).expect("the line that is pointed at");
        let number = text[..at].matches('\n').count() + 1;
        let near = |number: usize| told.contains(&format!("doorward.toml:{number}:"));
        assert!(
            near(number) || line.contains("profile") && (1..=6).any(|back| near(number - back)),
            "line {number} for {to}\n{told}"
        );
    }
}

#[test]
fn cfg_07_a_site_that_is_right_is_proved_to_be() {
    let dir = lay_out();
    let (output, told) = check(dir.path(), &["--json", "--exposure"], &[]);
    assert_eq!(output.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let proved: Vec<&str> = report["proved"].as_array().expect("a list").iter().filter_map(|id| id.as_str()).collect();
    for id in ["GATE-02", "EXPO-12", "TLS-01", "HDR-01", "HDR-06", "HDR-08"] {
        assert!(proved.contains(&id), "{id}: {proved:?}");
    }
    let hosts: Vec<&str> =
        report["exposure"]["hosts"].as_array().expect("a list").iter().filter_map(|host| host["host"].as_str()).collect();
    assert_eq!(hosts, ["app.example.com", "admin.app.example.com"]);
}

#[test]
fn cfg_07_every_way_round_a_gate_is_told_with_its_line() {
    commit(GATES);
}

#[test]
fn cfg_07_more_exposure_than_is_declared_is_told_with_its_line() {
    commit(EXPOSURE);
}

#[test]
fn cfg_07_certificates_from_anywhere_but_files_are_told_with_their_line() {
    commit(CERTIFICATES);
    // Nor does the environment of a production system change that.
    let dir = lay_out();
    let production = "https://acme-v02.api.letsencrypt.org/directory";
    for (name, value) in [("DOORWARD_TLS__SOURCE", production), ("DOORWARD_TLS__DIRECTORY", production)] {
        let (output, told) = check(dir.path(), &[], &[("ENV", "prod"), (name, value)]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn cfg_07_headers_and_cookies_other_than_the_guides_are_told_with_their_line() {
    commit(HEADERS);
}

#[test]
fn cfg_07_what_is_wrong_with_a_named_file_is_told() {
    for (file, content) in [
        ("admin.htpasswd", "alice:{SHA}x\n"),
        ("admin.htpasswd", "alice:$apr1$x$x\n"),
        ("admin.htpasswd", "alice:secret\n"),
        ("admin.htpasswd", ""),
        ("site.pem", "no certificate"),
        ("site.key", "no key"),
        ("master.key", "change_me_change_me_change_me_change_me"),
        ("master.key", "short"),
    ] {
        let dir = lay_out();
        private(&dir.path().join(file), content);
        let (output, told) = check(dir.path(), &[], &[]);
        assert_eq!(output.status.code(), Some(1), "{file}: {told}");
        assert!(told.contains(file) && (content.len() < 8 || !told.contains(content.trim())), "{told}");
    }
}
