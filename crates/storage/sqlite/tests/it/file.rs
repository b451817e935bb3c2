//! The database file.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use doorward_domain::{Store, StoreError};
use doorward_storage_sqlite::{OpenError, SqliteStore};

use crate::support::{House, PASSWORD};

#[tokio::test]
async fn database_and_log_files_are_the_owners_alone_even_if_they_were_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("doorward.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.begin().await.unwrap().commit().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_is_gone() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    // A copy of the files at this instant is what a killed process leaves behind.
    let left = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let name = format!("doorward.db{suffix}");
        let _ = std::fs::copy(house.path().with_file_name(&name), left.path().join(&name));
    }
    let store = SqliteStore::open(&left.path().join("doorward.db")).await.unwrap();
    assert!(store.find_user_by_email("ann@example.org").await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_process_may_write_and_is_seen() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let other = SqliteStore::open(&house.path()).await.unwrap();
    let user = other.find_user_by_email("ann@example.org").await.unwrap().unwrap();
    let mut tx = other.begin().await.unwrap();
    tx.users().set_disabled(user.id, Some(user.created_at)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(house.sign_in("ann@example.org", PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_refused_with_words_and_without_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("doorward.db");
    std::fs::write(&path, "hidden-value ".repeat(1000)).unwrap();
    let error = SqliteStore::open(&path).await.err().unwrap();
    assert!(matches!(error, OpenError::Database(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hidden-value"));
}

#[tokio::test]
async fn a_closed_store_says_that_it_cannot_answer() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let signed_in = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    house.store.close().await;
    assert!(!house.accounts.is_store_up().await);
    // Never "nobody": the caller must be able to tell (SES-19).
    let looked = house.accounts.lookup_session(&signed_in.token.reveal()).await;
    assert!(matches!(looked, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn an_error_of_the_database_names_no_value() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let user = house.store.find_user_by_email("ann@example.org").await.unwrap().unwrap();
    let mut tx = house.store.begin().await.unwrap();
    let error = tx.users().add(&user).await.err().unwrap();
    assert!(matches!(error, StoreError::Conflict));
    assert!(!format!("{error:?} {error}").contains("ann"));
}

#[tokio::test]
async fn a_unit_of_work_that_is_cancelled_frees_the_writer() {
    let house = House::new().await;
    for _ in 0..20 {
        let store = house.store.clone();
        let stuck = tokio::spawn(async move {
            let _tx = store.begin().await.unwrap();
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        stuck.abort();
        let _ = stuck.await;
    }
    let begun = tokio::time::timeout(Duration::from_secs(30), house.store.begin()).await.expect("the writer is free");
    begun.unwrap().commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_half_way_leave_the_one_writer_usable() {
    let house = std::sync::Arc::new(House::new().await);
    for round in 0..400_u64 {
        let waiting = std::sync::Arc::clone(&house);
        let caller = tokio::spawn(async move { waiting.sign_up(&format!("a{round}@example.org"), PASSWORD).await });
        for _ in 0..round % 40 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_micros(round * 7 % 900)).await;
        caller.abort();
        let _ = caller.await;
    }
    let (mails, entries) = (house.take_mail().await.len(), house.events(doorward_domain::AuditEvent::SignUp).await.len());
    assert_eq!(mails, entries, "each sign-up happened with all that belongs to it, or not at all");
    house.member("ann@example.org").await;
}
