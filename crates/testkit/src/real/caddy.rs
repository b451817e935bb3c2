//! Caddy as the edge: what `doorward export caddy` wrote, and nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::Server;

impl Server {
    /// Caddy with the files of `folder`; `plain` is where it takes HTTP without TLS.
    ///
    /// # Panics
    /// When it is missing, or does not start with these files.
    #[track_caller]
    #[must_use]
    pub fn caddy_edge(folder: &Path, plain: SocketAddr) -> Self {
        let mut command = Command::new("/usr/bin/caddy");
        command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]).current_dir(folder);
        command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder).env("HOME", folder);
        Self::spawn(command, folder, "caddy-edge", plain.port(), "/")
    }
}
