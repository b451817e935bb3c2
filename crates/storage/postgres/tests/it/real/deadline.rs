//! A server that says nothing any more: every wait ends, and what was said last is not called undone.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::{Store, StoreError};
use doorward_kit::{TokenDigest, UserId};
use doorward_storage_postgres::PostgresStore;
use doorward_testkit::real::Postgres;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{settings, user};

/// Five seconds for a connection, ten for an answer, the rest for a machine that is busy with other tests.
const BOUND: Duration = Duration::from_secs(30);

async fn add(store: &PostgresStore, number: u8) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.users().add(&user(number)).await?;
    tx.commit().await
}

async fn until_it_answers(store: &PostgresStore) {
    for _ in 0..30 {
        if store.ping().await.is_ok() {
            return;
        }
    }
    panic!("the store has not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_ends_every_wait_and_costs_no_connection() {
    let server = Postgres::alone(&[]);
    let database = server.database();
    let store = Arc::new(PostgresStore::open(&settings(&server, &database)).await.unwrap());
    add(&store, 1).await.unwrap();
    let mut reading = store.begin().await.unwrap();
    let mut committing = store.begin().await.unwrap();
    committing.users().add(&user(2)).await.unwrap();
    server.freeze();

    let mut waiting = JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(&store);
        waiting.spawn(async move {
            match number % 4 {
                0 => store.begin().await.map(drop),
                1 => store.find_session(&TokenDigest([1; 32])).await.map(drop),
                2 => store.find_user_by_email("ann@example.org").await.map(drop),
                _ => store.ping().await,
            }
        });
    }
    waiting.spawn(async move { reading.users().lookup(UserId::from_bytes([1; 16])).await.map(drop) });
    let committing = tokio::spawn(timeout(BOUND, committing.commit()));
    let outcomes = timeout(BOUND, waiting.join_all()).await.expect("every wait ends");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(StoreError::Unavailable(_)))), "{outcomes:?}");
    let outcome = committing.await.unwrap().expect("the wait for a commit ends");
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown)), "{outcome:?}");

    server.thaw();
    until_it_answers(&store).await;
    // More at once than there are connections: none of them is lost.
    let mut working = JoinSet::new();
    for number in 10..50 {
        let store = Arc::clone(&store);
        working.spawn(async move { add(&store, number).await });
    }
    assert!(working.join_all().await.iter().all(Result::is_ok));
    // The server had heard the commit, and did it when it went on: nobody may say that nothing happened.
    let done = server.ask(&database, "SELECT count(*) FROM users WHERE email_canonical = 'u2@app.test'").unwrap();
    assert_eq!(done, "1");
    // What was begun and never committed holds no lock.
    let mut tx = store.begin().await.unwrap();
    assert!(tx.users().lookup(UserId::from_bytes([1; 16])).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_freezes_before_a_start_ends_the_start() {
    let server = Postgres::alone(&[]);
    let settings = settings(&server, &server.database());
    server.freeze();
    let opened = timeout(BOUND, PostgresStore::open(&settings)).await.expect("the start ends");
    assert!(opened.is_err());
    server.thaw();
    PostgresStore::open(&settings).await.unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_dropped_in_the_middle_of_a_statement_leaves_no_trace_and_no_lock() {
    let server = Postgres::start();
    let store = Arc::new(PostgresStore::open(&settings(&server, &server.database())).await.unwrap());
    add(&store, 1).await.unwrap();
    for round in 0..40_u64 {
        let store = Arc::clone(&store);
        let caller = tokio::spawn(async move {
            let mut tx = store.begin().await?;
            tx.users().set_password_hash(UserId::from_bytes([1; 16]), Some("half")).await?;
            tx.users().lookup(UserId::from_bytes([1; 16])).await?;
            std::future::pending::<Result<(), StoreError>>().await
        });
        tokio::time::sleep(Duration::from_micros(round * 137)).await;
        caller.abort();
        let _ = caller.await;
    }
    let mut tx = store.begin().await.unwrap();
    let read = tx.users().lookup(UserId::from_bytes([1; 16])).await.unwrap().unwrap();
    assert_eq!(read.password_hash, None);
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_of_work_that_failed_is_never_said_to_be_committed() {
    let server = Postgres::start();
    let store = PostgresStore::open(&settings(&server, &server.database())).await.unwrap();
    add(&store, 1).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.users().add(&user(2)).await.unwrap();
    assert!(matches!(tx.users().add(&user(1)).await, Err(StoreError::Conflict)));
    // The server would answer this COMMIT without an error, and roll back.
    assert!(tx.commit().await.is_err());
    assert!(store.find_user_by_email("u2@app.test").await.unwrap().is_none());
}
