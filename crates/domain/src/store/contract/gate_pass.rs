//! Passes for gates.

use std::sync::Arc;

use super::{sample, user};
use crate::account::User;
use crate::gate_pass::GatePass;
use crate::session::Session;
use crate::store::{Store, StoreError};

/// Two accounts with a session each.
async fn store_accounts(store: &dyn Store) -> Result<[(User, Session); 2], StoreError> {
    let both = [1, 2].map(|number| (sample::user(number), sample::session(&sample::user(number), number)));
    let mut tx = store.begin().await?;
    for (user, session) in &both {
        tx.users().add(user).await?;
        tx.sessions().add(session).await?;
    }
    tx.commit().await?;
    Ok(both)
}

async fn is_there(store: &dyn Store, pass: &GatePass) -> Result<bool, StoreError> {
    Ok(store.find_gate_pass(&pass.digest).await?.is_some())
}

/// In one read, and each is the right one.
pub async fn a_pass_reads_back_with_its_session_and_account(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let both = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    for ((_, session), number) in both.iter().zip(1..) {
        tx.gate_passes().add(&sample::gate_pass(session, number), 5).await?;
    }
    tx.factors().add(&sample::totp(&both[1].0, 1)).await?;
    tx.commit().await?;
    for ((owner, session), number) in both.iter().zip(1..) {
        let written = sample::gate_pass(session, number);
        let (pass, read, account) = store.find_gate_pass(&written.digest).await?.ok_or(StoreError::Conflict)?;
        assert_eq!(pass, written);
        assert!(super::session::same(&read, session) && user::same(&account, owner));
        assert_eq!(account.has_second_factor, number == 2);
    }
    assert!(store.find_gate_pass(&sample::digest(9, 9)).await?.is_none());
    Ok(())
}

/// However the session ends: revoked, all of them, swept, or with the account.
pub async fn passes_go_with_their_session(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, session), (other, of_other)] = store_accounts(&*store).await?;
    let sessions = [20, 21, 22].map(|number| sample::session(&user, number));
    let swept = Session { expires_at: sample::at(30), ..sessions[2].clone() };
    let all = [&session, &of_other, &sessions[0], &sessions[1], &swept];
    let mut tx = store.begin().await?;
    for session in [&sessions[0], &sessions[1], &swept] {
        tx.sessions().add(session).await?;
    }
    for (session, number) in all.iter().zip(1..) {
        tx.gate_passes().add(&sample::gate_pass(session, number), 5).await?;
    }
    tx.sessions().revoke(session.id).await?;
    tx.sessions().sweep(sample::at(30), sample::at(0), sample::at(0), crate::store::PageLimit::new(9)).await?;
    tx.commit().await?;
    let left = |number: u32| sample::gate_pass(all[number as usize - 1], number);
    for (number, is_left) in [(1, false), (2, true), (3, true), (4, true), (5, false)] {
        assert_eq!(is_there(&*store, &left(number)).await?, is_left, "pass {number}");
    }
    let mut tx = store.begin().await?;
    tx.sessions().revoke_all(user.id, Some(sessions[1].id)).await?;
    tx.users().remove(other.id).await?;
    tx.commit().await?;
    for (number, is_left) in [(2, false), (3, false), (4, true)] {
        assert_eq!(is_there(&*store, &left(number)).await?, is_left, "pass {number}");
    }
    Ok(())
}

/// Of one session and one gate the newest stay; what others have stays as well.
pub async fn of_a_sessions_passes_for_a_gate_the_newest_stay(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(_, session), (_, of_other)] = store_accounts(&*store).await?;
    let elsewhere = GatePass { gate: "elsewhere".to_owned(), ..sample::gate_pass(&session, 8) };
    let others = sample::gate_pass(&of_other, 9);
    let mut tx = store.begin().await?;
    tx.gate_passes().add(&elsewhere, 3).await?;
    tx.gate_passes().add(&others, 3).await?;
    for number in [2, 1, 5, 3, 4] {
        tx.gate_passes().add(&sample::gate_pass(&session, number), 3).await?;
    }
    tx.commit().await?;
    for number in 1..=5 {
        assert_eq!(is_there(&*store, &sample::gate_pass(&session, number)).await?, number >= 3, "pass {number}");
    }
    assert!(is_there(&*store, &elsewhere).await? && is_there(&*store, &others).await?);
    let mut tx = store.begin().await?;
    assert!(tx.gate_passes().remove(&elsewhere.digest).await?);
    assert!(!tx.gate_passes().remove(&elsewhere.digest).await?, "a second time there is nothing");
    assert_eq!(tx.gate_passes().revoke(session.id).await?, 3);
    tx.commit().await?;
    assert!(!is_there(&*store, &sample::gate_pass(&session, 5)).await? && is_there(&*store, &others).await?);
    Ok(())
}

/// Nobody makes a pass of a session that is over.
pub async fn a_pass_of_a_session_that_is_gone_is_a_conflict(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(_, session), _] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    tx.sessions().revoke(session.id).await?;
    let outcome = tx.gate_passes().add(&sample::gate_pass(&session, 1), 5).await;
    assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    Ok(())
}
