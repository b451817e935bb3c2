//! What the edge saw, written into the audit trail of the accounts.

use std::sync::Arc;

use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_edge::{EdgeAudit, EdgeEvent, EdgeEventKind};
use doorward_kit::Clock;

/// Turns edge events into audit entries; the accounts' writer queues, or counts what it cannot hold; it never blocks.
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
            subject_hash: event.user.map(|user| self.accounts.subject_hash(&user)),
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
            meta: Vec::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::path::Path;
    use std::sync::Arc;

    use doorward_domain::store::{PageLimit, Store as _};
    use doorward_edge::{EdgeAudit as _, EdgeEvent, EdgeEventKind};
    use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemClock};
    use doorward_storage_sqlite::SqliteStore;

    use super::AuditTrail;
    use crate::wire::open_accounts;

    fn config(data_dir: &Path) -> doorward_config::Config {
        let text = format!(
            "version = 1\n[site]\norigin = \"https://localhost:8443\"\nenv = \"development\"\ndata_dir = {data_dir:?}\n\
             [listen]\nhttps = [\"127.0.0.1:0\"]\n[tls]\nsource = \"self-signed\"\n[mail]\nfrom = \"a@localhost.localdomain\"\n\
             [[upstream]]\nname = \"web\"\nurl = \"http://127.0.0.1:3000\"\n[[route]]\npath = \"/\"\nupstream = \"web\"\n\
             access = \"public\"\n"
        );
        doorward_config::parse(&text, Path::new("/doorward.toml"), &BTreeMap::new()).expect("a configuration")
    }

    fn passed(user: Option<&str>) -> EdgeEvent {
        let address = SocketAddr::from(([192, 0, 2, 1], 40_000));
        EdgeEvent {
            kind: EdgeEventKind::GateAllowed,
            context: RequestContext {
                request_id: RequestId::from_bytes([1; 16]),
                client: ClientAddr::new(address.ip()),
                peer: PeerAddr(address),
                secure: true,
            },
            host: "tools.example.com".to_owned(),
            method: "GET".to_owned(),
            user_agent: None,
            reason: "ok",
            gate: Some("tools".to_owned()),
            user: user.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn an_entry_tells_who_passed_a_gate_apart_without_the_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = open_accounts(&config(folder.path()), &BTreeMap::new()).await.expect("accounts");
        let trail = AuditTrail { accounts: Arc::clone(&opened.accounts), clock: Arc::new(SystemClock) };
        for user in [Some("alice"), Some("bob"), Some("alice"), None] {
            trail.record(passed(user));
        }
        opened.accounts.flush().await;
        let store = SqliteStore::open(&folder.path().join("doorward.db")).await.expect("a store");
        let mut tx = store.begin().await.expect("a transaction");
        let rows = tx.audit().list(&opened.accounts.rules().node, 0, PageLimit::new(10)).await.expect("rows");
        // Alice's second pass is folded into a row of its own, with a count.
        let mut who: Vec<_> = rows.iter().map(|row| row.record.subject_hash.as_deref()).collect();
        who.sort_unstable();
        let alice = opened.accounts.subject_hash("alice");
        let bob = opened.accounts.subject_hash("bob");
        let mut expected = vec![None, Some(&*alice), Some(&*alice), Some(&*bob)];
        expected.sort_unstable();
        assert_eq!(who, expected);
        assert!(alice != bob && !alice.contains("alice"));
    }
}
