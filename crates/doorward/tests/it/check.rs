//! `doorward check`: what it says, where it says it, and how it ends.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const SITE: &str = r#"version = 1
[site]
origin = "https://localhost:8443"
env = "development"
data_dir = "data"
[listen]
https = ["127.0.0.1:PORT"]
[tls]
source = "self-signed"
[mail]
from = "a@localhost.localdomain"
[[upstream]]
name = "web"
url = "http://127.0.0.1:3000"
[[upstream]]
name = "tools"
url = "http://127.0.0.1:8100"
[[route]]
path = "/"
upstream = "web"
access = "public"
[[gate]]
name = "tools"
host = "tools.localhost"
upstream = "tools"
allow = ["127.0.0.1"]
users_file = "tools.htpasswd"
"#;

/// A folder with a configuration that is right, its users file made by the program itself.
fn site() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("doorward.toml"), SITE.replace("PORT", "0")).expect("written");
    let users = dir.path().join("tools.htpasswd");
    fs::write(&users, users_line()).expect("written");
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).expect("its owner's");
    dir
}

fn users_line() -> Vec<u8> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(["hash-password", "alice"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    child.stdin.take().expect("piped").write_all(b"correct horse battery staple").expect("written");
    child.wait_with_output().expect("ended").stdout
}

fn check(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorward"))
        .arg("--config")
        .arg(dir.join("doorward.toml"))
        .arg("check")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("ran")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn break_config(dir: &Path, from: &str, to: &str) {
    let path = dir.join("doorward.toml");
    let text = fs::read_to_string(&path).expect("read");
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).expect("written");
}

#[test]
fn a_right_configuration_is_one_line_on_stdout() {
    let dir = site();
    let output = check(dir.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("ok: ") && stdout(&output).lines().count() == 1, "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn every_fault_is_told_on_stderr_and_the_end_is_2() {
    let dir = site();
    break_config(dir.path(), "\"public\"", "\"open\"");
    break_config(dir.path(), "[\"127.0.0.1\"]", "[\"your_ip_here/32\"]");
    break_config(dir.path(), "upstream = \"web\"", "upstream = \"tools\"");
    let output = check(dir.path(), &[], &[("DOORWARD_SITE__DEBUG", "canary")]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    let told = stderr(&output);
    for part in
        ["route[0].access", "route[0].upstream", "gate[0].allow[0]", "DOORWARD_SITE__DEBUG", "doorward.toml:21:10", "4 faults"]
    {
        assert!(told.contains(part), "no {part} in\n{told}");
    }
    assert!(!told.contains("your_ip_here") && !told.contains("canary") && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn a_machine_reads_faults_on_stdout() {
    let dir = site();
    break_config(dir.path(), "\"public\"", "\"open\"");
    let output = check(dir.path(), &["--json"], &[]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(2), ""));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&report["ok"], &report["configuration"]["faults"][0]["key"]), (&false.into(), &"route[0].access".into()));
}

#[test]
fn files_that_are_named_and_not_right_end_in_1() {
    let dir = site();
    fs::write(dir.path().join("tools.htpasswd"), "alice:{SHA}canary\n").expect("written");
    fs::write(dir.path().join("master.key"), "change_me_canary_change_me_canary_change_me").expect("written");
    break_config(dir.path(), "[listen]", "key_file = \"master.key\"\n[listen]");
    break_config(dir.path(), "source = \"self-signed\"", "source = \"files\"\ncertificate = \"no.pem\"\nkey = \"no.key\"");
    break_config(dir.path(), "url = \"http://127.0.0.1:3000\"", "root = \"no-such-folder\"");
    let output = check(dir.path(), &[], &[]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    let told = stderr(&output);
    for part in ["site.key_file: ", "tls: ", "gate.users_file: ", "upstream web: ", "4 faults"] {
        assert!(told.contains(part), "no {part} in\n{told}");
    }
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn the_exposure_names_listener_host_path_access_upstream_and_control() {
    let dir = site();
    let table = stdout(&check(dir.path(), &["--exposure"], &[]));
    for part in [
        "127.0.0.1:0",
        "tools.localhost",
        "web, http://127.0.0.1:3000",
        "tools, http://127.0.0.1:8100",
        "/api/auth/*",
        "127.0.0.1/32",
        "GATE-03",
    ] {
        assert!(table.contains(part), "no {part} in\n{table}");
    }
    assert!(table.trim_end().lines().last().is_some_and(|line| line.starts_with("ok: ")) && !table.contains('\u{1b}'));
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&check(dir.path(), &["--exposure", "--json"], &[]))).expect("JSON");
    assert_eq!(json["exposure"]["hosts"][1]["gate"]["name"], "tools");
    assert_eq!(json["exposure"]["hosts"][0]["paths"][0]["access"], "built in");
}

#[test]
fn looking_opens_no_port() {
    let dir = site();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    break_config(dir.path(), "127.0.0.1:0\"", &format!("127.0.0.1:{port}\""));
    assert_eq!(check(dir.path(), &[], &[]).status.code(), Some(0));
}

#[test]
fn a_file_that_is_not_there_ends_in_2() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = check(dir.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be read"), "{}", stderr(&output));
}
