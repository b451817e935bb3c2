//! The servers that are compared, and the upstream they share.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::ground::{ANSWER, Ground, HEADERS};
use crate::{
    bench::server::{Server, pinned, said},
    error::TaskError,
    process, tree,
};

/// Proves that the server does what is compared: the upstream's answer with the common headers.
///
/// Some accept connections before they can serve them, so this looks again for a while.
pub(super) fn look(server: &Server) -> Result<(), TaskError> {
    let started = Instant::now();
    loop {
        match look_once(server) {
            Err(_) if started.elapsed() < Duration::from_secs(10) => thread::sleep(Duration::from_millis(100)),
            result => return result,
        }
    }
}

fn look_once(server: &Server) -> Result<(), TaskError> {
    let mut curl = process::command("curl");
    curl.args(["--insecure", "--silent", "--show-error", "--include", "--http1.1", "--max-time", "5", &server.url("/")]);
    let answer = process::output(&mut curl, Duration::from_secs(10))?;
    let lower = answer.to_lowercase();
    let is_missing = |name: &&str| !lower.contains(&format!("\r\n{name}:"));
    let missing: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).filter(is_missing).collect();
    if answer.starts_with("HTTP/1.1 200") && answer.contains(ANSWER) && missing.is_empty() {
        return Ok(());
    }
    Err(TaskError::Undone(format!("{} does not answer as the others do (missing {missing:?}):\n{answer}", server.name)))
}

/// The common upstream, on the second core.
pub(super) fn start_upstream(ground: &Ground) -> Result<Server, TaskError> {
    let mut command = pinned("1", "nginx");
    command.args(["-c"]).arg(ground.file("upstream.conf")).args(["-p"]).arg(ground.folder());
    Server::start("upstream", String::new(), ground.ports.upstream, &mut command, &ground.file("upstream.log"))
}

/// Every server that is compared, on the first core, ours first.
pub(super) fn start_all(ground: &Ground) -> Result<Vec<Server>, TaskError> {
    let ours = tree::target().join("release/doorward");
    let traefik = tree::real_parts().join("rivals/bin/traefik");
    let mut doorward = pinned("0", &ours);
    doorward.arg("--config").arg(ground.file("doorward.toml")).arg("serve");
    let mut nginx = pinned("0", "nginx");
    nginx.args(["-c"]).arg(ground.file("nginx.conf")).args(["-p"]).arg(ground.folder());
    let mut rival = pinned("0", &traefik);
    rival.arg(format!("--configFile={}", ground.file("traefik.yml").display()));
    Ok(vec![
        Server::start("Doorward", said(&ours, "--version")?, ground.ports.doorward, &mut doorward, &ground.file("doorward.log"))?,
        Server::start("nginx", said("nginx", "-v")?, ground.ports.nginx, &mut nginx, &ground.file("nginx.log"))?,
        Server::start("Traefik", said(&traefik, "version")?, ground.ports.traefik, &mut rival, &ground.file("traefik.log"))?,
    ])
}
