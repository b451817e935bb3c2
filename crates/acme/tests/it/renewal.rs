//! When a certificate is renewed, on a clock that the test moves (TLS-14).

use std::sync::Arc;
use std::time::Duration;

use doorward_acme::{AcmeEvent, renewal};
use doorward_kit::{SystemEntropy, Timestamp};
use proptest::prelude::*;

use crate::support::{Bench, DAY, Record, START, Twist};

fn renewed(event: &AcmeEvent) -> bool {
    matches!(event, AcmeEvent::Renewed { .. })
}

#[tokio::test]
async fn tls_14_it_is_renewed_when_a_third_of_its_life_is_left_and_not_before() {
    let bench = Bench::new().await;
    let mut issuer = bench.issuer();
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.authority.orders()), (1, 1));
    bench.clock.advance(DAY * 60 - Duration::from_secs(60));
    issuer.turn().await;
    assert_eq!(bench.authority.orders(), 1, "more than a third is left");
    bench.clock.advance(Duration::from_secs(61));
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.authority.orders(), bench.record.count(renewed)), (2, 2, 1));
    let kept = bench.vault.certificate.lock().unwrap().clone().unwrap();
    assert_eq!(bench.record.installed.lock().unwrap()[1].chain_pem, kept.chain_pem);
    issuer.turn().await;
    assert_eq!(bench.authority.orders(), 2, "the new one is not due");
}

#[tokio::test]
async fn tls_14_what_is_served_stays_while_the_authority_is_down_and_the_alarm_rings_once() {
    let bench = Bench::new().await;
    let mut issuer = bench.issuer();
    issuer.turn().await;
    bench.authority.twist(Twist::Gone);
    let end = START + 90 * 24 * 3600;
    bench.clock.set(Timestamp::from_second(end - 8 * 24 * 3600).unwrap());
    let alarms = || bench.record.count(|event| matches!(event, AcmeEvent::Alarm { .. }));
    issuer.turn().await;
    assert_eq!(alarms(), 0, "eight days are left");
    bench.clock.set(Timestamp::from_second(end - 7 * 24 * 3600).unwrap());
    for _ in 0..5 {
        issuer.turn().await;
        bench.clock.advance(DAY);
    }
    assert_eq!(alarms(), 1);
    assert_eq!(bench.record.count(|event| *event == AcmeEvent::Alarm { days_left: 7 }), 1);
    assert_eq!(bench.record.installed(), 1, "nothing took its place");
    assert!(bench.record.reasons().iter().all(|word| *word == "unreachable"));
    bench.authority.twist(Twist::Honest);
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.record.count(renewed)), (2, 1));
}

#[tokio::test]
async fn tls_14_a_chain_that_may_not_be_served_replaces_nothing() {
    let bench = Bench::new().await;
    let mut issuer = bench.issuer();
    issuer.turn().await;
    let kept = bench.vault.certificate.lock().unwrap().clone().unwrap().chain_pem;
    bench.authority.sign_with(crate::support::Signer::Plain);
    bench.clock.advance(DAY * 61);
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.authority.orders()), (1, 2));
    assert_eq!(bench.vault.certificate.lock().unwrap().clone().unwrap().chain_pem, kept);
}

#[tokio::test]
async fn a_window_that_the_authority_suggests_is_followed_when_it_is_earlier() {
    let bench = Bench::new().await;
    // As after a mass revocation: within the next hours.
    bench.authority.twist(Twist::Suggests(3600, 7200));
    let mut issuer = bench.issuer();
    issuer.turn().await;
    let next = issuer.turn().await;
    assert_eq!(bench.authority.orders(), 1);
    assert!(next > bench.now());
    assert_eq!(bench.authority.seen().iter().filter(|line| line.starts_with("GET /ari/")).count(), 1);
    bench.clock.advance(Duration::from_secs(7201));
    issuer.turn().await;
    assert_eq!(bench.authority.orders(), 2);
    // A suggestion of a year changes nothing: the last third is renewed in.
    let bench = Bench::new().await;
    bench.authority.twist(Twist::Suggests(360 * 24 * 3600, 365 * 24 * 3600));
    let mut issuer = bench.issuer();
    issuer.turn().await;
    issuer.turn().await;
    bench.clock.advance(DAY * 60 + Duration::from_secs(1));
    issuer.turn().await;
    assert_eq!(bench.authority.orders(), 2);
}

#[tokio::test]
async fn a_second_node_takes_what_the_first_ordered() {
    let bench = Bench::new().await;
    let other = Arc::new(Record::default());
    let mut second = bench.issuer_with(Arc::clone(&bench.vault), Arc::clone(&other));
    let lease_ends = bench.now().checked_add(Duration::from_secs(600)).unwrap();
    *bench.vault.leased_until.lock().unwrap() = Some(lease_ends);
    second.turn().await;
    assert_eq!(bench.authority.orders(), 0, "another node orders");
    *bench.vault.leased_until.lock().unwrap() = None;
    bench.issuer().turn().await;
    second.turn().await;
    assert_eq!((bench.authority.orders(), other.installed()), (1, 1));
    assert_eq!(other.count(|event| matches!(event, AcmeEvent::Adopted { .. })), 1);
    assert!(*bench.vault.releases.lock().unwrap() >= 1);
}

#[tokio::test]
async fn a_full_vault_stops_neither_the_certificate_nor_the_saving_of_it() {
    let bench = Bench::new().await;
    *bench.vault.full.lock().unwrap() = true;
    let mut issuer = bench.issuer();
    issuer.turn().await;
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.authority.orders()), (1, 1), "in use, and not ordered again");
    assert!(bench.vault.certificate.lock().unwrap().is_none());
    *bench.vault.full.lock().unwrap() = false;
    issuer.turn().await;
    assert!(bench.vault.certificate.lock().unwrap().is_some());
}

#[tokio::test]
async fn names_that_were_added_are_ordered_while_the_old_ones_are_served() {
    let mut bench = Bench::new().await;
    bench.issuer().turn().await;
    bench.names.push("admin.app.test".parse().unwrap());
    bench.authority.twist(Twist::Gone);
    let mut issuer = bench.issuer();
    issuer.turn().await;
    assert_eq!(bench.record.installed(), 2, "the old one is served meanwhile");
    bench.authority.twist(Twist::Honest);
    bench.clock.advance(Duration::from_secs(3600));
    issuer.turn().await;
    let installed = bench.record.installed.lock().unwrap();
    assert_eq!((installed.len(), &installed[2].names), (3, &bench.names));
}

proptest! {
    #[test]
    fn it_is_due_in_the_last_third_and_the_alarm_comes_later(life in 60_i64..400 * 24 * 3600) {
        let from = Timestamp::from_second(START).unwrap();
        let to = Timestamp::from_second(START + life).unwrap();
        let (due, alarm) = (renewal::due_at(from, to), renewal::alarm_at(from, to));
        prop_assert!(from < due && due <= alarm && alarm < to);
        prop_assert!((to.as_second() - due.as_second()) * 3 <= life + 3);
        let drawn = renewal::within(from, to, &SystemEntropy).unwrap();
        prop_assert!(from <= drawn && drawn < to);
        prop_assert!(renewal::within(to, from, &SystemEntropy).is_none());
    }
}
