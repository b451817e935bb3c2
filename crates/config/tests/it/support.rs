//! A configuration that is right, and ways to make it wrong in one place.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_config::{Config, Faults};

/// Everything that a site needs, one key a line, `staging`.
pub(crate) const RIGHT: &str = r#"version = 1
[site]
origin = "https://app.example.com"
env = "staging"
data_dir = "/srv/doorward"
key_file = "master.key"
[listen]
http = ["0.0.0.0:80"]
https = ["0.0.0.0:443"]
internal = "127.0.0.1:9180"
trusted_proxies = []
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
name = "admin"
url = "http://127.0.0.1:8100"
[[route]]
path = "/"
upstream = "web"
access = "public"
[[gate]]
name = "admin"
host = "admin.app.example.com"
upstream = "admin"
allow = ["203.0.113.0/24"]
users_file = "admin.htpasswd"
[accounts]
[limits]
[headers]
"#;

pub(crate) type Env = BTreeMap<String, String>;

pub(crate) fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn parse(text: &str, env: &Env) -> Result<Config, Faults> {
    doorward_config::parse(text, Path::new("/etc/doorward/doorward.toml"), env)
}

pub(crate) fn right(text: &str) -> Config {
    parse(text, &Env::new()).unwrap_or_else(|faults| panic!("refused:\n{faults}\n{text}"))
}

pub(crate) fn wrong(text: &str) -> Faults {
    parse(text, &Env::new()).expect_err("accepted")
}

/// [`RIGHT`] with one line replaced; a line that is not there is a broken test.
pub(crate) fn with(line: &str, instead: &str) -> String {
    let from = format!("\n{line}\n");
    assert!(RIGHT.contains(&from), "no line {line:?}");
    RIGHT.replacen(&from, &format!("\n{instead}\n"), 1)
}

/// [`RIGHT`] with lines added under the head of a section.
pub(crate) fn under(head: &str, lines: &str) -> String {
    with(head, &format!("{head}\n{lines}"))
}

/// The same in development, where more is allowed.
pub(crate) fn development(text: &str) -> String {
    text.replacen("env = \"staging\"", "env = \"development\"", 1)
}

/// The one fault: its key and its problem.
pub(crate) fn only(faults: &Faults) -> (String, String) {
    let list = faults.list();
    assert_eq!(list.len(), 1, "{faults}");
    (list[0].key.clone(), list[0].problem.clone())
}

/// Refused with exactly one fault, at this key.
pub(crate) fn refused_at(text: &str, key: &str) -> String {
    let faults = wrong(text);
    let (found, problem) = only(&faults);
    assert_eq!(found, key, "{faults}");
    problem
}

/// Every way in which faults reach a person or a machine.
pub(crate) fn every_form(faults: &Faults) -> String {
    let json = serde_json::to_string(faults).expect("serialises");
    format!("{faults}\n{faults:?}\n{}\n{}\n{json}", faults.render(false), faults.render(true))
}
