//! What only this database must do.

mod contract;
mod flow;

use std::sync::Arc;

use doorward_domain::{EmailAddress, Store, User};
use doorward_kit::{Secret, Timestamp, UserId};
use doorward_storage_postgres::{PostgresSettings, PostgresStore, PostgresTls};
use doorward_testkit::TestCa;
use doorward_testkit::real::Postgres;

use crate::database::settings;

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
async fn a_server_without_a_certificate_is_not_spoken_to_where_one_is_asked_for() {
    let server = Postgres::start();
    let mut strict = settings(&server, &server.database());
    strict.tls = PostgresTls::VerifyFull { ca_file: None };
    let Err(error) = PostgresStore::open(&strict).await else { panic!("opened without TLS") };
    assert!(error.to_string().contains("cannot be trusted"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_migrate_once() {
    let server = Postgres::start();
    let settings = Arc::new(settings(&server, &server.database()));
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let settings = settings.clone();
        nodes.spawn(async move { PostgresStore::open(&settings).await.map(drop) });
    }
    for opened in nodes.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_that_the_authority_vouches_for_is_talked_to() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, key) = TestCa::new().write(folder.path(), &["localhost".to_owned()]);
    TestCa::new().write(elsewhere.path(), &["localhost".to_owned()]);
    let server = Postgres::start_with_tls(&chain, &key);
    let database = server.database();
    let with = |host: &str, ca_file| PostgresSettings {
        host: host.to_owned(),
        tls: PostgresTls::VerifyFull { ca_file },
        ..settings(&server, &database)
    };
    let ca = Some(folder.path().join("ca.pem"));
    PostgresStore::open(&with("localhost", ca.clone())).await.unwrap().ping().await.unwrap();
    for (host, ca_file) in [("127.0.0.1", ca), ("localhost", Some(elsewhere.path().join("ca.pem"))), ("localhost", None)] {
        assert!(PostgresStore::open(&with(host, ca_file)).await.is_err(), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_read_waits_for_who_read_it_first() {
    let server = Postgres::start();
    let database = server.database();
    let store = Arc::new(PostgresStore::open(&settings(&server, &database)).await.unwrap());
    let id = UserId::from_bytes([1; 16]);
    let address = "ada@app.test".to_owned();
    let user = User {
        id,
        email: EmailAddress { display: address.clone(), canonical: address.clone() },
        display_name: String::new(),
        avatar_url: None,
        bio: None,
        password_hash: None,
        roles: Vec::new(),
        disabled_at: None,
        credential_version: 1,
        created_at: Timestamp::UNIX_EPOCH,
    };
    let mut tx = store.begin().await.unwrap();
    tx.users().add(&user).await.unwrap();
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
