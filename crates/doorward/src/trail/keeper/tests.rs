//! Shipping while others write, and pruning what was shipped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_kit::{Clock as _, ManualClock, SystemClock, Timestamp};

use super::{Keeper, KeeperSettings};
use crate::trail::read_anchors;
use crate::trail::sink::tests::positions;
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

async fn accounts(folder: &Path) -> Arc<Accounts> {
    open_accounts(&config(folder), &BTreeMap::new()).await.expect("accounts").accounts
}

fn settings(folder: &Path) -> KeeperSettings {
    KeeperSettings {
        retention: Duration::from_secs(30 * 86_400),
        file: Some(folder.join("audit.jsonl")),
        file_max: 8 * 1024,
        anchor_file: Some(folder.join("anchors")),
    }
}

fn note(accounts: &Accounts, number: u64) {
    let entry = AuditEntry::of_house(AuditEvent::CsrfRejected, Outcome::Denied, SystemClock.now());
    accounts.record(entry.about(&number.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aud_13_rotation_under_load_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let accounts = accounts(folder.path()).await;
    let writing = {
        let accounts = Arc::clone(&accounts);
        tokio::spawn(async move {
            for number in 0..3000 {
                note(&accounts, number);
                if number % 100 == 0 {
                    accounts.flush().await;
                }
            }
            accounts.flush().await;
        })
    };
    // A new keeper each round: as many restarts as rounds.
    while !writing.is_finished() {
        let mut keeper = Keeper::new(Arc::clone(&accounts), Arc::new(SystemClock), settings(folder.path()));
        keeper.ship().await.expect("shipped");
    }
    writing.await.expect("written");
    let mut keeper = Keeper::new(Arc::clone(&accounts), Arc::new(SystemClock), settings(folder.path()));
    keeper.end().await;
    let (seen, files) = positions(&folder.path().join("audit.jsonl"));
    assert_eq!(seen, (1..=3000).collect::<Vec<_>>());
    assert!(files > 100, "{files} files");
    let anchors = read_anchors(&folder.path().join("anchors")).expect("anchors");
    assert_eq!(anchors.last().map(|anchor| anchor.seq), Some(3000));
    let node = accounts.rules().node.clone();
    assert_eq!(accounts.verify_audit(&node, &anchors, |_| {}).await.expect("a store"), Ok(3000));
}

#[tokio::test]
async fn what_was_not_shipped_is_not_pruned() {
    let folder = tempfile::tempdir().expect("a folder");
    let accounts = accounts(folder.path()).await;
    note(&accounts, 1);
    accounts.flush().await;
    let later = SystemClock.now() + Duration::from_secs(31 * 86_400);
    let clock = Arc::new(ManualClock::at(Timestamp::from_microsecond(later.as_microsecond()).expect("an instant")));
    let mut keeper = Keeper::new(Arc::clone(&accounts), clock, settings(folder.path()));
    assert_eq!(keeper.prune().await.expect("a store"), 0);
    keeper.ship().await.expect("shipped");
    note(&accounts, 2);
    accounts.flush().await;
    assert_eq!(keeper.prune().await.expect("a store"), 1);
    keeper.ship().await.expect("shipped");
    assert_eq!(positions(&folder.path().join("audit.jsonl")).0, [1, 2, 3]);
}

#[tokio::test]
async fn aud_08_a_torn_line_is_written_again_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let accounts = accounts(folder.path()).await;
    let (path, node) = (folder.path().join("audit.jsonl"), accounts.rules().node.clone());
    (1..=3).for_each(|number| note(&accounts, number));
    accounts.flush().await;
    let keeper = || Keeper::new(Arc::clone(&accounts), Arc::new(SystemClock), settings(folder.path()));
    keeper().ship().await.expect("shipped");
    let whole = std::fs::read(&path).expect("a file");
    std::fs::write(&path, &whole[..whole.len() - 40]).expect("torn");
    keeper().ship().await.expect("shipped");
    assert_eq!(positions(&path).0, [1, 2, 3, 4]);
    let last = accounts.audit_rows(&node, 3, doorward_domain::store::PageLimit::new(1)).await.expect("rows").remove(0).record;
    assert_eq!((last.event, last.reason.as_deref()), (AuditEvent::Gap, Some("torn_line_rewritten")));
}
