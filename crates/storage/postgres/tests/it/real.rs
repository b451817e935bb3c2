//! What only this database must do.

mod contract;
mod deadline;
mod flow;
mod open;
mod vault;

use std::sync::Arc;

use doorward_domain::{EmailAddress, Store, User};
use doorward_kit::{Secret, Timestamp, UserId};
use doorward_storage_postgres::PostgresStore;
use doorward_testkit::real::Postgres;

use crate::database::settings;

/// An account without a password.
fn user(number: u8) -> User {
    let address = format!("u{number}@app.test");
    User {
        id: UserId::from_bytes([number; 16]),
        email: EmailAddress { display: address.clone(), canonical: address },
        display_name: String::new(),
        avatar_url: None,
        bio: None,
        password_hash: None,
        roles: Vec::new(),
        disabled_at: None,
        credential_version: 1,
        has_second_factor: false,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_rows_cannot_be_changed_removed_or_emptied() {
    let server = Postgres::start();
    let database = server.database();
    let _store = PostgresStore::open(&settings(&server, &database)).await.unwrap();
    let head = "INSERT INTO audit_heads VALUES ('n', 1, sha256(''), 0, sha256(''), 1, 1, sha256(''))";
    let row = "INSERT INTO audit (node, seq, ts, event, outcome, version, key_version, prev_hash, hash) \
               VALUES ('n', 1, 1, 'e', 'o', 'v', 1, sha256(''), sha256(''))";
    server.ask(&database, head).unwrap();
    server.ask(&database, row).unwrap();
    for attack in [
        "UPDATE audit SET ts = 2",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "TRUNCATE audit_heads",
        "DELETE FROM audit_heads",
        "UPDATE audit_heads SET seq = 0",
        "INSERT INTO audit SELECT * FROM audit",
    ] {
        assert!(server.ask(&database, attack).is_err(), "{attack}");
    }
    assert_eq!(server.ask(&database, "SELECT count(*) FROM audit").unwrap(), "1");
    server.ask(&database, "UPDATE audit_heads SET floor_seq = 1").unwrap();
    server.ask(&database, "DELETE FROM audit").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_neither_password_nor_address() {
    let server = Postgres::start();
    let mut wrong = settings(&server, &server.database());
    wrong.password = Some(Secret::new("a canary in the kitchen".to_owned()));
    let Err(error) = PostgresStore::open(&wrong).await else { panic!("opened") };
    assert_eq!(error.to_string(), "database cannot be opened: store is unavailable: the server refuses the user or its password");
    assert!(!format!("{error:?} {wrong:?}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_read_waits_for_who_read_it_first() {
    let server = Postgres::start();
    let database = server.database();
    let store = Arc::new(PostgresStore::open(&settings(&server, &database)).await.unwrap());
    let (id, address) = (user(1).id, user(1).email.canonical);
    let mut tx = store.begin().await.unwrap();
    tx.users().add(&user(1)).await.unwrap();
    tx.commit().await.unwrap();

    let mut first = store.begin().await.unwrap();
    first.users().lookup(id).await.unwrap().unwrap();
    let second = tokio::spawn({
        let store = store.clone();
        async move { store.begin().await?.users().find_by_email(&address).await }
    });
    let waiting = format!("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{database}'");
    doorward_testkit::until(std::time::Duration::from_secs(4), "the second to wait", || {
        (server.ask("postgres", &waiting).unwrap() == "1").then_some(())
    });
    first.users().set_disabled(id, Some(Timestamp::UNIX_EPOCH)).await.unwrap();
    first.commit().await.unwrap();
    assert!(second.await.unwrap().unwrap().unwrap().disabled_at.is_some(), "it sees what the first did");
}
