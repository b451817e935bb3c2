//! Guesses at one address from many places, and the browser that they do not concern (D-11).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::{FlowError, SignIn, SignedIn};
use doorward_domain::{AuditEvent, Store as _};
use doorward_kit::{ClientAddr, RequestContext};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, caller, generous, proof, quota, visitor};

const ANN: &str = "ann@example.org";
const NOBODY: &str = "nobody@example.org";
const WRONG: &str = "a wrong but long password";
const MINUTE: Duration = Duration::from_secs(60);

/// What an outsider sees of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    In,
    Refused,
    Wait(u64),
}

#[expect(clippy::panic, reason = "nothing else is expected")]
fn seen(outcome: &Result<SignedIn, FlowError>) -> Seen {
    match outcome {
        Ok(_) => Seen::In,
        Err(FlowError::Refused) => Seen::Refused,
        Err(FlowError::Throttled { retry_after }) => Seen::Wait(retry_after.as_secs()),
        Err(error) => panic!("{error}"),
    }
}

/// Nobody twice: the attacker has a network of machines.
fn from(number: u32) -> RequestContext {
    RequestContext { client: ClientAddr::new(IpAddr::from((0x0a00_0000 + number).to_be_bytes())), ..caller(1) }
}

async fn attempt(house: &House, number: u32, email: &str, password: &str, device: Option<&str>) -> Result<SignedIn, FlowError> {
    let context = from(number);
    crate::support::whole(house.accounts.sign_in(visitor(&context), SignIn { device, ..proof(email, password, None) }).await)
}

/// Guesses from ever new addresses, each as soon as it is let.
async fn guess(house: &House, email: &str, times: u32) -> Vec<Seen> {
    let mut answers = Vec::new();
    let mut number = 0;
    while u32::try_from(answers.iter().filter(|answer| **answer == Seen::Refused).count()).unwrap() < times {
        number += 1;
        let answer = seen(&attempt(house, number, email, WRONG, None).await);
        answers.push(answer);
        if let Seen::Wait(seconds) = answer {
            house.clock.advance(Duration::from_secs(seconds));
        }
    }
    answers
}

async fn ann() -> House {
    let house = House::new().await;
    house.member(ANN).await;
    house
}

#[tokio::test]
async fn app_rl_11_two_hundred_addresses_with_a_guess_each_are_slowed_and_the_owner_is_not() {
    let house = ann().await;
    let signed_in = attempt(&house, 900, ANN, PASSWORD, None).await.unwrap();
    let (session, device) = (signed_in.token.reveal(), signed_in.device.unwrap().reveal());
    let answers: Vec<Seen> = {
        let mut answers = Vec::new();
        for number in 0..200 {
            answers.push(seen(&attempt(&house, number, ANN, WRONG, None).await));
        }
        answers
    };
    assert_eq!(answers[..10], [Seen::Refused; 10]);
    assert!(answers[10..].iter().all(|answer| matches!(answer, Seen::Wait(_))), "{answers:?}");
    // Ten guesses were looked at, not two hundred.
    assert_eq!(house.events(AuditEvent::SignInFailed).await.len(), 10);
    assert_eq!(house.events(AuditEvent::Throttled).await.len(), 1, "told once, not a hundred and ninety times");
    // The owner: the session lives, the known browser signs in.
    assert!(house.is_live(&session).await);
    assert_eq!(seen(&attempt(&house, 901, ANN, PASSWORD, Some(&device)).await), Seen::In);
    // And at the most patient: a hundred guesses are looked at, however long it takes, and the right one after that is one too many.
    let answers = guess(&house, ANN, 100).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Seen::Refused).count(), 100);
    house.clock.advance(30 * 24 * 60 * MINUTE);
    assert_eq!(seen(&attempt(&house, 999, ANN, PASSWORD, None).await), Seen::Refused);
    assert_eq!(seen(&attempt(&house, 901, ANN, PASSWORD, Some(&device)).await), Seen::In, "but for the owner");
    // What a reset does, see `recovery`: the count is cleared with the success.
    assert_eq!(seen(&attempt(&house, 999, ANN, PASSWORD, None).await), Seen::In);
}

#[tokio::test]
async fn waits_grow_from_a_second_to_a_quarter_of_an_hour() {
    let house = ann().await;
    let waits: Vec<u64> = guess(&house, ANN, 23)
        .await
        .into_iter()
        .filter_map(|answer| match answer {
            Seen::Wait(seconds) => Some(seconds),
            Seen::In | Seen::Refused => None,
        })
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
}

#[tokio::test]
async fn an_address_without_an_account_is_slowed_and_stopped_the_same() {
    let house = ann().await;
    let of_ann = guess(&house, ANN, 103).await;
    assert_eq!(guess(&house, NOBODY, 103).await, of_ann);
    assert_eq!(guess(&house, "no address", 103).await, of_ann);
    let locked = house.events(AuditEvent::Locked).await;
    assert_eq!(locked.len(), 9, "three each, from the hundred and first on");
    assert!(locked.iter().all(|row| row.record.reason.as_deref() == Some("locked") && row.record.subject_hash.is_some()));
}

#[tokio::test]
async fn every_spelling_of_an_address_counts_as_the_same_one() {
    let house = ann().await;
    for number in 0..10 {
        let spelling = ["ann@example.org", " ANN@example.org ", "Ann@EXAMPLE.org.", "ａnn@example.org"][number as usize % 4];
        assert_eq!(seen(&attempt(&house, number, spelling, WRONG, None).await), Seen::Refused);
    }
    assert_eq!(seen(&attempt(&house, 11, ANN, PASSWORD, None).await), Seen::Wait(1));
}

#[tokio::test]
async fn a_success_clears_the_count() {
    let house = ann().await;
    for round in 0..5 {
        for number in 0..9 {
            assert_eq!(seen(&attempt(&house, round * 10 + number, ANN, WRONG, None).await), Seen::Refused);
        }
        assert_eq!(seen(&attempt(&house, 99, ANN, PASSWORD, None).await), Seen::In);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_guesses_gets_no_more_of_them_than_a_patient_attacker() {
    let house = Arc::new(ann().await);
    for round in 0..10 {
        guess(&house, ANN, 60).await;
        house.clock.advance(15 * MINUTE);
        let mut burst = JoinSet::new();
        for number in 0..80 {
            let (house, password) = (Arc::clone(&house), if number == 70 { PASSWORD } else { WRONG });
            burst.spawn(async move { seen(&attempt(&house, round * 1000 + number, ANN, password, None).await) });
        }
        burst.join_all().await;
        // Whatever ran beside what: whoever is in by now has had fewer than a hundred failures before. And nobody is in after those.
        let mut tx = house.store.begin().await.unwrap();
        let user = tx.users().find_by_email(ANN).await.unwrap().unwrap();
        tx.sessions().revoke_all(user.id, None).await.unwrap();
        tx.commit().await.unwrap();
    }
    // One writer at a time: the trail is in the order in which things became true.
    let mut failures = 0;
    for row in house.whole_audit().await {
        match row.record.event {
            AuditEvent::SignInFailed | AuditEvent::Locked => failures += 1,
            AuditEvent::SignIn => {
                assert!(failures < 100, "in after {failures} failures");
                failures = 0;
            }
            _ => {}
        }
    }
    guess(&house, ANN, 100).await;
    assert_eq!(seen(&attempt(&house, 500, ANN, PASSWORD, None).await), Seen::Refused);
}

#[tokio::test]
async fn a_known_device_lifts_the_throttle_of_its_own_address_only() {
    let house = ann().await;
    house.member("bob@example.org").await;
    let device = attempt(&house, 1, ANN, PASSWORD, None).await.unwrap().device.unwrap().reveal();
    for email in [ANN, "bob@example.org", NOBODY] {
        guess(&house, email, 10).await;
    }
    assert_eq!(seen(&attempt(&house, 50, "bob@example.org", PASSWORD, Some(&device)).await), Seen::Wait(1));
    assert_eq!(seen(&attempt(&house, 51, NOBODY, PASSWORD, Some(&device)).await), Seen::Wait(1));
    assert_eq!(seen(&attempt(&house, 52, ANN, PASSWORD, Some(&"A".repeat(43))).await), Seen::Wait(1), "made up");
    assert_eq!(seen(&attempt(&house, 53, ANN, PASSWORD, Some("x")).await), Seen::Wait(1));
    assert_eq!(seen(&attempt(&house, 54, ANN, PASSWORD, Some(&device)).await), Seen::In);
}

#[tokio::test]
async fn a_stolen_device_buys_ten_guesses_in_a_quarter_of_an_hour() {
    let limits = generous().into_iter().chain([("device_failure", quota(10, 900))]).collect();
    let house = House::with_limits(limits).await;
    house.member(ANN).await;
    let device = attempt(&house, 1, ANN, PASSWORD, None).await.unwrap().device.unwrap().reveal();
    let mut answers = Vec::new();
    for number in 0..12 {
        answers.push(seen(&attempt(&house, number, ANN, WRONG, Some(&device)).await));
    }
    assert_eq!(answers[..10], [Seen::Refused; 10]);
    assert!(matches!(answers[10..], [Seen::Wait(_), Seen::Wait(_)]), "then it is a browser like any other: {answers:?}");
    house.clock.advance(15 * MINUTE);
    assert_eq!(seen(&attempt(&house, 20, ANN, PASSWORD, Some(&device)).await), Seen::In);
    for number in 0..10 {
        let answer = seen(&attempt(&house, number, ANN, WRONG, Some(&device)).await);
        assert_eq!(answer, Seen::Refused, "a success begins its count anew");
    }
}

#[tokio::test]
async fn a_device_is_known_again_for_its_life_and_keeps_its_value() {
    let house = ann().await;
    let device = attempt(&house, 1, ANN, PASSWORD, None).await.unwrap().device.unwrap().reveal();
    house.clock.advance(89 * 24 * 60 * MINUTE);
    let again = attempt(&house, 1, ANN, PASSWORD, Some(&device)).await.unwrap().device.unwrap().reveal();
    assert_eq!(again, device);
    house.clock.advance(89 * 24 * 60 * MINUTE);
    house.accounts.sweep().await.unwrap();
    guess(&house, ANN, 10).await;
    assert_eq!(seen(&attempt(&house, 2, ANN, PASSWORD, Some(&device)).await), Seen::In);
    house.clock.advance(90 * 24 * 60 * MINUTE);
    guess(&house, ANN, 10).await;
    assert_eq!(seen(&attempt(&house, 3, ANN, PASSWORD, Some(&device)).await), Seen::Wait(1), "forgotten");
}

#[tokio::test]
async fn an_account_has_twenty_devices_at_most_and_the_oldest_is_forgotten_first() {
    let house = ann().await;
    let mut devices = Vec::new();
    for number in 0..21 {
        devices.push(attempt(&house, number, ANN, PASSWORD, None).await.unwrap().device.unwrap().reveal());
        house.clock.advance(MINUTE);
    }
    guess(&house, ANN, 10).await;
    assert_eq!(seen(&attempt(&house, 100, ANN, PASSWORD, Some(&devices[0])).await), Seen::Wait(1));
    assert_eq!(seen(&attempt(&house, 100, ANN, PASSWORD, Some(&devices[1])).await), Seen::In);
}

#[tokio::test]
async fn app_rl_10_a_success_forgives_its_own_failures_and_not_those_of_its_prefix() {
    let limits = vec![("auth_login", quota(12, 900)), ("auth_login_account", quota(5, 900))];
    let house = House::with_limits(limits).await;
    house.member(ANN).await;
    house.member("attacker@example.org").await;
    let mut answers = Vec::new();
    // Between the guesses the attacker signs in to an account of its own, from the same address.
    for _ in 0..4 {
        answers.push(seen(&attempt(&house, 7, ANN, WRONG, None).await));
        answers.push(seen(&attempt(&house, 7, "attacker@example.org", PASSWORD, None).await));
    }
    assert_eq!(answers, [Seen::Refused, Seen::In].repeat(4), "four of five guesses at this address, four successes");
    assert_eq!(seen(&attempt(&house, 7, ANN, WRONG, None).await), Seen::Refused);
    assert!(
        matches!(seen(&attempt(&house, 7, ANN, WRONG, None).await), Seen::Wait(_)),
        "the counter of (address, prefix) stands"
    );
    assert_eq!(seen(&attempt(&house, 7, "attacker@example.org", PASSWORD, None).await), Seen::In);
    assert_eq!(
        seen(&attempt(&house, 7, "attacker@example.org", PASSWORD, None).await),
        Seen::In,
        "its own begins anew each time"
    );
    for email in [ANN, "attacker@example.org", NOBODY] {
        assert!(
            matches!(seen(&attempt(&house, 7, email, PASSWORD, None).await), Seen::Wait(_)),
            "twelve from one prefix: {email}"
        );
    }
    assert_eq!(seen(&attempt(&house, 8, NOBODY, WRONG, None).await), Seen::Refused, "others are not concerned");
}
