//! The servers that are measured, and the upstream they share.

use std::{
    fs::File,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    bench::ground::{ANSWER, Ground, HEADERS},
    error::{At, TaskError},
    process, tree,
};

/// A server of its own process group member; it ends with this value.
pub(crate) struct Server {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// The version the server says it is.
    pub(crate) version: String,
    port: u16,
    child: Child,
}

impl Server {
    /// The process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the load asks for.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// Proves that the server does what is compared: the upstream's answer with the common headers.
    ///
    /// Some accept connections before they can serve them, so this looks again for a while.
    pub(crate) fn look(&self) -> Result<(), TaskError> {
        let started = Instant::now();
        loop {
            match self.look_once() {
                Err(_) if started.elapsed() < Duration::from_secs(10) => thread::sleep(Duration::from_millis(100)),
                result => return result,
            }
        }
    }

    fn look_once(&self) -> Result<(), TaskError> {
        let mut curl = process::command("curl");
        curl.args(["--insecure", "--silent", "--show-error", "--include", "--http1.1", "--max-time", "5", &self.url()]);
        let answer = process::output(&mut curl, Duration::from_secs(10))?;
        let lower = answer.to_lowercase();
        let is_missing = |name: &&str| !lower.contains(&format!("\r\n{name}:"));
        let missing: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).filter(is_missing).collect();
        if answer.starts_with("HTTP/1.1 200") && answer.contains(ANSWER) && missing.is_empty() {
            return Ok(());
        }
        Err(TaskError::Undone(format!("{} does not answer as the others do (missing {missing:?}):\n{answer}", self.name)))
    }

    fn start(name: &'static str, version: String, port: u16, command: &mut Command, log: &Path) -> Result<Self, TaskError> {
        let sink = File::create(log).at(log)?;
        let errors = sink.try_clone().at(log)?;
        let child = command.stdout(sink).stderr(errors).spawn().at(name)?;
        let mut server = Self { name, version, port, child };
        server.wait_until_ready(log)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<(), TaskError> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(15) {
            if let Some(status) = self.child.try_wait().at(self.name)? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(TaskError::Undone(format!("{} ended with {status}:\n{said}", self.name)));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(TaskError::Undone(format!("{} is not ready after 15 s", self.name)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::stop(&mut self.child);
    }
}

/// The common upstream, on the second core.
pub(crate) fn start_upstream(ground: &Ground) -> Result<Server, TaskError> {
    let mut command = pinned("1", "nginx");
    command.args(["-c"]).arg(ground.file("upstream.conf")).args(["-p"]).arg(ground.folder());
    Server::start("upstream", String::new(), ground.ports.upstream, &mut command, &ground.file("upstream.log"))
}

/// Every server that is compared, on the first core, ours first.
pub(crate) fn start_all(ground: &Ground) -> Result<Vec<Server>, TaskError> {
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

fn pinned(core: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    // taskset replaces itself by the program, so the child's id is the server's.
    let mut command = process::command("taskset");
    command.args(["-c", core]).arg(program).stdin(Stdio::null());
    command
}

/// The first number with dots that a program says of itself; nginx says it on stderr.
fn said(program: impl AsRef<std::ffi::OsStr>, word: &str) -> Result<String, TaskError> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let output = process::command(program).arg(word).output().at(name)?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    Ok(numbers.map(|word| word.trim_matches('.')).find(|word| word.contains('.')).unwrap_or("?").to_owned())
}
