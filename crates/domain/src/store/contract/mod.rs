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
pub mod ceremony;
pub mod device;
pub mod factor;
pub mod failure;
pub mod gate_pass;
pub mod identity;
pub mod one_time;
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
            user::a_password_hash_is_set_and_the_credential_version_moves,
            user::an_address_is_moved_and_a_taken_one_is_a_conflict,
            user::a_profile_and_roles_are_set,
            user::a_removed_account_takes_what_hangs_on_it_along,
            session::a_session_reads_back_with_its_account,
            session::a_revoked_session_is_gone_for_every_reader,
            session::many_sessions_are_found_by_id_in_one_read,
            session::many_sessions_of_one_account_are_listed_page_by_page,
            session::revoking_all_spares_other_accounts,
            session::a_touch_never_moves_back,
            session::ended_sessions_are_swept_and_live_ones_stay,
            session::revoking_all_spares_the_one_that_asks,
            session::a_credential_is_rotated_once_and_the_former_one_is_remembered,
            session::of_many_that_rotate_one_session_one_does,
            session::sessions_are_swept_in_batches_and_remembered_ones_later,
            one_time::a_one_time_token_reads_back_as_it_was_written,
            one_time::a_one_time_token_is_good_for_its_purpose_alone,
            one_time::a_one_time_token_is_consumed_exactly_once_however_many_race_for_it,
            one_time::a_token_and_its_account_are_locked_in_one_order,
            one_time::an_expired_one_time_token_is_neither_consumed_nor_listed,
            one_time::tokens_are_revoked_by_account_purpose_and_age,
            one_time::expired_one_time_tokens_are_swept_in_batches,
            device::a_device_names_its_account_until_it_ends,
            device::devices_are_listed_and_forgotten_one_by_one,
            device::a_device_is_renewed_for_its_own_account_only,
            device::of_an_accounts_devices_the_newest_stay,
            device::ended_devices_are_swept_in_batches,
            ceremony::a_ceremony_reads_back_as_it_was_written,
            ceremony::a_ceremony_is_good_for_its_kind_alone,
            ceremony::of_many_that_race_for_a_ceremony_one_gets_it,
            ceremony::a_ceremony_is_tried_so_often_and_no_more,
            ceremony::an_expired_ceremony_is_neither_tried_nor_consumed,
            ceremony::a_ceremony_is_looked_at_and_stays_as_it_is,
            ceremony::ceremonies_are_revoked_by_account_and_kind,
            ceremony::a_ceremony_ends_with_what_it_hangs_on,
            ceremony::a_ceremony_and_what_it_hangs_on_are_locked_in_one_order,
            ceremony::expired_ceremonies_are_swept_in_batches,
            factor::factors_read_back_as_they_were_written,
            factor::an_account_knows_whether_it_has_a_second_factor,
            factor::a_factor_is_seen_by_whoever_locks_the_account_next,
            factor::a_known_credential_and_a_second_shared_key_are_conflicts,
            factor::a_counter_moves_on_once_for_each_value,
            factor::a_factor_is_renamed_and_removed_by_its_account,
            factor::a_recovery_code_is_used_once,
            factor::factors_go_with_their_account,
            identity::identities_read_back_as_they_were_written,
            identity::an_identity_is_found_by_issuer_and_subject_alone,
            identity::an_account_at_a_provider_is_linked_once_however_many_race_for_it,
            identity::a_sign_in_with_an_identity_is_noted,
            identity::identities_are_removed_by_account_and_provider,
            identity::identities_go_with_their_account,
            gate_pass::a_pass_reads_back_with_its_session_and_account,
            gate_pass::passes_go_with_their_session,
            gate_pass::of_a_sessions_passes_for_a_gate_the_newest_stay,
            gate_pass::a_pass_of_a_session_that_is_gone_is_a_conflict,
            failure::failures_are_counted_until_they_are_forgotten,
            failure::failures_that_race_are_all_counted,
            failure::old_failures_are_swept_in_batches,
            sign_up::a_pending_sign_up_reads_back_as_it_was_written,
            sign_up::a_token_is_consumed_exactly_once_however_many_race_for_it,
            sign_up::an_expired_token_is_not_consumed,
            sign_up::a_rotated_token_replaces_the_old_one,
            sign_up::of_several_live_sign_ups_none_is_the_only_one,
            sign_up::all_sign_ups_of_one_address_are_removed,
            sign_up::expired_sign_ups_are_swept,
            sign_up::links_of_one_address_at_once_settle_it_once,
            outbox::a_claimed_mail_is_not_due_again_before_its_lease_ends,
            outbox::one_mail_is_claimed_by_one_of_many_senders,
            outbox::a_sent_mail_keeps_no_body_and_never_comes_back,
            outbox::a_withheld_mail_is_never_due,
            outbox::every_mail_to_an_address_can_be_removed,
            outbox::a_deferred_mail_is_due_again_later,
            outbox::old_mail_is_swept,
            outbox::a_dead_mail_waits_no_longer_until_it_is_retried,
            outbox::mail_is_listed_by_what_became_of_it,
            outbox::settled_mail_is_swept_first_and_in_batches,
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
