//! What `/metrics` of the internal listener shows: the edge's counts, and how the accounts are doing.
//!
//! Labels are words of the program. What asks the store is asked anew for every scrape; a store that does not answer leaves its lines
//! out rather than keeping the scrape waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use doorward_domain::Accounts;
use doorward_domain::throttle::FallbackCounters;
use doorward_edge::metrics::{Exposition, Kind};
use doorward_edge::{CertStore, Edge, MetricsSource};

use crate::reload::ReloadCounts;

/// How long the store may take to count mails.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to ask.
pub(super) struct Sources {
    pub(super) edge: Edge,
    pub(super) accounts: Arc<Accounts>,
    pub(super) shared_counters: Option<Arc<FallbackCounters>>,
    pub(super) reloads: Arc<ReloadCounts>,
    /// Second of the last anchor; zero before the first.
    pub(super) anchored_at: Arc<AtomicI64>,
    /// Second at which the process began to serve.
    pub(super) started_at: i64,
    /// What handshakes show.
    pub(super) certificates: Arc<CertStore>,
    /// Whether that is a self-signed one until there is another.
    pub(super) is_placeholder: Arc<AtomicBool>,
}

/// The edge's port, answered.
pub(super) fn source(sources: Sources) -> MetricsSource {
    let sources = Arc::new(sources);
    Arc::new(move || {
        let sources = sources.clone();
        Box::pin(async move { sources.text().await })
    })
}

impl Sources {
    async fn text(&self) -> String {
        let mut out = Exposition::default();
        self.edge.write_metrics(&mut out);
        self.accounts(&mut out);
        self.mail(&mut out).await;
        self.house(&mut out);
        super::certificates::write_metrics(&mut out, &self.certificates, &self.is_placeholder);
        out.finish()
    }

    fn accounts(&self, out: &mut Exposition) {
        let load = self.accounts.load();
        for (name, help, value) in [
            ("doorward_audit_queue", "Audit entries that wait to be stored.", load.audit_waiting),
            ("doorward_hashing_queue", "Passwords that wait to be hashed.", load.hashes_waiting),
            (
                "doorward_sessions_remembered",
                "Sessions that this node has seen lately and keeps in memory.",
                load.sessions_remembered,
            ),
        ] {
            out.family(name, Kind::Gauge, help);
            out.sample(&[], value as u64);
        }
        out.family(
            "doorward_counters_degraded",
            Kind::Gauge,
            "1 while the shared rate-limit counters do not answer and this node counts alone.",
        );
        let is_degraded = self.shared_counters.as_ref().is_some_and(|shared| shared.is_degraded());
        out.sample(&[], u64::from(is_degraded));
    }

    async fn mail(&self, out: &mut Exposition) {
        let Ok(Ok(backlog)) = tokio::time::timeout(PATIENCE, self.accounts.mail_backlog()).await else { return };
        out.family("doorward_mail_waiting", Kind::Gauge, "Mails that wait to be sent, of all nodes.");
        out.sample(&[], backlog.waiting);
        out.family(
            "doorward_mail_dead",
            Kind::Gauge,
            "Mails that were given up and can be retried, of all nodes; counted up to 1000.",
        );
        out.sample(&[], backlog.dead as u64);
    }

    fn house(&self, out: &mut Exposition) {
        let anchored_at = self.anchored_at.load(Ordering::Relaxed);
        if anchored_at > 0 {
            out.family("doorward_audit_anchor_timestamp_seconds", Kind::Gauge, "When the audit chains were last anchored.");
            out.sample(&[], anchored_at.unsigned_abs());
        }
        out.family("doorward_config_reloads_total", Kind::Counter, "Reloads of the configuration, by outcome.");
        out.sample(&[("outcome", "taken")], self.reloads.taken());
        out.sample(&[("outcome", "refused")], self.reloads.refused());
        out.family("doorward_config_stale", Kind::Gauge, "1 while the files hold a configuration that was refused.");
        out.sample(&[], u64::from(self.reloads.is_stale()));
        out.family("doorward_start_timestamp_seconds", Kind::Gauge, "When the process began to serve.");
        out.sample(&[], self.started_at.unsigned_abs());
        out.family("doorward_build_info", Kind::Gauge, "Always 1; the version is a label.");
        out.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    }
}
