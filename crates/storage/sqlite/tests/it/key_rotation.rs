//! The master key is rotated while people are signed in, links are in the mail and guesses are counted (CFG-02).

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::{FlowError, SignIn, SignedIn};
use doorward_domain::{AuditEvent, CsrfBinding, Store as _};
use doorward_kit::ring::{RingChange, Rotation};
use doorward_kit::{Clock as _, KeyRing, ManualClock, SharedRing, SystemEntropy};

use crate::support::{House, MASTER, PASSWORD, QUICK, caller, proof, visitor};

const ANN: &str = "ann@example.org";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Random once.
const NEXT: &[u8; 40] = b"bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2";

/// What a key file holds after a rotation: the new key begins in ten minutes, the former one is known for an hour from then on.
fn rotated(house: &House) -> KeyRing {
    let now = house.clock.now();
    let from = now + 10 * MINUTE;
    let text = KeyRing::rotated(MASTER, &Rotation { material: NEXT, from, until: from + HOUR, now }).unwrap();
    KeyRing::parse(&text).unwrap()
}

/// Puts it in force on every node.
fn rotate(house: &House) {
    assert_eq!(house.keys.replace(rotated(house)), RingChange::Replaced);
}

async fn house_of_ann() -> House {
    let house = House::new().await;
    house.member(ANN).await;
    house
}

/// The stored hash's name of its pepper.
async fn pepper_of(house: &House) -> String {
    let mut tx = house.store.begin().await.unwrap();
    let user = tx.users().find_by_email(ANN).await.unwrap().expect("an account");
    let hash = user.password_hash.expect("a hash");
    hash.split_once("keyid=").expect("a pepper").1.split(['$', ',']).next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_session_outlives_the_key_by_being_used_and_not_otherwise() {
    let house = house_of_ann().await;
    let (used, idle) = (house.sign_in(ANN, PASSWORD).await.unwrap(), house.sign_in(ANN, PASSWORD).await.unwrap());
    let (used, idle) = (used.token.reveal(), idle.token.reveal());
    rotate(&house);
    let active = house.accounts.lookup_session(&used).await.unwrap().expect("live");
    assert!(!house.accounts.is_rotation_due(&active), "the new key has not begun");
    house.clock.advance(10 * MINUTE);
    // Another node, since this one may remember the session for a second.
    let node = house.other_node();
    let active = node.lookup_session(&used).await.unwrap().expect("live");
    assert!(node.is_rotation_due(&active), "the credential is of the former key");
    let renewed: SignedIn = node.rotate_session(visitor(&caller(1)), &active).await.unwrap().expect("renewed");
    let renewed = renewed.token.reveal();
    let active = node.lookup_session(&renewed).await.unwrap().expect("live");
    assert!(!node.is_rotation_due(&active), "once");
    house.clock.advance(HOUR - Duration::from_secs(1));
    assert!(house.is_live(&idle).await, "within the grace");
    house.clock.advance(Duration::from_secs(1));
    assert!(!house.is_live(&idle).await && house.is_live(&renewed).await);
    assert!(house.other_node().lookup_session(&idle).await.unwrap().is_none(), "it was not the cache");
}

#[tokio::test]
async fn a_session_made_by_a_node_whose_clock_is_ahead_is_known_to_the_others() {
    let house = house_of_ann().await;
    rotate(&house);
    let clock = Arc::new(ManualClock::at(house.clock.now() + 9 * MINUTE));
    house.clock.advance(5 * MINUTE);
    let ahead = house.node_at(&clock, &SharedRing::new(house.keys.ring(), clock.clone()));
    clock.advance(MINUTE);
    let value =
        crate::support::whole(ahead.sign_in(visitor(&caller(1)), proof(ANN, PASSWORD, None)).await).unwrap().token.reveal();
    let active = house.accounts.lookup_session(&value).await.unwrap().expect("live");
    assert!(!house.accounts.is_rotation_due(&active), "nor is it taken for one of a former key");
}

#[tokio::test]
async fn links_in_the_mail_work_until_their_key_retires() {
    let house = house_of_ann().await;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let verification = house.mailed_token("bob@example.org").await;
    house.sign_up("eve@example.org", PASSWORD).await.unwrap();
    let late = house.mailed_token("eve@example.org").await;
    let recovery = house.recovery_token(ANN).await;
    rotate(&house);
    house.clock.advance(10 * MINUTE);
    house.verify(&verification).await.unwrap();
    house.reset(&recovery, "seven tall ferns by the wall").await.unwrap();
    assert!(matches!(house.verify(&verification).await, Err(FlowError::Refused)), "once");
    house.clock.advance(HOUR);
    assert!(matches!(house.verify(&late).await, Err(FlowError::Refused)), "its own day is not over, its key's is");
    house.sign_up("eve@example.org", PASSWORD).await.unwrap();
    let fresh = house.mailed_token("eve@example.org").await;
    house.verify_with(&fresh, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn mail_that_waits_is_sent_with_the_former_key() {
    let house = house_of_ann().await;
    house.forgot(ANN).await;
    rotate(&house);
    house.clock.advance(20 * MINUTE);
    let mails = house.take_mail().await;
    assert!(mails.iter().any(|(to, ..)| to == ANN), "{mails:?}");
}

#[tokio::test]
async fn a_node_without_the_newest_key_leaves_mail_to_those_that_have_it() {
    let house = house_of_ann().await;
    let behind = SharedRing::new(house.keys.ring(), house.clock.clone());
    rotate(&house);
    house.clock.advance(10 * MINUTE);
    house.forgot(ANN).await;
    let behind = house.node_at(&house.clock, &behind);
    assert!(behind.due_mail(10).await.unwrap().is_empty());
    assert!(house.events(AuditEvent::MailDead).await.is_empty());
    house.clock.advance(MINUTE);
    let mails = house.take_mail().await;
    assert!(mails.iter().any(|(to, ..)| to == ANN), "{mails:?}");
}

#[tokio::test]
async fn a_password_goes_on_for_good_and_gets_the_new_pepper_at_sign_in() {
    let house = house_of_ann().await;
    let before = pepper_of(&house).await;
    rotate(&house);
    house.clock.advance(10 * MINUTE + 1000 * HOUR);
    assert!(matches!(house.sign_in(ANN, "a wrong but long password").await, Err(FlowError::Refused)));
    assert_eq!(pepper_of(&house).await, before);
    house.sign_in(ANN, PASSWORD).await.unwrap();
    let after = pepper_of(&house).await;
    assert_ne!(after, before);
    house.sign_in(ANN, PASSWORD).await.unwrap();
    assert_eq!((pepper_of(&house).await, house.events(AuditEvent::PasswordRehashed).await.len()), (after, 1));
}

#[tokio::test]
async fn whoever_has_lost_the_pepper_is_refused_like_anybody_else_and_gets_on_by_a_reset() {
    let mut house = house_of_ann().await;
    // The ring without its former line: such a start is refused where a trail is sealed with it, so this is a ring that was mended.
    let text = format!("2 {}", base64_of(NEXT));
    house.keys = SharedRing::new(KeyRing::parse(&text).unwrap(), house.clock.clone());
    house.restart(QUICK);
    assert!(matches!(house.sign_in(ANN, PASSWORD).await, Err(FlowError::Refused)));
    let failed = house.events(AuditEvent::SignInFailed).await;
    assert_eq!(failed.last().unwrap().record.reason.as_deref(), Some("bad_password"));
    let token = house.recovery_token(ANN).await;
    house.reset(&token, "seven tall ferns by the wall").await.unwrap();
    house.sign_in(ANN, "seven tall ferns by the wall").await.unwrap();
}

/// Wrong passwords, each as soon as it is let, until so many were looked at.
async fn guess(house: &House, times: u32) {
    let mut refused = 0;
    while refused < times {
        match house.sign_in(ANN, "a wrong but long password").await {
            Err(FlowError::Throttled { retry_after }) => house.clock.advance(retry_after),
            Err(FlowError::Refused) => refused += 1,
            other => assert!(matches!(other, Err(FlowError::Refused)), "nothing else is expected"),
        }
    }
}

#[tokio::test]
async fn a_new_key_is_no_new_start_for_whoever_guesses_and_no_end_for_a_known_browser() {
    let house = house_of_ann().await;
    let device = house.sign_in(ANN, PASSWORD).await.unwrap().device.expect("a device").reveal();
    guess(&house, 30).await;
    let now = house.clock.now();
    let rotation = Rotation { material: NEXT, from: now, until: now + 48 * HOUR, now };
    house.keys.replace(KeyRing::parse(&KeyRing::rotated(MASTER, &rotation).unwrap()).unwrap());
    guess(&house, 69).await;
    assert!(house.events(AuditEvent::Locked).await.is_empty());
    guess(&house, 2).await;
    let locked = house.events(AuditEvent::Locked).await;
    assert_eq!(locked.len(), 1, "thirty of the former key and seventy of this one");
    let again = SignIn { device: Some(&device), ..proof(ANN, PASSWORD, None) };
    let known = crate::support::whole(house.accounts.sign_in(visitor(&caller(1)), again).await).unwrap();
    let renewed = known.device.expect("a device").reveal();
    assert_ne!(renewed, device, "known again by the new key");
    house.clock.advance(49 * HOUR);
    let again = SignIn { device: Some(&renewed), ..proof(ANN, PASSWORD, None) };
    assert!(house.accounts.sign_in(visitor(&caller(1)), again).await.is_ok());
}

#[tokio::test]
async fn a_reset_forgets_the_failures_of_every_key() {
    let house = house_of_ann().await;
    guess(&house, 9).await;
    rotate(&house);
    house.clock.advance(10 * MINUTE);
    guess(&house, 1).await;
    let token = house.recovery_token(ANN).await;
    house.reset(&token, "seven tall ferns by the wall").await.unwrap();
    guess(&house, 1).await;
    assert_eq!(
        house
            .events(AuditEvent::SignInFailed)
            .await
            .last()
            .unwrap()
            .record
            .meta
            .iter()
            .find_map(|(key, value)| { (key.as_str() == "after_failures").then_some(value.as_str()) }),
        Some("0")
    );
}

#[tokio::test]
async fn a_csrf_token_is_good_in_the_grace() {
    let house = house_of_ann().await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let binding = CsrfBinding::Session(active.presented);
    let token = house.accounts.csrf().issue(binding, &SystemEntropy);
    rotate(&house);
    house.clock.advance(10 * MINUTE);
    assert!(house.accounts.csrf().verify(binding, &token));
    let new = house.accounts.csrf().issue(binding, &SystemEntropy);
    house.clock.advance(HOUR);
    assert!(!house.accounts.csrf().verify(binding, &token) && house.accounts.csrf().verify(binding, &new));
}

#[tokio::test]
async fn the_trail_holds_over_the_rotation_and_an_identifier_is_found_on_both_sides() {
    let house = house_of_ann().await;
    house.sign_in(ANN, PASSWORD).await.unwrap();
    rotate(&house);
    house.sign_in(ANN, PASSWORD).await.unwrap();
    house.clock.advance(10 * MINUTE);
    house.sign_in(ANN, PASSWORD).await.unwrap();
    let rows = house.whole_audit().await;
    let versions: Vec<_> = rows.iter().map(|row| row.key_version).collect();
    assert!(versions.is_sorted() && versions.first() == Some(&1) && versions.last() == Some(&2), "{versions:?}");
    let hashes = house.accounts.subject_hashes(ANN);
    let signed_in = rows.iter().filter(|row| row.record.event == AuditEvent::SignIn);
    let found = signed_in.filter(|row| row.record.subject_hash.as_ref().is_some_and(|hash| hashes.contains(hash)));
    assert_eq!((hashes.len(), found.count()), (2, 3));
    house.clock.advance(1000 * HOUR);
    let proven = house.accounts.verify_audit("node-1", &house.accounts.audit_anchors().await.unwrap(), |_| {}).await.unwrap();
    assert_eq!(proven, Ok(rows.len() as u64), "long after the former key has retired");
    assert_eq!(house.accounts.subject_hashes(ANN).len(), 2);
}

fn base64_of(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}
