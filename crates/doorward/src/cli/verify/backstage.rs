//! The hands that a run has on the side of the site: its store, its trail and what it writes, when this machine has them.

use std::fs::File;
use std::io::Cursor;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use doorward_config::{Config, ProcessEnv, Store};
use doorward_domain::EmailAddress;
use doorward_domain::credential::Password;
use doorward_domain::store::{AuditFilter, PageLimit};
use doorward_kit::{Secret, Timestamp};
use doorward_verify::{Backstage, BackstageError, Sink, THROW_AWAY_DOMAIN, TrailState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::search::Needles;
use crate::cli::audit::chains;
use crate::wire::{OpenedAccounts, open_accounts};

/// Rows of the trail read at once.
const PAGE: u32 = 1000;
/// How long the internal listener may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any text of counts.
const METRICS_MAX_BYTES: u64 = 16 << 20;

/// The site's own store and files.
pub(super) struct Hands {
    config: Config,
    opened: OpenedAccounts,
    logs: Vec<PathBuf>,
}

impl Hands {
    /// Opens the store that the site uses. `Err` says why this machine does not have it; nothing is made here that is not there.
    pub(super) async fn open(config: &Config, logs: &[PathBuf]) -> Result<Self, String> {
        if config.store == Store::Sqlite && !config.site.data_dir.join("doorward.db").exists() {
            return Err("the site's database is not on this machine".to_owned());
        }
        let opened = open_accounts(config, &ProcessEnv).await.map_err(|error| error.to_string())?;
        Ok(Self { config: config.clone(), opened, logs: logs.to_vec() })
    }

    /// Files that the site writes, with what they are. The folder of mails is none: a link in a mail is where it belongs.
    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let mut files = Vec::new();
        if self.config.store == Store::Sqlite {
            let database = self.config.site.data_dir.join("doorward.db");
            let journal = self.config.site.data_dir.join("doorward.db-wal");
            files.extend([("store", database), ("store", journal)]);
        }
        files.extend(self.config.audit.file.iter().map(|file| ("trail", file.clone())));
        files.extend(self.config.audit.anchor_file.iter().map(|file| ("trail", file.clone())));
        files.retain(|(_, file)| file.exists());
        // One that was named and is not there is an error, not an empty sink.
        files.extend(self.logs.iter().map(|file| ("log", file.clone())));
        files
    }
}

fn failed(error: &impl ToString) -> BackstageError {
    BackstageError(error.to_string())
}

/// Whoever is made or removed here is nobody's account.
fn throw_away(address: &str) -> Result<EmailAddress, BackstageError> {
    let email: EmailAddress = address.parse().map_err(|error| failed(&error))?;
    let is_ours = email.canonical.rsplit_once('@').is_some_and(|(_, domain)| domain == THROW_AWAY_DOMAIN);
    if is_ours { Ok(email) } else { Err(BackstageError(format!("refused: only accounts under {THROW_AWAY_DOMAIN} are touched"))) }
}

#[async_trait]
impl Backstage for Hands {
    async fn add_account(&self, address: &str, password: &Secret<String>) -> Result<(), BackstageError> {
        let password = Password::new(password.expose().clone());
        let added = self.opened.accounts.add_throw_away(&throw_away(address)?, password).await;
        added.map_err(|error| BackstageError(format!("no throw-away account was made: {error}")))
    }

    async fn remove_account(&self, address: &str) -> Result<(), BackstageError> {
        self.opened.accounts.remove_throw_away(&throw_away(address)?).await.map_err(|error| failed(&error))
    }

    async fn recovery_token(&self, address: &str) -> Result<Secret<String>, BackstageError> {
        let link = self.opened.accounts.recovery_link(&throw_away(address)?).await.map_err(|error| failed(&error))?;
        let link = link.ok_or_else(|| BackstageError("the throw-away account is not there".to_owned()))?;
        let token = link.rsplit_once("#token=").map(|(_, token)| Secret::new(token.to_owned()));
        token.ok_or_else(|| BackstageError("the link has no token".to_owned()))
    }

    async fn trail(&self, since: Timestamp) -> Result<TrailState, BackstageError> {
        let accounts = &self.opened.accounts;
        let chains = chains(&self.config, accounts, None).await.map_err(|error| failed(&error))?;
        let mut faults = Vec::new();
        for node in &chains.nodes {
            let proven = accounts.verify_audit(node, &chains.witnesses, |_| {}).await.map_err(|error| failed(&error))?;
            faults.extend(proven.err().map(|broken| broken.to_string()));
        }
        let filter = AuditFilter { since: Some(since), ..AuditFilter::default() };
        let (mut events, mut before) = (Vec::new(), None);
        loop {
            let rows = accounts.search_audit(&filter, before.as_ref(), PageLimit::new(PAGE)).await;
            let rows = rows.map_err(|error| failed(&error))?;
            let Some(last) = rows.last() else { break };
            before = Some(last.cursor());
            events.extend(rows.iter().map(|row| row.record.event.as_str().to_owned()));
        }
        events.reverse();
        Ok(TrailState { faults, events })
    }

    async fn search(&self, planted: &[Secret<String>]) -> Result<Vec<Sink>, BackstageError> {
        let needles = Needles::new(planted);
        let mut sinks: Vec<Sink> = Vec::new();
        for (name, file) in self.files() {
            let hits = search_file(&needles, &file)?;
            match sinks.iter_mut().find(|sink| sink.name == name) {
                Some(sink) => sink.hits += hits,
                None => sinks.push(Sink { name: name.to_owned(), hits }),
            }
        }
        if let Some(internal) = self.config.listen.internal {
            let text = metrics(internal).await.map_err(|error| BackstageError(format!("/metrics cannot be read: {error}")))?;
            let hits = needles.count_in(Cursor::new(text)).map_err(|error| failed(&error))?;
            sinks.push(Sink { name: "metrics".to_owned(), hits });
        }
        Ok(sinks)
    }
}

fn search_file(needles: &Needles, file: &Path) -> Result<usize, BackstageError> {
    let read = File::open(file).and_then(|open| needles.count_in(open));
    read.map_err(|error| BackstageError(format!("{} cannot be read: {error}", file.display())))
}

/// The whole answer of the internal listener, head and all.
async fn metrics(internal: SocketAddr) -> std::io::Result<Vec<u8>> {
    let asked = async {
        let mut stream = TcpStream::connect(internal).await?;
        stream.write_all(format!("GET /metrics HTTP/1.1\r\nHost: {internal}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut text = Vec::new();
        stream.take(METRICS_MAX_BYTES).read_to_end(&mut text).await?;
        Ok(text)
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_elses_account_is_touched() {
        for address in ["ada@example.com", "a@x.doorward-verify.invalid", "a@doorward-verify.invalid.example.com", "nobody"] {
            assert!(throw_away(address).is_err(), "{address}");
        }
        assert!(throw_away("verify-0@doorward-verify.invalid").is_ok());
    }
}
