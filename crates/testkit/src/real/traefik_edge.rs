//! Traefik as the edge: what `doorward export traefik` wrote, and nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Server, parts};

impl Server {
    /// Traefik with the files of `folder`; `plain` is where it takes HTTP without TLS.
    ///
    /// # Panics
    /// When it is missing (`cargo xtask test` installs it), or does not start with these files.
    #[track_caller]
    #[must_use]
    pub fn traefik_edge(folder: &Path, plain: SocketAddr) -> Self {
        let mut command = Command::new(parts().join("rivals/bin/traefik"));
        command.arg("--configFile=traefik.toml").current_dir(folder);
        Self::spawn(command, folder, "traefik-edge", plain.port(), "/")
    }
}
