//! Addresses of servers and the passwords for them: `scheme://[user@]host[:port][/database]` (CFG-01, EXPO-02, EMAIL-10).
//!
//! A password never stands in an address: what looks like one is refused and not repeated.

use std::path::PathBuf;

use doorward_kit::{Host, Origin};

use super::Scene;
use crate::address::Endpoint;
use crate::model::{Protection, Remote, SecretSource};
use crate::reader::{Located, Problem, Section};
use crate::value;

/// An address, taken apart.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) scheme: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// What follows the first slash; absent without one.
    pub(crate) path: Option<String>,
}

impl Address {
    /// Takes an address apart whose scheme is one of those given, each with its usual port.
    pub(crate) fn parse(text: &str, schemes: &[(&'static str, u16)], example: &str) -> Result<Self, Problem> {
        let bad = || Problem::new("is not an address of a server", format!("such as \"{example}\"")).hidden();
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let &(scheme, usual_port) = schemes.iter().find(|(known, _)| *known == scheme).ok_or_else(bad)?;
        if rest.contains(['?', '#', '%', '\\']) || rest.contains(|c: char| c.is_control() || c == ' ') {
            return Err(bad());
        }
        // The user may hold a slash by mistake, as part of a password, so the @ is looked for first.
        let (user, server) = rest.rsplit_once('@').map_or((None, rest), |(user, server)| (Some(user), server));
        if user.is_some_and(|user| user.contains([':', '/'])) {
            let hint = "write user@host here, and use password_file for the path of a file";
            return Err(Problem::new("holds a password", hint).hidden());
        }
        let (authority, path) = server.split_once('/').map_or((server, None), |(host, path)| (host, Some(path.to_owned())));
        let (host, port) = host_and_port(authority, usual_port).ok_or_else(bad)?;
        let user = user.map(user_name).transpose()?;
        Ok(Self { scheme, user, host, port, path })
    }

    /// Whether the connection stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        Endpoint::new(&self.host, self.port).is_loopback()
    }
}

/// A web origin has the same grammar between its scheme and its end.
fn host_and_port(authority: &str, usual_port: u16) -> Option<(Host, u16)> {
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| if port.ends_with(']') { authority } else { host });
    let has_port = host.len() != authority.len();
    let origin: Origin =
        if has_port { format!("http://{authority}") } else { format!("http://{authority}:{usual_port}") }.parse().ok()?;
    let ip = origin.host().ip().map(|ip| ip.to_canonical());
    let is_nowhere = origin.port() == 0 || ip.is_some_and(|ip| ip.is_unspecified() || ip.is_multicast());
    (!is_nowhere).then(|| (origin.host().clone(), origin.port()))
}

fn user_name(user: &str) -> Result<String, Problem> {
    let fine = (1..=128).contains(&user.len()) && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+@".contains(&b));
    if fine {
        Ok(user.to_owned())
    } else {
        Err(Problem::new("has a user that is no name", "letters, digits, - _ . + and @").hidden())
    }
}

/// The keys beside an address.
pub(crate) struct Credentials {
    pub(crate) password: Option<Located<SecretSource>>,
    pub(crate) ca_file: Option<Located<PathBuf>>,
}

/// Reads `password_file`, `password_env` and `ca_file`; `None` when one of them is wrong.
pub(crate) fn credentials(section: &Section<'_>, scene: &Scene<'_>) -> Option<Credentials> {
    let file = section.maybe("password_file", |item| value::path(item, scene.base).map(SecretSource::File));
    let variable = section.maybe("password_env", |item| value::variable_name(item).map(SecretSource::Env));
    let ca_file = section.maybe("ca_file", |item| value::path(item, scene.base));
    let password = match (file?, variable?) {
        (Some(file), Some(_)) => {
            section.reader.blame(&file, Problem::new("stands beside password_env", "keep one of the two"));
            return None;
        }
        (file, variable) => file.or(variable),
    };
    if let Some(password) = &password {
        section.reader.names(password.key.split('.').next().unwrap_or_default(), &password.value);
    }
    Some(Credentials { password, ca_file: ca_file? })
}

impl Credentials {
    /// Nothing beside an address that needs none: a key that means nothing is a mistake about where the data is.
    pub(crate) fn refuse_all(&self, section: &Section<'_>, url: &str) -> Option<()> {
        let problem =
            || Problem::new("means nothing here", format!("url is \"{url}\": set the address of a server, or remove this"));
        let password = self.password.as_ref().map(|found| section.reader.blame(found, problem()));
        let ca_file = self.ca_file.as_ref().map(|found| section.reader.blame(found, problem()));
        (password.is_none() && ca_file.is_none()).then_some(())
    }

    pub(crate) fn reach(self, address: &Address, protection: Protection) -> Remote {
        Remote {
            host: address.host.clone(),
            port: address.port,
            protection,
            user: address.user.clone(),
            password: self.password.map(|password| password.value),
            ca_file: self.ca_file.map(|file| file.value),
        }
    }
}

/// Outside development a store or counter without a password is open to whoever reaches it (EXPO-02).
pub(crate) fn password_missing(section: &Section<'_>, scene: &Scene<'_>, credentials: &Credentials) -> Option<()> {
    if credentials.password.is_some() || scene.is_development() {
        return Some(());
    }
    let hint = "a file with at least 32 random octets, mode 0600, or password_env for the name of a variable";
    section.blame("password_file", Problem::new("is missing", hint));
    None
}
