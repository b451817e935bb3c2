//! What a house should be, as the configuration file of a real one.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::ordering::Ordering;
use super::process::Process;
use super::{House, Ports, Start};
use crate::address::free_port;
use crate::ca::{TestCa, write_private};
use crate::upstream::EchoUpstream;

/// The user of every gate.
pub const ADMIN_USER: &str = "keeper";
/// The password of every gate.
pub const ADMIN_PASSWORD: &str = "a brass key on a red string";

/// A hundred times the defaults.
const HIGH: &[(&str, &str)] = &[
    ("edge", "60000/min"),
    ("edge_auth", "12000/min"),
    ("edge_gate", "30000/min"),
    ("gate_failure", "1000/min"),
    ("csp_report", "6000/min"),
    ("auth_csrf", "6000/min"),
    ("csrf_refusal", "500/min"),
    ("auth_register", "500/min"),
    ("auth_login", "500/min"),
    ("auth_login_account", "1000/15min"),
    ("auth_logout", "3000/min"),
    ("auth_me", "12000/min"),
    ("verify_email", "1000/15min"),
    ("verify_email_resend", "1000/15min"),
    ("verify_email_resend_address", "500/15min"),
    ("auth_profile", "3000/min"),
    ("auth_password", "500/15min"),
    ("auth_email", "500/h"),
    ("auth_refresh", "3000/min"),
    ("auth_sessions", "3000/min"),
    ("auth_sessions_revoke", "1000/min"),
    ("auth_delete", "500/h"),
    ("auth_export", "1000/h"),
    ("auth_second_factor", "1000/15min"),
    ("auth_passkey", "3000/15min"),
    ("auth_factors", "6000/min"),
    ("auth_factors_change", "2000/h"),
    ("auth_step_up", "1000/15min"),
    ("auth_oauth", "500/min"),
    ("auth_oauth_unlink", "500/h"),
    ("auth_gate", "3000/15min"),
    ("forgot_password", "1000/15min"),
    ("forgot_password_address", "500/15min"),
    ("reset_password", "1000/15min"),
    ("reset_password_total", "60000/min"),
    ("email_confirm", "1000/15min"),
    ("mail_address", "2000/24h"),
];

/// Something that is done in the folder before the start.
type Deed = Box<dyn Fn(&std::path::Path)>;

/// Describes a house.
pub struct HouseBuilder {
    host: String,
    https_port: Option<u16>,
    http_port: Option<u16>,
    env: &'static str,
    log: &'static str,
    vars: Vec<(String, String)>,
    listen: String,
    accounts: String,
    counters: String,
    store: String,
    mail: String,
    mail_folder: Option<PathBuf>,
    limits: Vec<(String, String)>,
    sections: String,
    gate_hosts: Vec<String>,
    edits: Vec<(String, String)>,
    master_key: Vec<u8>,
    by: fn(&std::path::Path) -> Vec<String>,
    acme: Option<Ordering>,
    prepare: Vec<Deed>,
}

impl HouseBuilder {
    pub(super) fn new() -> Self {
        // As high as they may be outside development: a test that is about limits sets its own.
        let limits = HIGH.iter().map(|(scope, quota)| ((*scope).to_owned(), (*quota).to_owned())).collect();
        Self {
            host: "app.test".to_owned(),
            https_port: None,
            http_port: None,
            acme: None,
            prepare: Vec::new(),
            env: "staging",
            log: "info",
            vars: Vec::new(),
            listen: String::new(),
            accounts: String::new(),
            store: "[store]\nurl = \"sqlite\"\n".to_owned(),
            counters: "[counters]\nurl = \"memory\"\n".to_owned(),
            mail: String::new(),
            mail_folder: None,
            limits,
            sections: String::new(),
            gate_hosts: Vec::new(),
            edits: Vec::new(),
            by: |_| Vec::new(),
            master_key: b"0123456789abcdef0123456789abcdef-a-key-of-tests".to_vec(),
        }
    }

    /// Another host than `app.test`.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// A TLS port that somebody had to know before.
    #[must_use]
    pub fn https_port(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Does something in the house's folder before the start.
    #[must_use]
    pub fn prepare(mut self, deed: impl Fn(&std::path::Path) + 'static) -> Self {
        self.prepare.push(Box::new(deed));
        self
    }

    /// Another plain port than any free one.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = Some(port);
        self
    }

    /// Certificates ordered from this authority, which has to outlive the house and looks for answers where the house will listen. The
    /// program is then Doorward's example `loopback_ca`: the program itself orders from nobody on this machine.
    #[must_use]
    pub fn acme(mut self, authority: &crate::real::Pebble) -> Self {
        let options = authority.options();
        (self.http_port, self.https_port) = (Some(options.http_port), Some(options.tls_port));
        self.acme = Some(Ordering::from(authority));
        self.edit("source = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"", "source = \"le-staging\"")
    }

    /// `development`, `staging` (the default) or `production`.
    #[must_use]
    pub fn env(mut self, env: &'static str) -> Self {
        self.env = env;
        self
    }

    /// The level of the log.
    #[must_use]
    pub fn log(mut self, level: &'static str) -> Self {
        self.log = level;
        self
    }

    /// A variable of the process's environment.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the binary through another program, which has to end with it: its words are told where the house's folder is.
    #[must_use]
    pub fn by(mut self, words: fn(&std::path::Path) -> Vec<String>) -> Self {
        self.by = words;
        self
    }

    /// Another master key.
    #[must_use]
    pub fn master_key(mut self, bytes: &[u8]) -> Self {
        self.master_key = bytes.to_vec();
        self
    }

    /// A line of `[listen]`.
    #[must_use]
    pub fn listen(mut self, line: &str) -> Self {
        let _ = writeln!(self.listen, "{line}");
        self
    }

    /// A line of `[accounts]`.
    #[must_use]
    pub fn accounts(mut self, line: &str) -> Self {
        let _ = writeln!(self.accounts, "{line}");
        self
    }

    /// Counters in this Redis, which has to outlive the house.
    #[must_use]
    pub fn redis(mut self, redis: &crate::real::Redis) -> Self {
        self.counters = redis.section();
        self
    }

    /// Accounts where this section says.
    #[must_use]
    pub fn store(mut self, section: &str) -> Self {
        section.clone_into(&mut self.store);
        self
    }

    /// Accounts in a new database of this PostgreSQL, which has to outlive the house.
    #[must_use]
    pub fn postgres(mut self, postgres: &crate::real::Postgres) -> Self {
        self.store = postgres.section();
        self
    }

    /// Mail by this relay, which has to outlive the house; its mailbox is the house's.
    #[must_use]
    pub fn smtp(mut self, relay: &crate::real::Smtp) -> Self {
        self.mail.insert_str(0, &relay.section());
        self.mail_folder = Some(relay.mail());
        self
    }

    /// A line of `[mail]`.
    #[must_use]
    pub fn mail(mut self, line: &str) -> Self {
        let _ = writeln!(self.mail, "{line}");
        self
    }

    /// A quota, such as `5/min`.
    #[must_use]
    pub fn limit(mut self, scope: &str, quota: &str) -> Self {
        self.limits.retain(|(name, _)| name != scope);
        self.limits.push((scope.to_owned(), quota.to_owned()));
        self
    }

    /// The quotas of a house whose file has no `[limits]`.
    #[must_use]
    pub fn default_limits(mut self) -> Self {
        self.limits.clear();
        self
    }

    /// No quota that a test could reach; only `development` allows that.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.env = "development";
        self.limits.iter_mut().for_each(|(_, quota)| "1000000/min".clone_into(quota));
        self
    }

    /// Any further sections.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        let _ = writeln!(self.sections, "{text}");
        self
    }

    /// Sign-in with a provider of this machine, which only `development` allows.
    #[must_use]
    pub fn oauth(mut self, section: &str) -> Self {
        self.env = "development";
        self.section(section)
    }

    /// Whoever has the role `operator` is one.
    #[must_use]
    pub fn operators(self) -> Self {
        self.accounts("roles = [\"operator\"]\noperator_roles = [\"operator\"]")
    }

    /// An upstream by URL.
    #[must_use]
    pub fn upstream(self, name: &str, url: &str) -> Self {
        self.section(&format!("[[upstream]]\nname = \"{name}\"\nurl = \"{url}\""))
    }

    /// An upstream of files.
    #[must_use]
    pub fn files(self, name: &str, root: &std::path::Path) -> Self {
        self.section(&format!("[[upstream]]\nname = \"{name}\"\nroot = \"{}\"", root.display()))
    }

    /// A recording upstream.
    #[must_use]
    pub fn echo(self, upstream: &EchoUpstream) -> Self {
        self.upstream(upstream.name(), &upstream.url())
    }

    /// A route of the site.
    #[must_use]
    pub fn route(self, path: &str, upstream: &str, access: &str) -> Self {
        self.section(&format!("[[route]]\npath = \"{path}\"\nupstream = \"{upstream}\"\naccess = \"{access}\""))
    }

    /// A gate on `label.host`, open to [`crate::INSIDE`] and the one user.
    #[must_use]
    pub fn gate(self, label: &str, upstream: &str, profile: &str) -> Self {
        self.gate_with(label, upstream, profile, "allow = [\"127.0.0.1/32\"]")
    }

    /// A gate with an `allow` line, and more lines, of its own.
    #[must_use]
    pub fn gate_with(mut self, label: &str, upstream: &str, profile: &str, lines: &str) -> Self {
        let host = format!("{label}.{}", self.host);
        let text = format!(
            "[[gate]]\nname = \"{label}\"\nhost = \"{host}\"\nupstream = \"{upstream}\"\n{lines}\nusers_file = \"gate.htpasswd\"\n\
             profile = \"{profile}\""
        );
        self.gate_hosts.push(host);
        self.section(&text)
    }

    /// Public listeners at this address instead of [`crate::INSIDE`], where everything else of a machine listens too.
    #[must_use]
    pub fn at(self, here: std::net::IpAddr) -> Self {
        self.edit("\nhttps = [\"127.0.0.1:", &format!("\nhttps = [\"{here}:"))
            .edit("\nhttp = [\"127.0.0.1:", &format!("\nhttp = [\"{here}:"))
    }

    /// Replaces text of the finished file: for files that must not be accepted.
    #[must_use]
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Starts it; it has to come up.
    #[track_caller]
    #[must_use]
    pub fn start(self) -> House {
        let (folder, ca, ports) = self.lay_out();
        let by = (self.by)(folder.path());
        let config = folder.path().join("doorward.toml");
        let process = match &self.acme {
            Some(ordering) => ordering.start(&config, folder.path(), &self.vars, self.log),
            None => Process::start_by(&by, &config, folder.path(), &self.vars, self.log).ready(),
        };
        let (host, gate_hosts, mail_folder) = (self.host, self.gate_hosts, self.mail_folder);
        House { folder, process, ca, host, gate_hosts, ports, mail_folder, acme: self.acme }
    }

    /// Tries to start it.
    #[track_caller]
    #[must_use]
    pub fn try_start(self) -> Start {
        let (folder, ..) = self.lay_out();
        let by = (self.by)(folder.path());
        if let Some(ordering) = &self.acme {
            return ordering.try_start(&folder.path().join("doorward.toml"), folder.path(), &self.vars, self.log).outcome();
        }
        Process::start_by(&by, &folder.path().join("doorward.toml"), folder.path(), &self.vars, self.log).outcome()
    }

    /// Writes everything that a start reads.
    fn lay_out(&self) -> (TempDir, TestCa, Ports) {
        let folder = TempDir::with_prefix("doorward-house-").unwrap();
        let path = folder.path();
        let ports = Ports {
            https: self.https_port.unwrap_or_else(free_port),
            http: self.http_port.unwrap_or_else(free_port),
            internal: free_port(),
        };
        std::fs::create_dir(path.join("data")).unwrap();
        write_private(&path.join("master.key"), &self.master_key);
        let hash = bcrypt::hash(ADMIN_PASSWORD, 10).unwrap();
        write_private(&path.join("gate.htpasswd"), format!("{ADMIN_USER}:{hash}\n").as_bytes());
        let hosts: Vec<String> = std::iter::once(self.host.clone()).chain(self.gate_hosts.iter().cloned()).collect();
        let ca = TestCa::new();
        ca.write(path, &hosts);
        let mut text = self.text(ports);
        for (from, to) in &self.edits {
            assert!(text.contains(from), "nothing to edit: {from} is not in\n{text}");
            text = text.replace(from, to);
        }
        std::fs::write(path.join("doorward.toml"), text).unwrap();
        self.prepare.iter().for_each(|deed| deed(path));
        (folder, ca, ports)
    }

    fn text(&self, ports: Ports) -> String {
        let Ports { https, http, internal } = ports;
        let limits: String = self.limits.iter().map(|(scope, quota)| format!("{scope} = \"{quota}\"\n")).collect();
        format!(
            r#"version = 1

[site]
origin = "https://{host}:{https}"
env = "{env}"
data_dir = "data"
key_file = "master.key"
danger_run_as_root = true

[listen]
https = ["127.0.0.1:{https}"]
http = ["127.0.0.1:{http}"]
internal = "127.0.0.1:{internal}"
{listen}
[tls]
source = "files"
certificate = "site.pem"
key = "site.key"

{store}
{counters}
[mail]
{mail}from = "House <no-reply@{host}>"

[accounts]
{accounts}
[limits]
{limits}
{sections}"#,
            host = self.host,
            env = self.env,
            listen = self.listen,
            accounts = self.accounts,
            store = self.store,
            counters = self.counters,
            mail = if self.mail.contains("url") { self.mail.clone() } else { format!("url = \"file\"\n{}", self.mail) },
            sections = self.sections,
        )
    }
}
