//! The secrets that a configuration names, so that all of them can be judged at once, even of a configuration that is not right (CFG-01).

use crate::env::EnvSource;
use crate::model::{Config, Counters, MailTransport, Remote, SecretSource, Store};
use crate::secret::SecretError;

/// What a secret is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The master keys.
    Ring,
    /// A password of a server of ours: as long as a key.
    Own,
    /// A password that somebody else issued.
    Issued,
}

/// A secret, and what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSecret {
    section: &'static str,
    source: SecretSource,
    kind: SecretKind,
}

impl NamedSecret {
    /// `section` is that of the file.
    pub(crate) fn new(section: &str, source: &SecretSource) -> Option<Self> {
        let (section, kind) = match section {
            "site" => ("site", SecretKind::Ring),
            "store" => ("store", SecretKind::Own),
            "counters" => ("counters", SecretKind::Own),
            "mail" => ("mail", SecretKind::Issued),
            "upstream" => ("upstream", SecretKind::Own),
            "oauth" => ("oauth", SecretKind::Issued),
            _ => return None,
        };
        Some(Self { section, source: source.clone(), kind })
    }

    /// The key that names it, such as `store.password_file`.
    #[must_use]
    pub fn key(&self) -> String {
        let stem = match self.section {
            "site" => "key",
            "upstream" => "secret",
            "oauth" => "client_secret",
            _ => "password",
        };
        let ending = if matches!(self.source, SecretSource::File(_)) { "file" } else { "env" };
        format!("{}.{stem}_{ending}", self.section)
    }

    /// Reads it and holds it to what it must be.
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn judge(&self, env: &dyn EnvSource) -> Result<(), SecretError> {
        match self.kind {
            SecretKind::Ring => self.source.read_ring(env).map(drop),
            SecretKind::Own => self.source.read(env).map(drop),
            SecretKind::Issued => self.source.read_issued(env).map(drop),
        }
    }
}

impl Config {
    /// Every secret that it names, in the order of the reference.
    #[must_use]
    pub fn secrets(&self) -> Vec<NamedSecret> {
        let password = |section, server: &Remote| server.password.as_ref().and_then(|source| NamedSecret::new(section, source));
        let store = match &self.store {
            Store::Postgres(postgres) => password("store", &postgres.server),
            Store::Sqlite => None,
        };
        let counters = match &self.counters {
            Counters::Redis(redis) => password("counters", &redis.server),
            Counters::Memory => None,
        };
        let mail = match &self.mail.transport {
            MailTransport::Smtp(relay) => password("mail", relay),
            MailTransport::File => None,
        };
        let key = self.site.key.as_ref().and_then(|source| NamedSecret::new("site", source));
        let upstreams = self.upstreams.iter().filter_map(|upstream| NamedSecret::new("upstream", upstream.secret.as_ref()?));
        let providers = self.oauth.iter().filter_map(|provider| NamedSecret::new("oauth", &provider.client_secret));
        [key, store, counters, mail].into_iter().flatten().chain(upstreams).chain(providers).collect()
    }
}
