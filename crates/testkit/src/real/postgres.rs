//! A PostgreSQL of one test process, and a database of one test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::address::{INSIDE, free_port};
use crate::house::until;

/// Owns the databases.
pub const POSTGRES_USER: &str = "doorward";
/// Wants a password, as one that is reached over a network must.
pub const POSTGRES_PASSWORD: &str = "pepper and salt on the lowest shelf";

/// A running server; it ends with the value. Nothing is synced to the disk: what it holds is worth nothing after the test.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    child: Child,
    databases: AtomicU32,
}

impl Postgres {
    /// An empty server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed: a test with real parts must not pass without them.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, and it also speaks TLS with this certificate and key.
    #[track_caller]
    #[must_use]
    pub fn start_with_tls(chain: &Path, key: &Path) -> Self {
        Self::start_with(Some((chain, key)))
    }

    #[track_caller]
    fn start_with(tls: Option<(&Path, &Path)>) -> Self {
        let folder = TempDir::with_prefix("doorward-pg-").unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, POSTGRES_PASSWORD).unwrap();
        let mut options = Vec::new();
        if let Some((chain, key)) = tls {
            crate::ca::write_private(&folder.path().join("tls.key"), &std::fs::read(key).unwrap());
            std::fs::copy(chain, folder.path().join("tls.pem")).unwrap();
            let place = |name: &str| folder.path().join(name).display().to_string();
            options.push("ssl=on".to_owned());
            options.push(format!("ssl_cert_file={}", place("tls.pem")));
            options.push(format!("ssl_key_file={}", place("tls.key")));
        }
        if is_root() {
            // The server refuses to run as root.
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            assert!(owned.unwrap().success(), "the package makes the user postgres");
        }
        let data = folder.path().join("data");
        let output = server_program("initdb")
            .current_dir(folder.path())
            .arg("-D")
            .arg(&data)
            .args(["-U", POSTGRES_USER, "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"])
            .arg(&password)
            .args(["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let port = free_port();
        let child = spawn(folder.path(), port, &options);
        let server = Self { folder, port, child, databases: AtomicU32::new(0) };
        until(Duration::from_secs(30), "postgres to answer", || server.ask("postgres", "SELECT 1").ok());
        server
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database and returns its name.
    #[track_caller]
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        name
    }

    /// The section of a house's configuration, with an empty database.
    #[track_caller]
    #[must_use]
    pub fn section(&self) -> String {
        let password = self.folder.path().join("secret");
        crate::ca::write_private(&password, POSTGRES_PASSWORD.as_bytes());
        let database = self.database();
        let address = format!("{INSIDE}:{}", self.port);
        format!(
            "[store]\nurl = \"postgres://{POSTGRES_USER}@{address}/{database}\"\npassword_file = \"{}\"\n",
            password.display()
        )
    }

    /// Runs a statement as the owner of the database and returns what it printed.
    ///
    /// # Errors
    /// What the server said against it.
    pub fn ask(&self, database: &str, statement: &str) -> Result<String, String> {
        let output = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", POSTGRES_USER, "-d", database, "-c", statement, "-h"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The first line of this file is the server's own id, which differs from the child's where root stepped down.
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            // SIGQUIT: at once, its children too.
            let _ = Command::new("kill").args(["-QUIT", pid]).status();
        }
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
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

fn spawn(folder: &Path, port: u16, options: &[String]) -> Child {
    let log = std::fs::File::create(folder.join("postgres.log")).unwrap();
    server_program("postgres")
        .current_dir(folder)
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB"])
        .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-k"])
        .arg(folder)
        .args(options.iter().flat_map(|option| ["-c", option]))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
