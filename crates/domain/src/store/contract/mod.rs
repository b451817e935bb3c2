//! What every implementation of [`Store`] must do: one suite for all databases.
//!
//! ```ignore
//! async fn fresh() -> (Arc<dyn Store>, tempfile::TempDir) { … }
//! doorward_domain::store_contract!(fresh);
//! ```
//!
//! Each check gets a store of its own with nothing in it.

#![expect(clippy::missing_errors_doc, reason = "a check fails with whatever the store says")]

pub mod audit;
pub mod outbox;
mod sample;
pub mod session;
pub mod sign_up;
pub mod user;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Store, StoreError};

/// How many tasks race for one thing.
pub const RACERS: usize = 50;

/// Runs the same deed in many tasks at once and counts the outcomes that `is_win` accepts.
async fn race<T, F>(deed: impl Fn(usize) -> F, is_win: impl Fn(&Result<T, StoreError>) -> bool) -> usize
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let mut racers = JoinSet::new();
    for number in 0..RACERS {
        racers.spawn(deed(number));
    }
    racers.join_all().await.iter().filter(|outcome| is_win(outcome)).count()
}

/// A dropped unit of work leaves no trace in any table.
pub async fn dropped_work_leaves_no_trace(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let user = sample::user(1);
    let session = sample::session(&user, 1);
    let pending = sample::sign_up(2);
    let mail = sample::mail(1);
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    tx.sessions().add(&session).await?;
    tx.sign_ups().add(&pending).await?;
    tx.outbox().add(&mail, super::Delivery::Due).await?;
    let fresh = crate::audit::Reached::default();
    let _moved = crate::audit::append(&mut *tx, (&audit::keys(), &fresh), "node-1", vec![sample::record(1)]).await?;
    drop(tx);
    assert!(store.find_user_by_email(&user.email.canonical).await?.is_none());
    assert!(store.find_session(&session.digest).await?.is_none());
    let mut tx = store.begin().await?;
    assert!(tx.sign_ups().consume(&pending.digest, sample::at(0)).await?.is_none());
    assert!(tx.outbox().claim(sample::at(100), sample::at(200), 10).await?.is_empty());
    assert!(tx.audit().list("node-1", 0, super::PageLimit::new(10)).await?.is_empty());
    assert!(tx.audit().heads().await?.is_empty());
    Ok(())
}

/// It answers.
pub async fn a_ping_is_answered(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store.ping().await
}

/// Declares the suite as tests: `store_contract!(fresh)`, where `fresh` is an async function that returns an empty
/// `Arc<dyn Store>` and whatever must live as long as it.
#[macro_export]
macro_rules! store_contract {
    ($fresh:path) => {
        $crate::store_contract!(@each $fresh;
            a_ping_is_answered,
            dropped_work_leaves_no_trace,
            user::an_account_reads_back_as_it_was_written,
            user::one_canonical_address_has_one_account_however_many_race_for_it,
            user::a_password_hash_is_replaced_only_where_it_is_the_expected_one,
            user::accounts_are_listed_page_by_page,
            user::a_disabled_mark_is_set_and_lifted,
            session::a_session_reads_back_with_its_account,
            session::a_revoked_session_is_gone_for_every_reader,
            session::many_sessions_of_one_account_are_listed_page_by_page,
            session::revoking_all_spares_other_accounts,
            session::a_touch_never_moves_back,
            session::ended_sessions_are_swept_and_live_ones_stay,
            sign_up::a_pending_sign_up_reads_back_as_it_was_written,
            sign_up::a_token_is_consumed_exactly_once_however_many_race_for_it,
            sign_up::an_expired_token_is_not_consumed,
            sign_up::a_rotated_token_replaces_the_old_one,
            sign_up::of_several_live_sign_ups_none_is_the_only_one,
            sign_up::all_sign_ups_of_one_address_are_removed,
            sign_up::expired_sign_ups_are_swept,
            outbox::a_claimed_mail_is_not_due_again_before_its_lease_ends,
            outbox::one_mail_is_claimed_by_one_of_many_senders,
            outbox::a_sent_mail_keeps_no_body_and_never_comes_back,
            outbox::a_withheld_mail_is_never_due,
            outbox::a_deferred_mail_is_due_again_later,
            outbox::old_mail_is_swept,
            audit::entries_keep_their_order_whatever_the_clock_said,
            audit::an_entry_reads_back_as_it_was_written,
            audit::many_entries_at_once_keep_their_order,
            audit::every_node_has_a_chain_of_its_own,
            audit::entries_are_found_by_what_they_say,
            audit::pruning_leaves_a_floor,
        );
    };
    (@each $fresh:path; $($($name:ident)::+,)*) => {
        $($crate::store_contract!(@one $fresh; $($name)::+);)*
    };
    (@one $fresh:path; $module:ident::$name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (store, _keep) = $fresh().await;
            $crate::store::contract::$module::$name(store).await.expect("the store answers");
        }
    };
    (@one $fresh:path; $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (store, _keep) = $fresh().await;
            $crate::store::contract::$name(store).await.expect("the store answers");
        }
    };
}
