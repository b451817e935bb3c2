//! How SQLite will go about the statements that run often: none reads a whole table.

use sqlx::Row as _;

use crate::{SqliteStore, ceremony, device, factor, gate_pass, identity, outbox, session};

async fn plan(statement: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("doorward.db")).await.expect("a store");
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::query(explained).fetch_all(&store.readers).await.expect("a plan");
    steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn listing_the_sessions_of_one_account_reads_no_other() {
    let plan = plan(session::LIST_OF_USER).await;
    assert!(plan.contains("USING INDEX sessions_user (user_id=?"), "{plan}");
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[tokio::test]
async fn claiming_mail_reads_only_what_is_due() {
    let plan = plan(outbox::CLAIM).await;
    assert!(plan.contains("INDEX outbox_next_at (next_at<?)"), "{plan}");
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[tokio::test]
async fn what_every_sign_in_and_gate_asks_for_is_found_by_an_index() {
    let statements = [
        (factor::LIST, "INDEX factors_user (user_id=?"),
        (factor::FIND_PASSKEY, "INDEX factors_credential (credential=?"),
        (identity::FIND, "INDEX identities_subject (issuer=? AND subject=?"),
        (identity::LIST, "INDEX identities_user (user_id=?"),
        (device::LIST, "INDEX devices_user (user_id=?"),
        (ceremony::SWEEP, "INDEX ceremonies_expires_at (expires_at<?"),
        (gate_pass::FIND_WITH_SESSION, "INDEX sqlite_autoindex_gate_passes_1 (digest=?"),
    ];
    for (statement, index) in statements {
        let plan = plan(statement).await;
        assert!(plan.contains(index), "{statement}\n{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
    }
}
