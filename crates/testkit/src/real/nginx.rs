//! nginx as the edge: what `doorward export nginx` wrote, and nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::Server;

impl Server {
    /// nginx with the files of `folder`; `plain` is where it takes HTTP without TLS.
    ///
    /// # Panics
    /// When it is missing, or does not start with these files.
    #[track_caller]
    #[must_use]
    pub fn nginx_edge(folder: &Path, plain: SocketAddr) -> Self {
        let mut command = Command::new("/usr/sbin/nginx");
        // Its workers read a gate's users file, which is its owner's alone.
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off; user root;"]);
        Self::spawn(command, folder, "nginx-edge", plain.port(), "/")
    }
}
