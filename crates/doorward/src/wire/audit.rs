//! What the edge saw, written into the audit trail of the accounts.

use std::sync::Arc;

use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_edge::{EdgeAudit, EdgeEvent, EdgeEventKind};
use doorward_kit::Clock;

/// Turns edge events into audit entries; the accounts' writer folds and drops, it never blocks.
pub(super) struct AuditTrail {
    pub(super) accounts: Arc<Accounts>,
    pub(super) clock: Arc<dyn Clock>,
}

impl EdgeAudit for AuditTrail {
    fn record(&self, event: EdgeEvent) {
        let (kind, outcome) = match event.kind {
            EdgeEventKind::GateAllowed => (AuditEvent::GateAllowed, Outcome::Success),
            EdgeEventKind::GateDenied => (AuditEvent::GateDenied, Outcome::Denied),
            EdgeEventKind::RateLimited => (AuditEvent::RateLimited, Outcome::Denied),
            EdgeEventKind::ProxyRejected => (AuditEvent::ProxyRejected, Outcome::Denied),
        };
        self.accounts.record(AuditEntry {
            at: self.clock.now(),
            event: kind,
            outcome,
            actor: None,
            subject_hash: None,
            client: Some(event.context.client),
            peer: Some(event.context.peer),
            request_id: Some(event.context.request_id),
            user_agent: event.user_agent,
            host: Some(event.host),
            method: Some(event.method),
            // A gate stands for a whole host: its name says where, and no path of a stranger is kept.
            route: event.gate,
            session: None,
            reason: Some(event.reason),
        });
    }
}
