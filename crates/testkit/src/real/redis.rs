//! A Redis of one test, and everything that can go wrong with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::address::{INSIDE, free_port};
use crate::house::{terminate, until};

/// Wants a password, as one that is reached over a network must.
pub const REDIS_PASSWORD: &str = "salt and pepper on the middle shelf";

/// A running server; it ends with the value.
pub struct Redis {
    folder: TempDir,
    options: Vec<String>,
    port: u16,
    tls_port: u16,
    child: Child,
}

impl Redis {
    /// A server without persistence and without a bound on its memory.
    ///
    /// # Panics
    /// When `redis-server` is not installed: a test with real parts must not pass without them.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further options, such as `--maxmemory 16mb`.
    #[track_caller]
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let folder = TempDir::with_prefix("doorward-redis-").unwrap();
        std::fs::write(folder.path().join("password"), REDIS_PASSWORD).unwrap();
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        let (port, tls_port) = (free_port(), free_port());
        let child = spawn(folder.path(), port, &options);
        let redis = Self { folder, options, port, tls_port, child };
        redis.wait();
        redis
    }

    /// A server that also speaks TLS on [`Self::tls_port`], with this certificate and key.
    #[track_caller]
    #[must_use]
    pub fn start_with_tls(chain: &Path, key: &Path) -> Self {
        let tls_port = free_port().to_string();
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        let mut redis = Self::start_with(&[
            "--tls-port",
            &tls_port,
            "--tls-cert-file",
            chain,
            "--tls-key-file",
            key,
            "--tls-auth-clients",
            "no",
            "--tls-ca-cert-file",
            chain,
        ]);
        redis.tls_port = tls_port.parse().unwrap();
        redis
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it speaks TLS, if it does.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The section of a house's configuration.
    #[must_use]
    pub fn section(&self) -> String {
        let password = self.folder.path().join("secret");
        crate::ca::write_private(&password, REDIS_PASSWORD.as_bytes());
        format!("[counters]\nurl = \"redis://{INSIDE}:{}/0\"\npassword_file = \"{}\"\n", self.port, password.display())
    }

    /// Runs a command and returns what it printed.
    #[track_caller]
    pub fn ask(&self, words: &[&str]) -> String {
        let output = self.cli(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn cli(&self, words: &[&str]) -> std::process::Output {
        let port = self.port.to_string();
        let mut command = Command::new("redis-cli");
        command.args(["-h", "127.0.0.1", "-p", &port]).args(words);
        command.env("REDISCLI_AUTH", REDIS_PASSWORD).stdin(Stdio::null()).output().expect("redis-cli is installed")
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.ask(&["--scan"]).lines().map(str::to_owned).collect()
    }

    /// Every key that would stay for ever.
    #[must_use]
    pub fn immortal_keys(&self) -> Vec<String> {
        self.keys().into_iter().filter(|key| self.ask(&["pttl", key]) == "-1").collect()
    }

    /// Answers nobody for a while.
    pub fn pause(&self, time: Duration) {
        self.ask(&["client", "pause", &time.as_millis().to_string(), "ALL"]);
    }

    /// Stands still, connections open (SIGSTOP), until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Becomes a replica of a server that does not exist, as after a failover: keeps its keys, takes no writes.
    pub fn become_replica(&self) {
        self.ask(&["replicaof", "127.0.0.1", &free_port().to_string()]);
    }

    /// Becomes a primary again.
    pub fn become_primary(&self) {
        self.ask(&["replicaof", "no", "one"]);
    }

    /// Has no memory left for anything new, and evicts nothing.
    pub fn fill(&self) {
        self.ask(&["config", "set", "maxmemory-policy", "noeviction", "maxmemory", "1"]);
    }

    /// Has memory again.
    pub fn relieve(&self) {
        self.ask(&["config", "set", "maxmemory", "0"]);
    }

    /// Ends; with it everything it held.
    #[track_caller]
    pub fn stop(&mut self) {
        terminate(&mut self.child);
        until(Duration::from_secs(10), "redis to end", || self.child.try_wait().unwrap());
    }

    /// Starts again on the same port, empty.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.child = spawn(self.folder.path(), self.port, &self.options);
        self.wait();
    }

    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").arg("-c").arg(line).status().unwrap().success());
    }

    #[track_caller]
    fn wait(&self) {
        until(Duration::from_secs(20), "redis to answer", || {
            let output = self.cli(&["ping"]);
            String::from_utf8_lossy(&output.stdout).contains("PONG").then_some(())
        });
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("redis.log")
}

fn spawn(folder: &Path, port: u16, options: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(log_file(folder)).unwrap();
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .args(["--requirepass", REDIS_PASSWORD])
        .args(options)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("redis-server is installed: `cargo xtask test` installs it")
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
