//! Attempts to fool the proof of the trail, by somebody who writes the database and has no key.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::audit::{AuditRow, ChainFault, MetaKey};
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome};
use doorward_kit::Clock as _;
use sqlx::Connection as _;

use crate::support::{House, PASSWORD};

async fn execute(house: &House, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

/// As [`execute`], without the triggers that stand in the way.
pub(crate) async fn tamper(house: &House, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut connection).await.unwrap();
    for trigger in triggers {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut connection).await.unwrap();
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA ignore_check_constraints = ON; {sql}")))
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn tell(accounts: &Accounts, house: &House, whom: std::ops::Range<u32>) {
    for number in whom {
        let entry = AuditEntry::of_house(AuditEvent::CsrfRejected, Outcome::Denied, house.clock.now());
        accounts.record(entry.about(&number.to_string()));
    }
    accounts.flush().await;
}

async fn with_entries(count: u32) -> House {
    let house = House::new().await;
    tell(&house.accounts, &house, 0..count).await;
    house
}

async fn fault_of(house: &House, node: &str) -> Option<(u64, ChainFault)> {
    let found = house.accounts.verify_audit(node, &[], |_| {}).await.unwrap();
    found.err().map(|broken| (broken.seq, broken.fault))
}

#[tokio::test]
async fn aud_07_a_row_that_cannot_be_read_is_named_like_any_other() {
    for column in ["event", "outcome", "meta", "truncated"] {
        let house = with_entries(20).await;
        tamper(&house, &format!("UPDATE audit SET {column} = 'nonsense' WHERE seq = 7")).await;
        assert_eq!(fault_of(&house, "node-1").await, Some((7, ChainFault::Altered)), "{column}");
    }
}

#[tokio::test]
async fn aud_07_a_row_in_the_place_of_a_pruned_one_is_named() {
    let house = with_entries(20).await;
    house.clock.advance(Duration::from_secs(400 * 86_400));
    tell(&house.accounts, &house, 20..22).await;
    assert_eq!(house.accounts.prune_audit(house.clock.now() - Duration::from_secs(86_400), 15).await.unwrap(), 15);
    assert_eq!(fault_of(&house, "node-1").await, None);
    let copy = "CREATE TEMP TABLE copy AS SELECT * FROM audit WHERE seq = 18; UPDATE copy SET seq = 3; INSERT INTO audit SELECT * FROM copy";
    tamper(&house, copy).await;
    assert_eq!(fault_of(&house, "node-1").await, Some((3, ChainFault::BelowFloor)));
}

#[tokio::test]
async fn aud_07_chains_of_two_nodes_cannot_stand_for_each_other() {
    let house = with_entries(20).await;
    let other = house.as_node("node-2");
    tell(&other, &house, 100..120).await;
    for node in ["node-1", "node-2"] {
        assert_eq!(fault_of(&house, node).await, None);
    }
    let swap = |table: &str| {
        format!(
            "UPDATE {table} SET node = 'x' WHERE node = 'node-1'; UPDATE {table} SET node = 'node-1' WHERE node = 'node-2'; \
             UPDATE {table} SET node = 'node-2' WHERE node = 'x';"
        )
    };
    tamper(&house, &swap("audit")).await;
    assert_eq!(fault_of(&house, "node-1").await, Some((1, ChainFault::Altered)), "rows of another node");
    tamper(&house, &swap("audit_heads")).await;
    for node in ["node-1", "node-2"] {
        assert_eq!(fault_of(&house, node).await, Some((20, ChainFault::HeadAltered)), "{node} with head and all");
    }
}

#[tokio::test]
async fn aud_07_rows_of_another_database_with_the_same_key_do_not_fit() {
    let (house, other) = (with_entries(20).await, House::new().await);
    // The same key, node and length, another history.
    tell(&other.accounts, &other, 500..520).await;
    assert_eq!(fault_of(&other, "node-1").await, None);
    let anchors = house.accounts.audit_anchors().await.unwrap();
    other.store.close().await;
    let from = format!("ATTACH '{}' AS other;", other.path().display());
    tamper(&house, &format!("{from} DELETE FROM audit WHERE seq = 7; INSERT INTO audit SELECT * FROM other.audit WHERE seq = 7"))
        .await;
    assert_eq!(fault_of(&house, "node-1").await, Some((7, ChainFault::Unlinked)));
    // All of it with its head is a chain of its own, which only a witness outside tells from the right one.
    tamper(
        &house,
        &format!(
            "{from} DELETE FROM audit; DELETE FROM audit_heads; INSERT INTO audit SELECT * FROM other.audit; \
             INSERT INTO audit_heads SELECT * FROM other.audit_heads"
        ),
    )
    .await;
    assert_eq!(fault_of(&house, "node-1").await, None);
    let broken = house.accounts.verify_audit("node-1", &anchors, |_| {}).await.unwrap().unwrap_err();
    assert_eq!((broken.seq, broken.fault), (20, ChainFault::AnchorContradicts));
}

/// What was put back, as the next row tells it.
fn put_back(rows: &[AuditRow]) -> Vec<(u64, Vec<(MetaKey, String)>)> {
    let gaps = rows.iter().filter(|row| row.record.event == AuditEvent::Gap);
    let gaps = gaps.filter(|row| row.record.reason.as_deref() == Some("put_back"));
    gaps.map(|row| (row.seq, row.record.meta.clone())).collect()
}

#[tokio::test]
async fn aud_07_a_chain_that_is_put_back_under_a_running_house_is_told_by_the_next_row() {
    let house = with_entries(10).await;
    execute(&house, "CREATE TABLE saved AS SELECT * FROM audit_heads").await;
    tell(&house.accounts, &house, 10..20).await;
    tamper(&house, "DELETE FROM audit WHERE seq > 10; DELETE FROM audit_heads; INSERT INTO audit_heads SELECT * FROM saved")
        .await;
    assert_eq!(fault_of(&house, "node-1").await, None, "rows and head were good once");
    // Of a flow and of the writer alike.
    house.member("ann@example.org").await;
    tell(&house.accounts, &house, 30..31).await;
    let rows = house.audit().await;
    let range = |from: u64, to: u64| vec![(MetaKey::FromSeq, from.to_string()), (MetaKey::ToSeq, to.to_string())];
    assert_eq!(put_back(&rows), [(11, range(11, 20))], "once");
    tamper(&house, "DELETE FROM audit; DELETE FROM audit_heads").await;
    tell(&house.accounts, &house, 40..41).await;
    let all = rows.last().unwrap().seq;
    assert_eq!(put_back(&house.audit().await), [(1, range(1, all))]);
    assert_eq!(fault_of(&house, "node-1").await, None);
}

#[tokio::test]
async fn a_chain_that_only_others_append_to_was_not_put_back() {
    let house = Arc::new(House::new().await);
    let command = house.other_node();
    for number in 0..20 {
        tell(&house.accounts, &house, number..number + 1).await;
        command.record_now(AuditEntry::of_house(AuditEvent::Started, Outcome::Success, house.clock.now())).await.unwrap();
    }
    let flows: Vec<_> = (0..20)
        .map(|number| {
            let house = Arc::clone(&house);
            tokio::spawn(async move { house.sign_up(&format!("a{number}@example.org"), PASSWORD).await.unwrap() })
        })
        .collect();
    for flow in flows {
        flow.await.unwrap();
    }
    assert_eq!(put_back(&house.audit().await), []);
    assert_eq!(fault_of(&house, "node-1").await, None);
}

#[tokio::test]
async fn aud_07_a_floor_above_the_head_is_no_way_out() {
    let house = with_entries(20).await;
    tamper(&house, "UPDATE audit_heads SET floor_seq = 30; DELETE FROM audit").await;
    assert_eq!(fault_of(&house, "node-1").await, Some((20, ChainFault::HeadAltered)));
}
