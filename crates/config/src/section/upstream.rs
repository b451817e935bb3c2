//! `[[upstream]]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::Origin;

use super::Scene;
use crate::model::{
    ClientCertificate, HealthCheck, SecretSource, ServerAddress, Servers, Speech, Upstream, UpstreamTarget, UpstreamTls,
};
use crate::reader::{Item, Located, Problem, Section};
use crate::value::{self, seconds};

const URL_HINT: &str = "such as \"http://127.0.0.1:3000\", with nothing after the port";

/// As read; `None` is a value that was wrong.
pub(crate) struct UpstreamDraft {
    pub(crate) name: Option<Located<String>>,
    pub(crate) target: Option<Located<UpstreamTarget>>,
    /// The outer `None` is one that was wrong.
    secret: Option<Option<Located<SecretSource>>>,
}

impl UpstreamDraft {
    pub(crate) fn finish(self) -> Option<Upstream> {
        Some(Upstream { name: self.name?.value, target: self.target?.value, secret: self.secret?.map(|secret| secret.value) })
    }

    /// A secret that must not be served.
    pub(crate) fn secret_file(&self) -> Option<&Path> {
        match &self.secret.as_ref()?.as_ref()?.value {
            SecretSource::File(path) => Some(path),
            SecretSource::Env(_) => None,
        }
    }

    /// A key that must not be served.
    pub(crate) fn client_key(&self) -> Option<&Path> {
        self.target.as_ref()?.value.client_certificate().map(|pair| pair.key.as_path())
    }
}

pub(crate) fn upstream(section: &Section<'_>, scene: &Scene<'_>) -> UpstreamDraft {
    let name = section.required("name", "routes and gates call it by its name", value::name);
    let url = section.maybe("url", server);
    let urls = section.list("urls", server);
    let root = section.maybe("root", |item| value::path(item, scene.base));
    let manner = Manner::read(section, scene);
    let secret = secret(section, scene);
    section.finish();
    let target = target(section, url, urls, root, manner);
    let is_folder = target.as_ref().is_some_and(|target| matches!(target.value, UpstreamTarget::Files { .. }));
    if let (true, Some(Some(secret))) = (is_folder, &secret) {
        section.reader.blame(secret, Problem::new("means nothing for files", "it is for servers: remove it"));
    }
    UpstreamDraft { name, target, secret }
}

/// What the door proves itself with to the upstream (EXPO-10): a file or a variable, never both.
fn secret(section: &Section<'_>, scene: &Scene<'_>) -> Option<Option<Located<SecretSource>>> {
    let file = section.maybe("secret_file", |item| value::path(item, scene.base).map(SecretSource::File));
    let variable = section.maybe("secret_env", |item| value::variable_name(item).map(SecretSource::Env));
    let secret = match (file?, variable?) {
        (Some(file), Some(_)) => {
            section.reader.blame(&file, Problem::new("stands beside secret_env", "keep one of the two"));
            return None;
        }
        (file, variable) => file.or(variable),
    };
    if let Some(secret) = &secret {
        section.reader.names("upstream", &secret.value);
    }
    Some(secret)
}

type Read<T> = Option<Option<T>>;

/// A server, several, or a folder: exactly one of the three.
fn target(
    section: &Section<'_>,
    url: Read<Located<Address>>,
    urls: Read<Vec<Located<Address>>>,
    root: Read<Located<PathBuf>>,
    manner: Option<Manner>,
) -> Option<Located<UpstreamTarget>> {
    let (url, urls, root, manner) = (url?, urls?, root?, manner?);
    if let (Some(root), true) = (&root, url.is_some() || urls.is_some()) {
        section.reader.blame(root, Problem::new("stands beside url", "an upstream is a server or a folder: keep one of the two"));
        return None;
    }
    if let (Some(url), Some(_)) = (&url, &urls) {
        section.reader.blame(url, Problem::new("stands beside urls", "one server or several: keep one of the two"));
        return None;
    }
    if let Some(root) = root {
        return manner.is_none_written(section).then(|| root.map(|root| UpstreamTarget::Files { root }));
    }
    let servers: Vec<Located<Address>> = url.into_iter().chain(urls.into_iter().flatten()).collect();
    let Some(first) = servers.first() else {
        section.blame(
            "url",
            Problem::new("is missing", "url = \"http://127.0.0.1:3000\" for a server, or root = \"dist/\" for files"),
        );
        return None;
    };
    agree(section, &servers)?;
    let (key, at, scheme) = (first.key.clone(), first.at.clone(), first.value.scheme);
    let addresses = servers.into_iter().map(|server| server.value.place).collect();
    let servers = manner.of(section, scheme, addresses)?;
    Some(Located { value: UpstreamTarget::Servers(Arc::new(servers)), key, at })
}

/// All of a list speak the same, and none is there twice.
fn agree(section: &Section<'_>, servers: &[Located<Address>]) -> Option<()> {
    let mut fine = Some(());
    for (index, server) in servers.iter().enumerate() {
        let problem = if server.value.scheme != servers[0].value.scheme {
            Problem::new("speaks otherwise than the first", "one scheme for all urls of an upstream")
        } else if servers[..index].iter().any(|other| other.value.place == server.value.place) {
            Problem::new("is there already", "each address once")
        } else {
            continue;
        };
        section.reader.blame(server, problem);
        fine = None;
    }
    fine
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    H2c,
}

struct Address {
    scheme: Scheme,
    place: ServerAddress,
}

/// `http://host:port` and nothing after the port (EXPO-06: the address is fixed here and nowhere else).
fn server(item: &Item<'_>) -> Result<Address, Problem> {
    let text = item.text()?;
    // A user's part or a query may hold a credential.
    let careful = |problem: Problem| if text.contains(['@', '?', '#']) { problem.hidden() } else { problem };
    let wrong = || careful(Problem::new("is not http://host:port", URL_HINT));
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(("h2c", rest)) => (Scheme::H2c, rest),
        _ => return Err(wrong()),
    };
    // The grammar between scheme and end is that of an origin; only TLS has a usual port that is not said.
    let usual = if scheme == Scheme::Https { "https" } else { "http" };
    let origin: Origin = format!("{usual}://{rest}").parse().map_err(|_| wrong())?;
    let nowhere = origin.port() == 0
        || origin.host().ip().map(|ip| ip.to_canonical()).is_some_and(|ip| ip.is_unspecified() || ip.is_multicast());
    if nowhere {
        return Err(Problem::new("is not an address to connect to", "such as \"http://127.0.0.1:3000\""));
    }
    Ok(Address { scheme, place: ServerAddress { host: origin.host().clone(), port: origin.port() } })
}

/// How servers are spoken to, apart from where they are.
struct Manner {
    max_connections: Option<Located<u32>>,
    time_limit: Option<Located<Duration>>,
    health_path: Option<Located<String>>,
    health_every: Option<Located<Duration>>,
    ca_file: Option<Located<PathBuf>>,
    certificate: Option<Located<PathBuf>>,
    key: Option<Located<PathBuf>>,
}

impl Manner {
    fn read(section: &Section<'_>, scene: &Scene<'_>) -> Option<Self> {
        // Every key is looked at before one that is wrong ends it.
        let path = |key| section.maybe(key, |item| value::path(item, scene.base));
        let max_connections = section.maybe("max_connections", |item| item.whole(1..=65_535));
        let time_limit = section.maybe("time_limit", |item| value::duration(item, &seconds(1, 3600)));
        let health_path = section.maybe("health_path", health_path);
        let health_every = section.maybe("health_every", |item| value::duration(item, &seconds(1, 3600)));
        let (ca_file, certificate, key) = (path("ca_file"), path("client_certificate"), path("client_key"));
        Some(Self {
            max_connections: max_connections?,
            time_limit: time_limit?,
            health_path: health_path?,
            health_every: health_every?,
            ca_file: ca_file?,
            certificate: certificate?,
            key: key?,
        })
    }

    /// A folder has no connections.
    fn is_none_written(&self, section: &Section<'_>) -> bool {
        let keys = [
            self.max_connections.as_ref().map(Located::place),
            self.time_limit.as_ref().map(Located::place),
            self.health_path.as_ref().map(Located::place),
            self.health_every.as_ref().map(Located::place),
            self.ca_file.as_ref().map(Located::place),
            self.certificate.as_ref().map(Located::place),
            self.key.as_ref().map(Located::place),
        ];
        let written: Vec<_> = keys.into_iter().flatten().collect();
        for place in &written {
            section.reader.blame(place, Problem::new("means nothing for files", "it is for servers: remove it"));
        }
        written.is_empty()
    }

    fn of(self, section: &Section<'_>, scheme: Scheme, addresses: Vec<ServerAddress>) -> Option<Servers> {
        let health = match (self.health_path, self.health_every) {
            (None, Some(every)) => {
                let hint = "health_path = \"/health\", a path that answers with 2xx while the server is well";
                section.reader.blame(&every, Problem::new("stands without health_path", hint));
                return None;
            }
            (path, every) => path
                .map(|path| HealthCheck { path: path.value, every: every.map_or(Duration::from_secs(10), |every| every.value) }),
        };
        let tls = tls(section, scheme, self.ca_file, self.certificate, self.key)?;
        Some(Servers {
            speech: match scheme {
                Scheme::Http => Speech::Http1,
                Scheme::Https => Speech::Tls(tls),
                Scheme::H2c => Speech::Http2,
            },
            addresses,
            max_connections: self.max_connections.map_or(Servers::MAX_CONNECTIONS, |most| most.value),
            time_limit: self.time_limit.map_or(Servers::TIME_LIMIT, |limit| limit.value),
            health,
        })
    }
}

/// The files of TLS, which go with `https://` alone; certificate and key go together.
fn tls(
    section: &Section<'_>,
    scheme: Scheme,
    ca_file: Option<Located<PathBuf>>,
    certificate: Option<Located<PathBuf>>,
    key: Option<Located<PathBuf>>,
) -> Option<UpstreamTls> {
    if scheme != Scheme::Https {
        let written: Vec<_> = [&ca_file, &certificate, &key].into_iter().flatten().collect();
        for file in &written {
            section.reader.blame(file, Problem::new("means nothing without TLS", "use https:// in the url, or remove this"));
        }
        return written.is_empty().then(UpstreamTls::default);
    }
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate: certificate.value, key: key.value }),
        (Some(alone), None) => {
            section.reader.blame(&alone, Problem::new("stands without client_key", "the certificate and its key go together"));
            return None;
        }
        (None, Some(alone)) => {
            let hint = "the certificate and its key go together";
            section.reader.blame(&alone, Problem::new("stands without client_certificate", hint));
            return None;
        }
        (None, None) => None,
    };
    Some(UpstreamTls { ca_file: ca_file.map(|file| file.value), client })
}

/// Origin-form, in plain characters.
fn health_path(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
    if text.len() <= 256 && text.starts_with('/') && !text.starts_with("//") && plain {
        return Ok(text.to_owned());
    }
    Err(Problem::new("is not a path", "such as \"/health\", at most 256 plain characters").hidden())
}
