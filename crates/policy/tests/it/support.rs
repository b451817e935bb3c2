//! Real configurations to decide from.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_config::Config;
use doorward_policy::Policy;

const HEAD: &str = r#"version = 1
[site]
origin = "https://app.example.com"
env = "development"
data_dir = "data"
[listen]
https = ["127.0.0.1:0"]
[tls]
source = "self-signed"
[mail]
from = "a@example.com"
"#;

pub(crate) fn config(rest: &str) -> Config {
    let text = format!("{HEAD}{rest}");
    doorward_config::parse(&text, Path::new("/srv/doorward.toml"), &BTreeMap::new()).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) fn policy(rest: &str) -> Policy {
    Policy::decide(&config(rest))
}

/// A site with pages, an API, a signed-in corner and a gate.
pub(crate) const SITE: &str = r#"
[[upstream]]
name = "web"
url = "http://127.0.0.1:3000"
[[upstream]]
name = "api"
url = "http://127.0.0.1:8000"
[[upstream]]
name = "tools"
url = "http://127.0.0.1:8100"
[[route]]
path = "/"
upstream = "web"
access = "public"
[[route]]
path = "/api/"
upstream = "api"
access = "identified"
[[route]]
path = "/members"
upstream = "web"
access = "signed-in"
[[gate]]
name = "tools"
host = "tools.app.example.com"
upstream = "tools"
allow = ["127.0.0.1"]
users_file = "tools.htpasswd"
"#;
