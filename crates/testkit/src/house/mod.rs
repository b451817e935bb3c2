//! A whole Doorward: the real binary, its configuration, its data folder, and people who live there.

mod build;
mod crash;
mod factor;
mod member;
mod node;
mod ordering;
mod process;
mod reload;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use build::{ADMIN_PASSWORD, ADMIN_USER, HouseBuilder};
pub use factor::second_step;
pub use node::Node;
pub(crate) use process::terminate;
pub use process::{Start, binary};

use crate::address::INSIDE;
use crate::ca::{TestCa, write_private};
use crate::client::Client;
use crate::mailbox::Mailbox;
use crate::raw::{RawClient, Tls};
use process::Process;

/// A running house.
pub struct House {
    folder: TempDir,
    process: Process,
    ca: TestCa,
    host: String,
    gate_hosts: Vec<String>,
    ports: Ports,
    mail_folder: Option<PathBuf>,
    acme: Option<ordering::Ordering>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    https: u16,
    http: u16,
    internal: u16,
}

impl House {
    /// A house to describe; see [`HouseBuilder`].
    #[must_use]
    pub fn builder() -> HouseBuilder {
        HouseBuilder::new()
    }

    /// The site's host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The site's host with its port, as browsers write it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.ports.https)
    }

    /// The authority of a host below the site's.
    #[must_use]
    pub fn authority_of(&self, label: &str) -> String {
        format!("{label}.{}", self.authority())
    }

    /// The site's origin.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// The TLS listener.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.ports.https)
    }

    /// The plain listener.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.ports.http)
    }

    /// The internal listener.
    #[must_use]
    pub fn internal(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.ports.internal)
    }

    /// The folder of configuration, certificates and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder().join("doorward.toml")
    }

    /// The certificate of the authority that signed the site's.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// The authority.
    #[must_use]
    pub fn ca(&self) -> &TestCa {
        &self.ca
    }

    /// The mail that the house sent.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.mail_folder.clone().unwrap_or_else(|| self.data_dir().join("mail")))
    }

    /// What it printed on stdout so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// What it printed on stderr so far: its log.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// The file that its log goes to.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.process.log_file().to_owned()
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Asserts that the process lives.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        self.process.assert_alive();
    }

    /// A client of the site from inside.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_from(INSIDE)
    }

    /// A client of the site from an address.
    #[must_use]
    pub fn client_from(&self, from: IpAddr) -> Client {
        Client::new(self.https(), from, &self.authority())
    }

    /// A client of a host below the site's, from an address.
    #[must_use]
    pub fn client_of(&self, label: &str, from: IpAddr) -> Client {
        Client::new(self.https(), from, &self.authority_of(label))
    }

    /// A raw TLS connection from inside, with the site's name in the hello.
    #[track_caller]
    #[must_use]
    pub fn raw(&self) -> RawClient {
        self.raw_from(INSIDE, &self.host)
    }

    /// A raw TLS connection from an address, with a name in the hello.
    #[track_caller]
    #[must_use]
    pub fn raw_from(&self, from: IpAddr, sni: &str) -> RawClient {
        RawClient::tls(self.https(), from, &Tls::to(sni)).expect("the door opens")
    }

    /// A raw plain connection from inside.
    #[track_caller]
    #[must_use]
    pub fn raw_plain(&self) -> RawClient {
        RawClient::plain(self.http(), INSIDE).expect("the plain door opens")
    }

    /// Runs `doorward verify` with this house's configuration and its gates' password; the two files go to `out`.
    /// `at_the_root` is what the gated UIs answer to `/` when somebody gets through.
    #[must_use]
    pub fn verify(&self, out: &Path, at_the_root: u16) -> std::process::Output {
        let log = self.process.log_file().display().to_string();
        self.verify_at(INSIDE, out, at_the_root, &["--log", &log])
    }

    /// As [`Self::verify`], of a house that listens at another address, with more arguments and without a log.
    #[must_use]
    pub fn verify_at(&self, here: IpAddr, out: &Path, at_the_root: u16, more: &[&str]) -> std::process::Output {
        let secrets = TempDir::with_prefix("doorward-verify-").unwrap();
        let (password, list) = (secrets.path().join("password"), secrets.path().join("gates"));
        write_private(&password, ADMIN_PASSWORD.as_bytes());
        let labels = self.gate_hosts.iter().filter_map(|host| host.split('.').next());
        let lines: String = labels.map(|label| format!("{label} {ADMIN_USER} {} {at_the_root}\n", password.display())).collect();
        write_private(&list, lines.as_bytes());
        let hosts = std::iter::once(&self.host).chain(&self.gate_hosts);
        let pins =
            hosts.flat_map(|host| [self.ports.https, self.ports.http].map(|port| format!("--resolve={host}:{port}:{here}")));
        process::command(self.folder())
            .arg("--config")
            .arg(self.config_file())
            .args(["verify", "--inside=127.0.0.1", "--outside=127.0.0.2", "--out"])
            .arg(out)
            .arg("--ca")
            .arg(self.ca_file())
            .arg("--gate-credentials")
            .arg(&list)
            .args(pins)
            .args(more)
            .output()
            .unwrap()
    }

    /// Runs another command of the binary with this house's configuration, beside the running process.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> std::process::Output {
        process::command(self.folder()).arg("--config").arg(self.config_file()).args(args).output().unwrap()
    }

    /// Asks the process to end and waits; its exit code.
    #[track_caller]
    pub fn stop(&mut self) -> Option<i32> {
        self.process.stop()
    }

    /// Tries to start it again after [`Self::stop`].
    #[track_caller]
    #[must_use]
    pub fn try_again(&mut self) -> Start {
        match &self.acme {
            Some(ordering) => ordering.try_start(&self.config_file(), self.folder(), &[], "info").outcome(),
            None => Process::start(&self.config_file(), self.folder(), &[], "info").outcome(),
        }
    }

    #[track_caller]
    fn launch(&self, config: &Path) -> Process {
        match &self.acme {
            Some(ordering) => ordering.start(config, self.folder(), &[], "info"),
            None => Process::start(config, self.folder(), &[], "info").ready(),
        }
    }

    /// Ends the process, changes the configuration's text, starts again.
    #[track_caller]
    pub fn restart_with(&mut self, change: impl FnOnce(String) -> String) {
        self.process.stop();
        let text = std::fs::read_to_string(self.config_file()).unwrap();
        std::fs::write(self.config_file(), change(text)).unwrap();
        self.process = self.launch(&self.config_file());
    }
}

/// `Authorization` of user and password (RFC 7617).
#[must_use]
pub fn basic_auth(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Looks until there is something to see; panics when the time is up.
#[track_caller]
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
