//! The authority of one test: Pebble, which speaks ACME as Let's Encrypt does, and a name server that sends every name to 127.0.0.1.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::address::{INSIDE, free_port};
use crate::ca::TestCa;
use crate::house::{terminate, until};
use crate::raw::{RawClient, Tls, Trust};

/// With this the common name of every issuer begins.
pub const PEBBLE_ISSUER: &str = "Pebble Intermediate CA";

/// How an authority behaves.
#[derive(Debug, Clone, Copy)]
pub struct PebbleOptions {
    /// Where it looks for http-01 answers, on 127.0.0.1.
    pub http_port: u16,
    /// Where it looks for tls-alpn-01 answers.
    pub tls_port: u16,
    /// Seconds that certificates live.
    pub validity: u32,
    /// Of a hundred good nonces so many are rejected.
    pub nonce_reject: u8,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self { http_port: free_port(), tls_port: free_port(), validity: 90 * 24 * 3600, nonce_reject: 0 }
    }
}

/// A running authority; it ends with the value.
pub struct Pebble {
    folder: TempDir,
    ca: TestCa,
    options: PebbleOptions,
    port: u16,
    management: u16,
    names: u16,
    names_management: u16,
    name_server: Child,
    child: Option<Child>,
}

impl Pebble {
    /// An authority that looks for answers at these ports.
    ///
    /// # Panics
    /// When `pebble` is not installed: a test with real parts must not pass without them.
    #[track_caller]
    #[must_use]
    pub fn start(http_port: u16, tls_port: u16) -> Self {
        Self::start_with(PebbleOptions { http_port, tls_port, ..PebbleOptions::default() })
    }

    /// An authority with options.
    ///
    /// # Panics
    /// See [`Self::start`].
    #[track_caller]
    #[must_use]
    pub fn start_with(options: PebbleOptions) -> Self {
        let folder = TempDir::with_prefix("doorward-pebble-").unwrap();
        let ca = TestCa::new();
        ca.write(folder.path(), &["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let [port, management, names, names_management] = [free_port(), free_port(), free_port(), free_port()];
        let name_server = spawn_names(folder.path(), names, names_management);
        let mut pebble = Self { folder, ca, options, port, management, names, names_management, name_server, child: None };
        pebble.start_again();
        pebble
    }

    /// Starts again on the same ports. Accounts, orders and issuing roots are forgotten, as everything is in memory.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.stop();
        let options = self.options;
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.port),
            "managementListenAddress": format!("127.0.0.1:{}", self.management),
            "certificate": "site.pem", "privateKey": "site.key",
            "httpPort": options.http_port, "tlsPort": options.tls_port,
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "certificateValidityPeriod": options.validity,
        }});
        std::fs::write(self.folder.path().join("pebble.json"), config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command
            .current_dir(self.folder.path())
            .args(["-config", "pebble.json", "-dnsserver", &format!("127.0.0.1:{}", self.names)])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", options.nonce_reject.to_string())
            .env("PEBBLE_AUTHZREUSE", "0");
        self.child = Some(spawn(command, &self.folder.path().join("pebble.log")));
        until(Duration::from_secs(20), "pebble to answer", || self.ask(self.port, "/dir"));
    }

    /// Ends the authority; its name server stays.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// The URL of its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    /// The root of its own HTTPS interface, in PEM.
    #[must_use]
    pub fn api_root_pem(&self) -> String {
        self.ca.pem()
    }

    /// The root that issued chains end at, in PEM; new at every start.
    #[track_caller]
    #[must_use]
    pub fn issuing_root_pem(&self) -> String {
        self.ask(self.management, "/roots/0").expect("pebble tells its root")
    }

    /// Where the answers are looked for.
    #[must_use]
    pub fn options(&self) -> PebbleOptions {
        self.options
    }

    /// Sends a name elsewhere than to 127.0.0.1.
    #[track_caller]
    pub fn send_name_to(&self, host: &str, address: &str) {
        let body = serde_json::json!({ "host": host, "addresses": [address] }).to_string();
        let mut raw = RawClient::plain(SocketAddr::new(INSIDE, self.names_management), INSIDE).unwrap();
        let length = body.len();
        let reply = raw.ask(format!(
            "POST /add-a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        assert_eq!(reply.status, 200);
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pebble.log")).unwrap_or_default()
    }

    fn ask(&self, port: u16, path: &str) -> Option<String> {
        let tls = Tls::to("localhost").trust(Trust::Authority(self.ca.der()));
        let mut raw = RawClient::tls(SocketAddr::new(INSIDE, port), INSIDE, &tls).ok()?;
        raw.send_what_it_takes(format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"));
        let reply = raw.read_reply().ok()?;
        (reply.status == 200).then(|| reply.text())
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        end(&mut self.name_server);
    }
}

fn spawn_names(folder: &Path, port: u16, management: u16) -> Child {
    let mut command = Command::new("pebble-challtestsrv");
    command
        .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
        .args(["-dns01", &format!("127.0.0.1:{port}"), "-management", &format!("127.0.0.1:{management}")])
        .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
    let child = spawn(command, &folder.join("names.log"));
    let address = SocketAddr::new(INSIDE, management);
    until(Duration::from_secs(20), "the name server to listen", || RawClient::plain(address, INSIDE).ok());
    child
}

fn spawn(mut command: Command, log: &PathBuf) -> Child {
    let log = File::create(log).unwrap();
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
    child.expect("pebble is installed")
}

fn end(child: &mut Child) {
    terminate(child);
    for _ in 0..100 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}
