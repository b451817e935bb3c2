//! A script of `tests/real-parts/oidc` under Node.js, behind TLS on `localhost`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{end, parts, sources};
use crate::address::{INSIDE, free_port};
use crate::ca::{TestCa, write_private};
use crate::house::until;

/// Which client the house is at every provider.
pub(super) const CLIENT_ID: &str = "doorward";
/// What the client shows to get a token.
pub const CLIENT_SECRET: &str = "barley-lantern-thirteen-owls";

/// A running script; it ends with the value, and its folder with it.
pub(super) struct Script {
    name: &'static str,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Script {
    /// A script that has not started: certificate and secret are laid out, whatever else it reads is still to be written.
    pub(super) fn lay_out(name: &'static str) -> Self {
        let folder = TempDir::with_prefix("doorward-provider-").unwrap();
        TestCa::new().write(folder.path(), &["localhost".to_owned()]);
        write_private(&folder.path().join("client.secret"), CLIENT_SECRET.as_bytes());
        Self { name, folder, port: free_port(), child: None }
    }

    /// Starts it, after its end if it runs; it has to listen.
    #[track_caller]
    pub(super) fn start(&mut self) {
        self.stop();
        let node = parts().join("node/nodejs/bin/node");
        assert!(node.exists(), "{} is missing: run `cargo xtask test`", node.display());
        let log = self.place("script.log");
        let out = File::create(&log).unwrap();
        let mut command = Command::new(node);
        command.arg(sources().join("oidc").join(format!("{}.mjs", self.name))).arg(parts().join("npm/node_modules"));
        command.arg(self.port.to_string()).arg(self.folder.path()).env_remove("NODE_OPTIONS");
        let child = command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).spawn();
        let child = self.child.insert(child.unwrap_or_else(|error| panic!("node: {error}")));
        until(Duration::from_secs(60), &format!("{} to listen", self.name), || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?}:\n{said}", self.name);
            said.lines().any(|line| line == "ready").then_some(())
        });
    }

    /// Ends it; connections are refused from then on.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// A file of its folder.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of its folder at one stroke: it may be reading just now.
    pub(super) fn write(&self, name: &str, text: &str) {
        let new = self.place("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.place(name)).unwrap();
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.port)
    }

    pub(super) fn issuer(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Its `[[oauth]]` under a name; `more` are lines of it.
    pub(super) fn section(&self, name: &str, more: &str) -> String {
        let place = |file: &str| shown(&self.place(file));
        format!(
            "[[oauth]]\nprovider = \"oidc\"\nname = \"{name}\"\nlabel = \"{label}\"\nissuer = \"{issuer}\"\n\
             client_id = \"{CLIENT_ID}\"\nclient_secret_file = \"{secret}\"\nca_file = \"{ca}\"\n{more}",
            label = label(name),
            issuer = self.issuer(),
            secret = place("client.secret"),
            ca = place("ca.pem"),
        )
    }

    /// What it printed.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.place("script.log")).unwrap_or_default()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the pages call a provider of this name.
fn label(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
