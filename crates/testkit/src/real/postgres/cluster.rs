//! The server itself: made, started, asked, ended.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{POSTGRES_PASSWORD, POSTGRES_USER};
use crate::address::free_port;
use crate::house::until;

/// A folder with a server's data, and the server.
pub(super) struct Cluster {
    folder: PathBuf,
    port: u16,
    /// The folder, where it goes with the value.
    own: Option<TempDir>,
    /// The server, where it ends with the value.
    child: Option<Child>,
}

impl Cluster {
    /// Makes one that does not run yet.
    pub(super) fn make() -> Self {
        let folder = TempDir::with_prefix("doorward-pg-").unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, POSTGRES_PASSWORD).unwrap();
        give_to_server(folder.path());
        let output = server_program("initdb")
            .current_dir(folder.path())
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", POSTGRES_USER, "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"])
            .arg(&password)
            .args(["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
            .output()
            .unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        Self { folder: folder.path().to_owned(), port: free_port(), own: Some(folder), child: None }
    }

    /// One that somebody else made and keeps.
    pub(super) fn of_others(folder: PathBuf, port: u16) -> Self {
        Self { folder, port, own: None, child: None }
    }

    /// From here on somebody else removes the folder.
    pub(super) fn keep(&mut self) {
        if let Some(folder) = self.own.take() {
            let _ = folder.keep();
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The options that make it speak TLS.
    pub(super) fn tls(&self, chain: &Path, key: &Path) -> Vec<String> {
        let place = |name: &str| self.folder.join(name);
        crate::ca::write_private(&place("tls.key"), &std::fs::read(key).unwrap());
        std::fs::copy(chain, place("tls.pem")).unwrap();
        give_to_server(&place("tls.key"));
        give_to_server(&place("tls.pem"));
        let option = |name: &str, file: &str| format!("{name}={}", place(file).display());
        vec!["ssl=on".to_owned(), option("ssl_cert_file", "tls.pem"), option("ssl_key_file", "tls.key")]
    }

    /// Starts it and waits until it answers; it ends with the value.
    pub(super) fn start(&mut self, options: &[String]) {
        let log = std::fs::File::create(self.folder.join("postgres.log")).unwrap();
        let mut command = self.command(options);
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        self.wait();
    }

    /// Kills the server and every process of it where they stand, and waits for their end.
    pub(super) fn strike(&mut self) {
        assert!(self.pid().is_some(), "nobody knows which process to kill");
        self.signal("KILL");
        self.bury();
        // A process that it started a moment ago may wait for good for a lock of one that is dead; the memory that they share then keeps
        // the server from starting again.
        until(Duration::from_secs(30), "every process of postgres to be dead", || {
            let left = self.processes();
            kill("KILL", left.iter().map(String::as_str));
            left.is_empty().then_some(())
        });
    }

    /// Every process of the server: each works in the folder of its data.
    fn processes(&self) -> Vec<String> {
        let data = self.folder.join("data");
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let of_server = all.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data));
        of_server.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    pub(super) fn wait(&self) {
        let begin = Instant::now();
        while let Err(fault) = self.ask("postgres", "SELECT 1") {
            let said = || std::fs::read_to_string(self.folder.join("postgres.log")).unwrap_or_default();
            assert!(begin.elapsed() < Duration::from_secs(30), "postgres does not answer: {fault}\n{}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The words that start it.
    pub(super) fn command(&self, options: &[String]) -> Command {
        let mut command = server_program("postgres");
        command
            .current_dir(&self.folder)
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB"])
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off", "-k"])
            .arg(&self.folder)
            .args(options.iter().flat_map(|option| ["-c", option]));
        command
    }

    pub(super) fn ask(&self, database: &str, statement: &str) -> Result<String, String> {
        let output = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", POSTGRES_USER, "-d", database, "-c", statement, "-h"])
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Drops databases without waiting for it: the server waits until every connection that is just being made has come about, and whoever
    /// makes it may be the thread that asks.
    pub(super) fn forget(&self, databases: &[String]) {
        let mut command = Command::new("sh");
        command.args(["-c", r#""$@" >/dev/null 2>&1 &"#, "forget"]).arg(program("psql"));
        command.args(["-X", "-q", "-U", POSTGRES_USER, "-d", "postgres", "-p", &self.port.to_string(), "-h"]).arg(&self.folder);
        for name in databases {
            command.args(["-c", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]);
        }
        let _ = command.stdin(Stdio::null()).status();
    }

    /// Sends a signal to the server and to every process that it has started.
    pub(super) fn signal(&self, name: &str) {
        let Some(server) = self.pid() else { return };
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        // The server first, so that it starts no more of them.
        kill(name, std::iter::once(server.as_str()).chain(children.split_whitespace()));
        if name != "STOP" {
            self.wake();
        }
    }

    /// Waits for the end of what was started. What root stepped down with has to see the server end and to take leave of it: until then
    /// the server's id is in use, and a new one would find its lock file good.
    fn bury(&mut self) {
        for _ in 0..200 {
            self.wake();
            if !matches!(self.child.as_mut().map(Child::try_wait), Some(Ok(None))) {
                self.child = None;
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What root stepped down with stops by itself when the server does; told to go on, it tells the server too.
    fn wake(&self) {
        if let Some(child) = &self.child {
            kill("CONT", std::iter::once(child.id().to_string().as_str()));
        }
    }

    /// The first line of this file is the server's own id, which differs from the child's where root stepped down.
    fn pid(&self) -> Option<String> {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.child.is_none() {
            return;
        }
        if let Some(pid) = self.pid() {
            // SIGQUIT: at once, its children too. One that is frozen hears it when it goes on.
            kill("QUIT", std::iter::once(pid.as_str()));
            self.signal("CONT");
        }
        self.bury();
    }
}

fn kill<'a>(signal: &str, processes: impl Iterator<Item = &'a str>) {
    let _ = Command::new("kill").arg(format!("-{signal}")).args(processes).stderr(Stdio::null()).status();
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The server refuses to run as root: what it shall read then belongs to the user of its package.
fn give_to_server(path: &Path) {
    if is_root() {
        let owned = Command::new("chown").args(["-R", "postgres"]).arg(path).status();
        assert!(owned.unwrap().success(), "the package makes the user postgres");
    }
}

/// Debian keeps the programs of each version in a folder of their own; the newest counts.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin").join(name))))
        .filter(|(_, path)| path.exists())
        .max_by_key(|(version, _)| *version);
    newest.map(|(_, path)| path).expect("PostgreSQL is installed: `cargo xtask test` installs it")
}

fn server_program(name: &str) -> Command {
    if !is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program(name));
    command
}
