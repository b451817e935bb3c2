//! A PostgreSQL server, and a database of one test.
//!
//! Making a server takes seconds and a test needs milliseconds of it: tests share one and have databases of their own. A test that stops,
//! freezes or configures the server has one alone.

mod cluster;
mod shared;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use self::cluster::Cluster;
use self::shared::Lease;
use crate::address::INSIDE;

/// Owns the databases.
pub const POSTGRES_USER: &str = "doorward";
/// Wants a password, as one that is reached over a network must.
pub const POSTGRES_PASSWORD: &str = "pepper and salt on the lowest shelf";

/// A running server, shared or alone. Nothing is synced to the disk: what it holds is worth nothing after the test.
pub struct Postgres {
    cluster: Cluster,
    /// The password as a file of the configuration.
    secret: TempDir,
    databases: Mutex<Vec<String>>,
    /// Held for as long as the server is used.
    lease: Option<Lease>,
}

impl Postgres {
    /// The server that tests share.
    ///
    /// # Panics
    /// When PostgreSQL is not installed: a test with real parts must not pass without them.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let (cluster, lease) = shared::join();
        Self::over(cluster, Some(lease))
    }

    /// A server of this test alone, which may be frozen; it ends with the value.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[track_caller]
    #[must_use]
    pub fn alone(options: &[&str]) -> Self {
        let mut cluster = Cluster::make();
        cluster.start(&options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>());
        Self::over(cluster, None)
    }

    /// The same, and it also speaks TLS with this certificate and key.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[track_caller]
    #[must_use]
    pub fn start_with_tls(chain: &Path, key: &Path) -> Self {
        let mut cluster = Cluster::make();
        let options = cluster.tls(chain, key);
        cluster.start(&options);
        Self::over(cluster, None)
    }

    fn over(cluster: Cluster, lease: Option<Lease>) -> Self {
        let secret = TempDir::with_prefix("doorward-pg-secret-").unwrap();
        crate::ca::write_private(&secret.path().join("secret"), POSTGRES_PASSWORD.as_bytes());
        Self { cluster, secret, databases: Mutex::default(), lease }
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// Makes an empty database and returns its name.
    #[track_caller]
    #[must_use]
    pub fn database(&self) -> String {
        self.copy_of("template1").unwrap()
    }

    /// Makes a database that begins as a copy of `template`, and returns its name. Whoever asks first prepares an empty one for all.
    pub async fn database_like<F: Future<Output = ()>>(&self, template: &str, prepare: impl FnOnce(String) -> F) -> String {
        if let Ok(name) = self.copy_of(template) {
            return name;
        }
        let _turn = shared::turn();
        if let Ok(name) = self.copy_of(template) {
            return name;
        }
        let model = self.database();
        prepare(model.clone()).await;
        self.ask("postgres", &format!("ALTER DATABASE {model} RENAME TO {template}")).unwrap();
        self.copy_of(template).unwrap()
    }

    fn copy_of(&self, template: &str) -> Result<String, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Other processes have databases on the same server.
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        self.databases.lock().unwrap().push(name.clone());
        Ok(name)
    }

    /// The section of a house's configuration, with an empty database.
    #[track_caller]
    #[must_use]
    pub fn section(&self) -> String {
        self.section_of(&self.database())
    }

    /// The section of a house's configuration, with a database that there is.
    #[must_use]
    pub fn section_of(&self, database: &str) -> String {
        let address = format!("{INSIDE}:{}", self.port());
        format!(
            "[store]\nurl = \"postgres://{POSTGRES_USER}@{address}/{database}\"\npassword_file = \"{}\"\n",
            self.secret.path().join("secret").display()
        )
    }

    /// Runs a statement as the owner of the database and returns what it printed.
    ///
    /// # Errors
    /// What the server said against it.
    pub fn ask(&self, database: &str, statement: &str) -> Result<String, String> {
        self.cluster.ask(database, statement)
    }

    /// Every octet of a database's files, rows that were removed among them.
    #[must_use]
    pub fn octets_of(&self, database: &str) -> Vec<u8> {
        self.ask(database, "CHECKPOINT").unwrap();
        let of = format!("SELECT oid FROM pg_database WHERE datname = '{database}'");
        let oid = self.ask(database, &of).unwrap();
        let files = std::fs::read_dir(self.cluster.folder().join("data/base").join(oid)).unwrap();
        // The server may remove a file meanwhile.
        files.filter_map(|file| std::fs::read(file.unwrap().path()).ok()).flatten().collect()
    }

    /// Stops every process of the server where it stands, as a machine does that hangs; they take no answer and give none.
    ///
    /// # Panics
    /// On a server that others use too.
    pub fn freeze(&self) {
        assert!(self.lease.is_none(), "others use this server");
        self.cluster.signal("STOP");
    }

    /// Kills every process of the server where it stands, as a machine does that dies, and starts it again with these options: it recovers
    /// what its log has.
    ///
    /// # Panics
    /// On a server that others use too.
    #[track_caller]
    pub fn strike(&mut self, options: &[&str]) {
        assert!(self.lease.is_none(), "others use this server");
        self.cluster.strike();
        self.cluster.start(&options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>());
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.cluster.signal("CONT");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.lease.is_some() {
            self.cluster.forget(self.databases.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }
}
