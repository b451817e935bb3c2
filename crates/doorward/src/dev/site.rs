//! The configuration that `dev` writes: an ordinary file, to look at and to start a real one from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use doorward_kit::{Origin, net::Scheme};

/// What stands behind one of the demo's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// A server.
    Server(String),
    /// A folder of files.
    Folder(PathBuf),
}

impl Behind {
    /// Reads what a person gave for `--web` or `--api`: `http://host:port`, or a folder that exists.
    ///
    /// # Errors
    /// In words for the person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            let origin: Origin = text.trim_end_matches('/').parse().map_err(|error| format!("{text}: {error}"))?;
            if origin.scheme() != Scheme::Http {
                return Err(format!("{text}: an upstream is reached over http:// on this machine"));
            }
            return Ok(Self::Server(format!("http://{}:{}", origin.host(), origin.port())));
        }
        let path = std::path::absolute(text).map_err(|error| format!("{text}: {error}"))?;
        if path.is_dir() { Ok(Self::Folder(path)) } else { Err(format!("{text}: neither http://host:port nor a folder")) }
    }

    fn key(&self) -> String {
        match self {
            Self::Server(url) => format!("url  = {}", quoted(url)),
            Self::Folder(path) => format!("root = {}", quoted(&path.to_string_lossy())),
        }
    }
}

/// Everything that varies in the file.
#[derive(Debug, Clone)]
pub struct Site {
    /// TLS port.
    pub https_port: u16,
    /// Plain port.
    pub http_port: u16,
    /// Behind `/`.
    pub web: Behind,
    /// Behind `/api/`.
    pub api: Behind,
    /// Behind the gate.
    pub ui: Behind,
    /// Name of the site.
    pub name: &'static str,
}

impl Site {
    /// The site's URL.
    #[must_use]
    pub fn url(&self) -> String {
        origin("localhost", self.https_port)
    }

    /// The gate's URL.
    #[must_use]
    pub fn gate_url(&self) -> String {
        origin("admin.localhost", self.https_port)
    }

    /// The text of the file, for the folder it lies in.
    #[must_use]
    pub fn config(&self, certificate: &Path, key: &Path) -> String {
        let mut out = String::from("# Written by `doorward dev` at every start: change the flags, not the file.\nversion = 1\n");
        let _ = write!(
            out,
            r#"
[site]
origin   = {origin}
env      = "development"
name     = {name}
data_dir = "data"
key_file = "secrets/master.key"

[listen]
http  = ["127.0.0.1:{http}"]
https = ["127.0.0.1:{https}"]

[tls]
source      = "files"
certificate = {certificate}
key         = {key}

[store]
url = "sqlite"

[counters]
url = "memory"

[mail]
url  = "file"
from = "Doorward demo <no-reply@localhost.localdomain>"
"#,
            origin = quoted(&self.url()),
            name = quoted(self.name),
            http = self.http_port,
            https = self.https_port,
            certificate = quoted(&certificate.to_string_lossy()),
            key = quoted(&key.to_string_lossy()),
        );
        for (name, behind) in [("web", &self.web), ("api", &self.api), ("internal-tools", &self.ui)] {
            let _ = write!(out, "\n[[upstream]]\nname = \"{name}\"\n{}\n", behind.key());
        }
        out.push_str(
            r#"
[[route]]
path     = "/"
upstream = "web"
access   = "public"

[[route]]
path     = "/api/"
upstream = "api"
access   = "identified"

[[gate]]
name       = "internal-tools"
host       = "admin.localhost"
upstream   = "internal-tools"
allow      = ["127.0.0.1/32", "::1/128"]
users_file = "secrets/gate.htpasswd"
profile    = "strict"
"#,
        );
        out
    }
}

fn origin(host: &str, port: u16) -> String {
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

/// A basic string of TOML: JSON's escapes are all among TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
