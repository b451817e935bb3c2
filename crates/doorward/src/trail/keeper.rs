//! The job that keeps the trail: ships rows to the file, anchors the chain, prunes what is past its retention.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_config::Audit;
use doorward_domain::audit::MetaKey;
use doorward_domain::service::PRUNED_AT_ONCE;
use doorward_domain::store::{PageLimit, StoreError};
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_kit::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{FileSink, SinkError, append_anchors};

/// How often rows are shipped.
const SHIP_EVERY: Duration = Duration::from_secs(1);
/// How often the chain is anchored, if anything was added.
const ANCHOR_EVERY: Duration = Duration::from_secs(300);
/// How often old rows are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// What is kept, and where.
#[derive(Debug, Clone)]
pub struct KeeperSettings {
    /// Rows older than this are pruned.
    pub retention: Duration,
    /// The shipped file.
    pub file: Option<PathBuf>,
    /// Its size before it is renamed, octets.
    pub file_max: u64,
    /// The anchor file.
    pub anchor_file: Option<PathBuf>,
}

impl From<&Audit> for KeeperSettings {
    fn from(audit: &Audit) -> Self {
        Self {
            retention: audit.retention,
            file: audit.file.clone(),
            file_max: u64::from(audit.file_max_mib) * 1024 * 1024,
            anchor_file: audit.anchor_file.clone(),
        }
    }
}

/// Keeps the trail of this node.
pub struct Keeper {
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
    settings: KeeperSettings,
    sink: Option<FileSink>,
    anchored: u64,
    anchored_at: Arc<AtomicI64>,
}

/// Why a round did not come about; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The shipped file.
    #[error("audit.file: {0}")]
    Sink(#[from] SinkError),
    /// The anchor file.
    #[error("audit.anchor_file: {0}")]
    Anchor(std::io::Error),
}

impl Keeper {
    /// A keeper that has not looked at anything yet.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, clock: Arc<dyn Clock>, settings: KeeperSettings) -> Self {
        Self { accounts, clock, settings, sink: None, anchored: 0, anchored_at: Arc::default() }
    }

    /// Second at which the anchors were last known to be complete; zero before the first time, and always without an anchor file.
    #[must_use]
    pub fn anchored_at(&self) -> Arc<AtomicI64> {
        self.anchored_at.clone()
    }

    /// Keeps the trail until told to end; then [`Self::end`] is still to be called. Faults are logged and tried again.
    pub async fn run(mut self, mut ended: watch::Receiver<bool>) -> Self {
        let mut next_anchor = Instant::now() + ANCHOR_EVERY;
        let mut next_prune = Instant::now();
        while !*ended.borrow() {
            self.told(Self::ship).await;
            if Instant::now() >= next_anchor {
                self.told(Self::anchor).await;
                next_anchor = Instant::now() + ANCHOR_EVERY;
            }
            if Instant::now() >= next_prune {
                self.told(async |this| this.prune().await.map(|_| ())).await;
                next_prune = Instant::now() + PRUNE_EVERY;
            }
            let _ = tokio::time::timeout(SHIP_EVERY, ended.changed()).await;
        }
        self
    }

    /// Ships and anchors what is left: after the last entry was stored.
    pub async fn end(&mut self) {
        self.told(Self::ship).await;
        self.told(Self::anchor).await;
    }

    async fn told(&mut self, deed: impl AsyncFnOnce(&mut Self) -> Result<(), KeepError>) {
        if let Err(error) = deed(self).await {
            tracing::warn!(target: "doorward", %error, "the audit trail could not be kept");
        }
    }

    /// Copies every row that is not in the file yet.
    ///
    /// # Errors
    /// `KeepError`: what could not be read, sealed or written.
    pub async fn ship(&mut self) -> Result<(), KeepError> {
        let Some(path) = self.settings.file.clone() else { return Ok(()) };
        let node = self.accounts.rules().node.clone();
        let mut sink = match self.sink.take() {
            Some(sink) => sink,
            None => self.open(&path, &node).await?,
        };
        if !self.continues(&sink, &node).await? {
            sink = self.set_aside(sink).await?;
        }
        loop {
            let rows = self.accounts.audit_rows(&node, sink.shipped(), PageLimit::new(1000)).await?;
            if rows.is_empty() {
                break;
            }
            // A sink that failed is dropped here, and opened anew next time.
            sink = tokio::task::spawn_blocking(move || sink.append(&rows).map(|()| sink))
                .await
                .map_err(|_| std::io::Error::other("the writing task ended"))
                .map_err(SinkError::Io)??;
        }
        self.sink = Some(sink);
        Ok(())
    }

    async fn open(&self, path: &std::path::Path, node: &str) -> Result<FileSink, KeepError> {
        let sink = FileSink::open(path, node, self.settings.file_max)?;
        if sink.torn() > 0 {
            let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, self.clock.now());
            self.accounts.record_now(entry.because("torn_line_rewritten").with(MetaKey::FromSeq, sink.shipped() + 1)).await?;
        }
        Ok(sink)
    }

    /// Whether the chain still has the last row of the file, or has pruned it. A chain that was put back would otherwise not be shipped
    /// again before it is as long as it was.
    async fn continues(&self, sink: &FileSink, node: &str) -> Result<bool, StoreError> {
        let Some(before) = sink.shipped().checked_sub(1) else { return Ok(true) };
        match self.accounts.audit_rows(node, before, PageLimit::new(1)).await?.first() {
            Some(row) if row.seq == sink.shipped() => Ok(sink.ends_with(row)),
            _ => Ok(self.accounts.audit_heads().await?.iter().any(|head| head.node == node && head.floor_seq >= sink.shipped())),
        }
    }

    async fn set_aside(&self, sink: FileSink) -> Result<FileSink, KeepError> {
        tracing::error!(target: "doorward", shipped = sink.shipped(), "the audit trail has not what was shipped; the file is put aside");
        let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, self.clock.now()).because("shipped_rows_gone");
        self.accounts.record_now(entry.with(MetaKey::ToSeq, sink.shipped())).await?;
        tokio::task::spawn_blocking(move || sink.set_aside())
            .await
            .map_err(|_| std::io::Error::other("the writing task ended"))
            .map_err(SinkError::Io)?
            .map_err(KeepError::Sink)
    }

    /// Anchors the chains, if any was moved.
    ///
    /// # Errors
    /// `KeepError`: what could not be read, sealed or written.
    pub async fn anchor(&mut self) -> Result<(), KeepError> {
        let Some(path) = &self.settings.anchor_file else { return Ok(()) };
        let anchors = self.accounts.audit_anchors().await?;
        let reached = anchors.iter().map(|anchor| anchor.seq).sum();
        if reached != self.anchored {
            append_anchors(path, &anchors).map_err(KeepError::Anchor)?;
            self.anchored = reached;
        }
        self.anchored_at.store(self.clock.now().as_second(), Ordering::Relaxed);
        Ok(())
    }

    /// Removes rows past their retention, if they were shipped. Says how many.
    ///
    /// # Errors
    /// `KeepError`: what could not be read, sealed or written.
    pub async fn prune(&mut self) -> Result<u64, KeepError> {
        let up_to = match (&self.settings.file, &self.sink) {
            (None, _) => u64::MAX,
            (Some(_), Some(sink)) => sink.shipped(),
            (Some(_), None) => return Ok(0),
        };
        let now = self.clock.now();
        let before = now.checked_sub(self.settings.retention).unwrap_or(now);
        let mut removed = 0;
        loop {
            let batch = self.accounts.prune_audit(before, up_to).await?;
            removed += batch;
            if batch < PRUNED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
