//! How a store comes about: what it refuses, what it insists on, what it waits for.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::Store as _;
use doorward_storage_postgres::{OpenError, PostgresSettings, PostgresStore, PostgresTls};
use doorward_testkit::TestCa;
use doorward_testkit::real::Postgres;

use super::settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_no_other_machine_is_spoken_to() {
    let server = Postgres::start();
    for host in ["192.0.2.1", "db.example.org", "0.0.0.0", "2001:db8::1"] {
        let settings = PostgresSettings { host: host.to_owned(), ..settings(&server, "nowhere") };
        let opened = PostgresStore::open(&settings).await.err().expect("refused");
        assert!(matches!(opened, OpenError::Unprotected), "{host}: {opened:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_durable_whatever_the_server_is_set_to() {
    let server = Postgres::start();
    let database = server.database();
    let ask = |statement: &str| server.ask(&database, statement).unwrap();
    // Three layers of defaults that are all weaker than what a commit promises; the tests' server itself is set to `off`.
    for (weaker, expected) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
        ask(&format!("ALTER DATABASE {database} SET synchronous_commit = {weaker}"));
        let store = PostgresStore::open(&settings(&server, &database)).await.unwrap();
        // The store's own word for what it runs under, written where it can be read beside it.
        ask("DROP TABLE IF EXISTS seen; CREATE TABLE seen (how TEXT)");
        ask("CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END; $$");
        ask("CREATE OR REPLACE TRIGGER look BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION look()");
        let mut tx = store.begin().await.unwrap();
        tx.users().add(&super::user(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ask("SELECT how FROM seen"), expected, "where the default is {weaker}");
        ask("DELETE FROM users");
        store.close().await;
    }
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
async fn a_node_waits_for_the_migration_of_another_longer_than_for_anything_else() {
    let server = Postgres::start();
    let database = server.database();
    PostgresStore::open(&settings(&server, &database)).await.unwrap().close().await;
    // What a migration that takes its time holds: nobody may look at which of them were applied.
    let long = "BEGIN; LOCK TABLE _sqlx_migrations; SELECT pg_sleep(12); COMMIT";
    std::thread::scope(|scope| {
        scope.spawn(|| server.ask(&database, long).unwrap());
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE%' AND wait_event = 'PgSleep'";
        doorward_testkit::until(Duration::from_secs(20), "the migration to begin", || {
            (server.ask(&database, waiting).unwrap() == "1").then_some(())
        });
        let runtime = tokio::runtime::Handle::current();
        let store = tokio::task::block_in_place(|| runtime.block_on(PostgresStore::open(&settings(&server, &database))));
        // Past the five seconds of a lock and the eight of a statement.
        let held = server.ask(&database, waiting).unwrap();
        assert_eq!(held, "0", "it was waited for");
        tokio::task::block_in_place(|| runtime.block_on(async { store.unwrap().ping().await.unwrap() }));
    });
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
