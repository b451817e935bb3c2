//! Sealed things and leases of several nodes.

use std::sync::Arc;

use doorward_domain::Store as _;
use doorward_kit::Timestamp;
use doorward_storage_postgres::PostgresStore;
use doorward_testkit::real::Postgres;
use tokio::task::JoinSet;

use crate::database::settings;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn things_are_kept_until_they_are_gone_and_of_many_one_has_a_lease() {
    let server = Postgres::start();
    let store = Arc::new(PostgresStore::open(&settings(&server, &server.database())).await.unwrap());
    let vault = store.vault().expect("nodes share it");
    vault.keep("a/one", b"1", Some(at(10))).await.unwrap();
    vault.keep("a/two", b"2", None).await.unwrap();
    vault.keep("a_three", b"3", None).await.unwrap();
    vault.keep("a/two", b"22", None).await.unwrap();
    assert_eq!(vault.find("a/one", at(9)).await.unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(vault.find("a/one", at(10)).await.unwrap(), None);
    let names: Vec<_> = vault.list("a/", at(9)).await.unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a/one", "a/two"]);
    assert_eq!(vault.list("a/", at(10)).await.unwrap(), [("a/two".to_owned(), b"22".to_vec())]);
    vault.remove("a/two", at(9)).await.unwrap();
    assert_eq!(vault.list("a/", at(9)).await.unwrap().len(), 1);

    let mut racers = JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        racers.spawn(async move { store.vault().unwrap().lease("l", &format!("h{number}"), at(1), at(5)).await.unwrap() });
    }
    assert_eq!(racers.join_all().await.into_iter().filter(|won| *won).count(), 1);
    assert!(!vault.lease("l", "late", at(4), at(9)).await.unwrap());
    assert!(vault.lease("l", "late", at(5), at(9)).await.unwrap(), "its time is over");
    assert!(vault.lease("l", "late", at(6), at(12)).await.unwrap(), "its own is renewed");
    vault.release("l", "other").await.unwrap();
    assert!(!vault.lease("l", "other", at(7), at(9)).await.unwrap());
    vault.release("l", "late").await.unwrap();
    assert!(vault.lease("l", "other", at(7), at(9)).await.unwrap());
}
