//! The servers that are compared, and the upstream they share.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    ground::{ANSWER, Ground, HEADERS, KNOWN, Ports},
    session,
};
use crate::{
    bench::server::{Server, pinned, said},
    error::TaskError,
    process, tree,
};

/// A server under measurement.
pub(crate) struct Rival {
    pub(crate) server: Server,
    /// Where it listens without TLS.
    pub(crate) plain: u16,
    /// What those send who are known; `None` where nobody can be.
    pub(crate) cookie: Option<String>,
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Doorward,
    Nginx,
    HaProxy,
    Caddy,
    Traefik,
}

/// In the order of the tables.
pub(crate) const ALL: [Who; 5] = [Who::Doorward, Who::Nginx, Who::HaProxy, Who::Caddy, Who::Traefik];

/// The common upstream, on the second core.
pub(super) fn start_upstream(ground: &Ground) -> Result<Server, TaskError> {
    let mut command = pinned("1", "nginx");
    command.args(["-c"]).arg(ground.file("upstream.conf")).args(["-p"]).arg(ground.folder());
    Server::start("upstream", String::new(), ground.upstream, &mut command, &ground.file("upstream.log"))
}

/// Starts one on the first core and sees that it does what is compared.
pub(super) fn start(who: Who, ground: &Ground) -> Result<Rival, TaskError> {
    let ours = tree::target().join("release/doorward");
    let traefik = tree::real_parts().join("rivals/bin/traefik");
    let on_the_first = |program: &std::ffi::OsStr| pinned("0", program);
    let (name, version, ports, mut command) = match who {
        Who::Doorward => {
            let mut command = on_the_first(ours.as_os_str());
            command.arg("--config").arg(ground.file("doorward.toml")).arg("serve");
            ("Doorward", said(&ours, "--version")?, ground.doorward, command)
        }
        Who::Nginx => {
            let mut command = on_the_first("nginx".as_ref());
            command.arg("-c").arg(ground.file("nginx.conf")).arg("-p").arg(ground.folder());
            ("nginx", said("nginx", "-v")?, ground.nginx, command)
        }
        Who::HaProxy => {
            let mut command = on_the_first("haproxy".as_ref());
            command.arg("-db").arg("-f").arg(ground.file("haproxy.cfg"));
            ("HAProxy", said("haproxy", "-v")?, ground.haproxy, command)
        }
        Who::Caddy => {
            let mut command = on_the_first("caddy".as_ref());
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(ground.file("Caddyfile"));
            // Whatever it wants to keep stays in the folder of the run.
            command.env("HOME", ground.folder()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
            ("Caddy", said("caddy", "version")?, ground.caddy, command)
        }
        Who::Traefik => {
            let mut command = on_the_first(traefik.as_os_str());
            command.arg(format!("--configFile={}", ground.file("traefik.yml").display()));
            ("Traefik", said(&traefik, "version")?, ground.traefik, command)
        }
    };
    let log = ground.file(&format!("{}.log", name.to_lowercase()));
    let Ports { tls, plain } = ports;
    let server = Server::start(name, version, tls, &mut command, &log)?;
    look(&server, "/", None)?;
    Ok(Rival { server, plain, cookie: None })
}

/// Lets a server know somebody, where it can.
pub(super) fn introduce(who: Who, rival: &mut Rival) -> Result<(), TaskError> {
    rival.cookie = match who {
        Who::Doorward => Some(session::sign_in(&rival.server)?),
        Who::HaProxy => None,
        Who::Nginx | Who::Caddy | Who::Traefik => Some("session=of-somebody".into()),
    };
    rival.cookie.as_deref().map_or(Ok(()), |cookie| look(&rival.server, KNOWN, Some(cookie)))
}

/// Ours with the limits that everybody has, on every core.
pub(super) fn start_besieged(ground: &Ground) -> Result<Server, TaskError> {
    let ours = tree::target().join("release/doorward");
    let mut command = process::command(&ours);
    command.arg("--config").arg(ground.file("besieged.toml")).arg("serve");
    Server::start("Doorward", said(&ours, "--version")?, ground.doorward.tls, &mut command, &ground.file("besieged.log"))
}

/// Proves that the server does what is compared: the upstream's answer with the common headers.
///
/// Some accept connections before they can serve them, so this looks again for a while.
fn look(server: &Server, path: &str, cookie: Option<&str>) -> Result<(), TaskError> {
    let started = Instant::now();
    loop {
        match look_once(server, path, cookie) {
            Err(_) if started.elapsed() < Duration::from_secs(10) => thread::sleep(Duration::from_millis(100)),
            result => return result,
        }
    }
}

fn look_once(server: &Server, path: &str, cookie: Option<&str>) -> Result<(), TaskError> {
    let mut curl = process::command("curl");
    curl.args(["--insecure", "--silent", "--show-error", "--include", "--http1.1", "--max-time", "5", &server.url(path)]);
    curl.args(cookie.map(|cookie| ["--header".to_owned(), format!("Cookie: {cookie}")]).into_iter().flatten());
    let answer = process::output(&mut curl, Duration::from_secs(10))?;
    let lower = answer.to_lowercase();
    // What is meant for one person is stored by nobody, so its `cache-control` is another.
    let is_missing = |name: &&str| !lower.contains(&format!("\r\n{name}:"));
    let missing: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).filter(is_missing).collect();
    if answer.starts_with("HTTP/1.1 200") && answer.contains(ANSWER) && missing.is_empty() {
        return Ok(());
    }
    Err(TaskError::Undone(format!("{} does not answer as the others do (missing {missing:?}):\n{answer}", server.name)))
}
