//! What the edge saw, written into the audit trail of the accounts.

use std::sync::Arc;

use doorward_domain::audit::MetaKey;
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
        let meta = meta(&event);
        self.accounts.record(AuditEntry {
            subject_hash: event.user.map(|user| self.accounts.subject_hash(&user)),
            client: Some(event.context.client),
            peer: Some(event.context.peer),
            request_id: Some(event.context.request_id),
            user_agent: event.user_agent,
            // A gate stands for a whole host, and no path of a stranger is kept: there is no route.
            host: Some(event.host).filter(|host| !host.is_empty()),
            method: Some(event.method).filter(|method| !method.is_empty()),
            meta,
            count: event.count,
            ..AuditEntry::of_house(kind, outcome, self.clock.now()).because(event.reason)
        });
    }
}

/// What table (c) asks for beside the common fields.
fn meta(event: &EdgeEvent) -> Vec<(MetaKey, String)> {
    let mut meta = Vec::with_capacity(2);
    match event.kind {
        EdgeEventKind::GateAllowed | EdgeEventKind::GateDenied => {
            meta.extend(event.gate.clone().map(|gate| (MetaKey::Ui, gate)));
            meta.extend(event.user.clone().map(|user| (MetaKey::User, user)));
        }
        EdgeEventKind::RateLimited => {
            meta.extend([(MetaKey::Layer, "edge".to_owned()), (MetaKey::Scope, event.reason.to_owned())]);
        }
        EdgeEventKind::ProxyRejected => meta.push((MetaKey::Class, event.reason.to_owned())),
    }
    meta
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::path::Path;
    use std::sync::Arc;

    use doorward_domain::audit::AuditRow;
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
            count: None,
        }
    }

    #[tokio::test]
    async fn an_entry_tells_who_passed_which_gate() {
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
        let said = |row: &AuditRow| row.record.meta.iter().map(|(key, value)| format!("{}={value}", key.as_str())).collect();
        let mut said: Vec<Vec<String>> = rows.iter().map(said).collect();
        said.sort();
        let with = |user: &str| vec!["ui=tools".to_owned(), format!("user={user}")];
        assert_eq!(said, [vec!["ui=tools".to_owned()], with("alice"), with("alice"), with("bob")]);
    }
}
