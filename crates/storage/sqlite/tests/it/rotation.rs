//! Replacing credentials, and what the owner of sessions may do with them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::{FlowError, SignIn, SignedIn};
use doorward_domain::{ActiveSession, AuditEvent};
use doorward_kit::{SessionId, SystemEntropy};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, QUICK, caller, proof, visitor};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

async fn ann() -> (House, String) {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal();
    (house, value)
}

async fn active(house: &House, value: &str) -> Arc<ActiveSession> {
    house.accounts.lookup_session(value).await.unwrap().expect("a live session")
}

/// Half a day later, which is when a credential is due.
async fn rotate(house: &House, value: &str) -> SignedIn {
    let active = active(house, value).await;
    house.accounts.rotate_session(visitor(&caller(1)), &active).await.unwrap().expect("a new credential")
}

#[tokio::test]
async fn a_credential_is_due_after_its_time_and_not_again_after_that() {
    let (house, value) = ann().await;
    house.clock.advance(12 * HOUR - SECOND);
    assert!(!house.accounts.is_rotation_due(&*active(&house, &value).await));
    house.clock.advance(SECOND);
    assert!(house.accounts.is_rotation_due(&*active(&house, &value).await));
    let renewed = rotate(&house, &value).await;
    let new = renewed.token.reveal();
    assert_ne!(new, value);
    assert!(renewed.device.is_none(), "nobody has signed in");
    for value in [&new, &value] {
        assert!(!house.accounts.is_rotation_due(&*active(&house, value).await), "neither the new one nor the old one");
    }
    house.clock.advance(12 * HOUR);
    assert!(house.accounts.is_rotation_due(&*active(&house, &new).await));
    let rotated = house.events(AuditEvent::SessionRotated).await;
    assert_eq!(rotated.len(), 1);
    assert_eq!(rotated[0].record.session, Some(renewed.active.session.id));
}

/// What a node remembers of an account is a second old at most, however often its session gets a new credential meanwhile.
#[tokio::test]
async fn a_role_that_was_taken_away_is_not_kept_by_new_credentials() {
    let (house, mut value) = ann().await;
    let other = house.other_node();
    let email = "ann@example.org".parse().unwrap();
    other.set_user_roles(&email, vec!["staff".to_owned()]).await.unwrap();
    let known = active(&house, &value).await;
    assert_eq!(known.user.roles, ["staff"]);
    let deadline = tokio::time::Instant::now() + SECOND;
    other.set_user_roles(&email, Vec::new()).await.unwrap();
    while tokio::time::Instant::now() < deadline {
        value = rotate(&house, &value).await.token.reveal();
        tokio::time::sleep(SECOND / 4).await;
    }
    assert_eq!(active(&house, &value).await.user.roles, [""; 0]);
}

#[tokio::test]
async fn a_rotated_session_is_the_same_session() {
    let (house, value) = ann().await;
    let before = active(&house, &value).await;
    house.clock.advance(13 * HOUR);
    let new = rotate(&house, &value).await.token.reveal();
    let after = active(&house, &new).await;
    assert_eq!((after.session.id, after.user.id), (before.session.id, before.user.id));
    assert_eq!(after.session.expires_at, before.session.expires_at, "its absolute end does not move");
    assert_eq!(after.session.authenticated_at, before.session.authenticated_at, "nor is it a fresh proof");
    house.clock.advance(7 * 24 * HOUR);
    assert!(!house.is_live(&new).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_parallel_rotations_one_makes_a_credential_and_none_loses_its_session() {
    let (house, value) = ann().await;
    house.clock.advance(12 * HOUR);
    let house = Arc::new(house);
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (house, value) = (Arc::clone(&house), value.clone());
        racers.spawn(async move {
            let active = active(&house, &value).await;
            let renewed = house.accounts.rotate_session(visitor(&caller(1)), &active).await.unwrap();
            renewed.map(|renewed| renewed.token.reveal())
        });
    }
    let new: Vec<String> = racers.join_all().await.into_iter().flatten().collect();
    let [new] = new.as_slice() else { panic!("{} of 20 made one", new.len()) };
    assert!(house.is_live(new).await && house.is_live(&value).await);
    assert_eq!(house.events(AuditEvent::SessionRotated).await.len(), 1);
}

#[tokio::test]
async fn the_former_credential_is_good_for_ten_seconds_and_then_ends_the_session() {
    let (house, value) = ann().await;
    house.clock.advance(12 * HOUR);
    let new = rotate(&house, &value).await.token.reveal();
    house.clock.advance(10 * SECOND - Duration::from_micros(1));
    let passed = active(&house, &value).await;
    assert_ne!(passed.presented, passed.session.digest);
    assert_eq!(active(&house, &new).await.presented, passed.session.digest);
    house.clock.advance(Duration::from_micros(1));
    let thief = caller(66);
    assert!(house.accounts.recognise_session(&thief, &value).await.unwrap().is_none());
    assert!(!house.is_live(&new).await, "whoever holds the new one may be the thief");
    assert!(!house.is_live(&value).await);
    let reused = house.events(AuditEvent::SessionReuse).await;
    assert_eq!(reused.len(), 1, "it ends once");
    let record = &reused[0].record;
    assert_eq!((record.session, record.actor), (Some(passed.session.id), Some(passed.user.id)));
    assert_eq!(record.client_ip, Some([198, 51, 100, 66].into()), "and the trail says who brought it");
}

#[tokio::test]
async fn a_credential_before_the_former_one_is_nothing() {
    let (house, first) = ann().await;
    let second = rotate(&house, &first).await.token.reveal();
    let third = rotate(&house, &second).await.token.reveal();
    assert!(!house.is_live(&first).await);
    assert!(house.is_live(&second).await && house.is_live(&third).await);
    let former = active(&house, &second).await;
    let outcome = house.accounts.rotate_session(visitor(&caller(1)), &former).await.unwrap();
    assert!(outcome.is_none(), "the former credential replaces nothing");
}

#[tokio::test]
async fn another_node_lets_both_credentials_pass_and_rotates_nothing_twice() {
    let (house, value) = ann().await;
    let other = house.other_node();
    house.clock.advance(12 * HOUR);
    let copy = other.lookup_session(&value).await.unwrap().unwrap();
    let new = rotate(&house, &value).await.token.reveal();
    // Its copy is from before the rotation.
    assert!(other.is_rotation_due(&copy));
    assert!(other.rotate_session(visitor(&caller(1)), &copy).await.unwrap().is_none());
    let fresh = other.lookup_session(&value).await.unwrap().unwrap();
    assert!(!other.is_rotation_due(&fresh), "it has read the row again");
    assert!(other.lookup_session(&new).await.unwrap().is_some());
    house.clock.advance(11 * SECOND);
    assert!(other.lookup_session(&value).await.unwrap().is_none());
    assert!(other.lookup_session(&new).await.unwrap().is_none());
    tokio::time::sleep(SECOND).await;
    assert!(!house.is_live(&new).await, "within a second everywhere");
}

#[tokio::test]
async fn signing_out_with_the_former_credential_ends_the_new_one_at_once() {
    let (house, value) = ann().await;
    let before = active(&house, &value).await;
    let new = rotate(&house, &value).await.token.reveal();
    assert!(house.is_live(&value).await && house.is_live(&new).await);
    house.accounts.sign_out(visitor(&caller(1)), &before).await.unwrap();
    assert!(!house.is_live(&value).await && !house.is_live(&new).await);
}

#[tokio::test]
async fn signing_in_over_the_former_credential_ends_the_session_of_both() {
    let (house, value) = ann().await;
    let new = rotate(&house, &value).await.token.reveal();
    assert!(house.is_live(&new).await);
    let context = caller(1);
    house.accounts.sign_in(visitor(&context), proof("ann@example.org", PASSWORD, Some(&value))).await.unwrap();
    assert!(!house.is_live(&value).await && !house.is_live(&new).await);
}

#[tokio::test]
async fn a_request_with_either_credential_keeps_the_session_awake() {
    let (house, value) = ann().await;
    house.clock.advance(23 * HOUR);
    assert!(house.is_live(&value).await);
    let new = rotate(&house, &value).await.token.reveal();
    house.clock.advance(23 * HOUR);
    assert!(house.is_live(&new).await, "what was seen before the rotation counts");
}

#[tokio::test]
async fn a_credential_replaced_by_a_clock_that_was_years_ahead_does_not_stay_good_for_years() {
    let (mut house, value) = ann().await;
    let start = doorward_kit::Clock::now(&*house.clock);
    let before = active(&house, &value).await;
    house.clock.advance(5 * 24 * HOUR);
    let new = house.accounts.rotate_session(visitor(&caller(1)), &before).await.unwrap().unwrap().token.reveal();
    house.clock.set(start + HOUR);
    house.restart(QUICK);
    assert!(!house.is_live(&value).await && !house.is_live(&new).await);
}

#[tokio::test]
async fn an_owner_sees_its_live_sessions_newest_first_and_no_credential() {
    let (house, idle) = ann().await;
    house.member("bob@example.org").await;
    house.sign_in("bob@example.org", PASSWORD).await.unwrap();
    house.clock.advance(23 * HOUR);
    let older = house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal();
    house.clock.advance(2 * HOUR);
    let newest = house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal();
    let (older, newest) = (active(&house, &older).await, active(&house, &newest).await);
    let listed = house.accounts.list_sessions(&newest).await.unwrap();
    let ids: Vec<SessionId> = listed.iter().map(|session| session.id).collect();
    assert_eq!(ids, [newest.session.id, older.session.id], "neither the idle one nor another's");
    let shown: HashSet<String> = ids.iter().map(ToString::to_string).collect();
    for id in shown {
        assert!(!house.is_live(&id).await);
    }
    assert!(!house.is_live(&idle).await);
}

#[tokio::test]
async fn ending_another_ones_session_looks_like_ending_none() {
    let (house, value) = ann().await;
    house.member("bob@example.org").await;
    let of_bob = house.sign_in("bob@example.org", PASSWORD).await.unwrap();
    let other = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let (context, active) = (caller(1), active(&house, &value).await);
    let revoke = async |id| house.accounts.revoke_session(visitor(&context), &active, id).await;
    for id in [of_bob.active.session.id, SessionId::random(&SystemEntropy)] {
        assert!(matches!(revoke(id).await, Err(FlowError::NotThere)));
    }
    assert!(house.is_live(&of_bob.token.reveal()).await);
    assert!(house.is_live(&other.token.reveal()).await);
    revoke(other.active.session.id).await.unwrap();
    assert!(!house.is_live(&other.token.reveal()).await, "at once");
    assert!(matches!(revoke(other.active.session.id).await, Err(FlowError::NotThere)));
    let reasons: Vec<_> =
        house.events(AuditEvent::SessionRevoked).await.into_iter().map(|row| row.record.reason.unwrap()).collect();
    assert_eq!(reasons, ["unknown", "unknown", "by_owner", "unknown"], "refusals are told too, and tell no difference");
}

#[tokio::test]
async fn ending_all_others_spares_the_one_that_asks() {
    let (house, value) = ann().await;
    house.member("bob@example.org").await;
    let of_bob = house.sign_in("bob@example.org", PASSWORD).await.unwrap().token.reveal();
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal());
    }
    others.push(rotate(&house, &others[0]).await.token.reveal());
    for value in &others {
        assert!(house.is_live(value).await);
    }
    let active = active(&house, &value).await;
    assert_eq!(house.accounts.revoke_other_sessions(visitor(&caller(1)), &active).await.unwrap(), 3);
    for value in &others {
        assert!(!house.is_live(value).await, "the former credential of one among them");
    }
    assert!(house.is_live(&value).await && house.is_live(&of_bob).await);
}

#[tokio::test]
async fn a_remembered_session_has_the_longer_clocks_and_another_has_not() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let context = caller(1);
    let sign_in = async |remember| {
        let wish = SignIn { remember, ..proof("ann@example.org", PASSWORD, None) };
        crate::support::whole(house.accounts.sign_in(visitor(&context), wish).await).unwrap().token.reveal()
    };
    let (kept, usual) = (sign_in(true).await, sign_in(false).await);
    house.clock.advance(25 * HOUR);
    house.accounts.sweep().await.unwrap();
    assert!(house.is_live(&kept).await && !house.is_live(&usual).await);
    house.clock.advance(14 * 24 * HOUR - SECOND);
    assert!(house.is_live(&kept).await);
    house.clock.advance(14 * 24 * HOUR - SECOND);
    assert!(house.is_live(&kept).await);
    house.clock.advance(2 * 24 * HOUR);
    assert!(!house.is_live(&kept).await, "thirty days are over");
    let idle = sign_in(true).await;
    house.clock.advance(14 * 24 * HOUR);
    assert!(!house.is_live(&idle).await);
}

#[tokio::test]
async fn a_session_that_was_swept_away_ends_in_the_trail_as_well() {
    let (house, _value) = ann().await;
    house.clock.advance(25 * HOUR);
    house.accounts.sweep().await.unwrap();
    house.accounts.sweep().await.unwrap();
    house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    house.clock.advance(8 * 24 * HOUR);
    house.accounts.sweep().await.unwrap();
    let reasons: Vec<_> =
        house.events(AuditEvent::SessionExpired).await.into_iter().map(|row| row.record.reason.unwrap()).collect();
    assert_eq!(reasons, ["idle_timeout", "absolute_timeout"]);
}
