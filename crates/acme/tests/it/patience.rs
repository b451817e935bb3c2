//! How often an authority that fails is asked (TLS-13).

use std::time::Duration;

use doorward_acme::{AcmeEvent, FAILURES_PER_HOUR, IssuerTimes, Ledger};
use doorward_kit::{Host, SystemEntropy, Timestamp};
use proptest::prelude::*;

use crate::support::{Bench, START, Twist};

/// Follows the issuer's own times for `hours`, and answers with the times of the orders that the authority saw.
async fn follow(bench: &Bench, hours: i64) -> Vec<i64> {
    let mut issuer = bench.issuer();
    let mut orders = Vec::new();
    while bench.now().as_second() < START + hours * 3600 {
        let before = bench.record.orders();
        let next = issuer.turn().await;
        orders.extend(std::iter::repeat_n(bench.now().as_second() - START, bench.record.orders() - before));
        assert!(next > bench.now(), "a turn that asks for the next at once would never rest");
        bench.clock.set(next);
    }
    orders
}

fn most_in_an_hour(times: &[i64]) -> usize {
    times.iter().map(|from| times.iter().filter(|at| (*from..from + 3600).contains(*at)).count()).max().unwrap_or(0)
}

#[tokio::test]
async fn tls_13_an_authority_that_never_finds_the_answer_is_asked_five_times_an_hour_at_most() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::NeverFinds("http-01"));
    // Both kinds fail: the other by its own name.
    bench.authority.twist(Twist::Member("/order/1", "status", serde_json::json!("invalid")));
    let times = follow(&bench, 6).await;
    assert!(most_in_an_hour(&times) <= FAILURES_PER_HOUR, "{times:?}");
    assert!(times.len() > 5, "it is tried again: {times:?}");
    assert_eq!(bench.authority.orders(), times.len());
}

#[tokio::test]
async fn tls_13_retry_after_is_heeded_in_both_forms() {
    for (wish, form) in [("7200", "seconds"), ("Mon, 21 Sep 2026 16:13:20 GMT", "a date two hours after the start")] {
        let bench = Bench::new().await;
        bench.authority.twist(Twist::RateLimits(wish.to_owned()));
        let times = follow(&bench, 5).await;
        assert!(times.len() >= 2, "{form}: {times:?}");
        assert!(times[0] == 0 && times[1] >= 7200, "{form}: {times:?}");
        assert_eq!(bench.record.reasons()[0], "rate_limited", "{form}");
    }
}

#[tokio::test]
async fn tls_13_only_configured_names_are_ordered_and_answered_for() {
    let bench = Bench::new().await;
    let stranger = serde_json::json!({ "type": "dns", "value": "victim.test" });
    bench.authority.twist(Twist::Member("/authz", "identifier", stranger));
    bench.issuer().turn().await;
    assert!(bench.record.presented.lock().unwrap().is_empty(), "an answer for a name that is not ours");
    assert_eq!(bench.record.installed(), 0);
    bench.authority.twist(Twist::Honest);
    bench.clock.advance(Duration::from_secs(7200));
    bench.issuer().turn().await;
    let hosts: Vec<Host> = bench.record.presented.lock().unwrap().iter().map(|challenge| challenge.host.clone()).collect();
    assert_eq!(hosts, bench.names);
    assert!(bench.record.count(|event| matches!(event, AcmeEvent::Ordered { names } if *names == bench.names)) >= 1);
}

#[tokio::test]
async fn the_other_kind_of_challenge_is_tried_at_once() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::NeverFinds("http-01"));
    bench.issuer().turn().await;
    assert_eq!(bench.record.installed(), 1, "{:?}", bench.record.reasons());
    assert_eq!(bench.authority.orders(), 2);
    assert!(bench.record.open.lock().unwrap().is_empty() && bench.vault.challenges.lock().unwrap().is_empty());
}

#[tokio::test]
async fn rejected_nonces_cost_nothing_but_time() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::RejectsNonces(5));
    bench.issuer().turn().await;
    assert_eq!(bench.record.installed(), 1, "{:?}", bench.record.reasons());
    // An authority that rejects all of them is left alone like any other that fails.
    let bench = Bench::new().await;
    bench.authority.twist(Twist::RejectsNonces(10));
    bench.issuer().turn().await;
    assert_eq!(bench.record.reasons(), ["bad_nonce"]);
}

#[tokio::test]
async fn an_account_that_the_authority_forgot_is_made_anew() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::ForgotAccount);
    bench.issuer().turn().await;
    assert_eq!(bench.record.installed(), 1, "{:?}", bench.record.reasons());
    assert_eq!(bench.authority.accounts(), 2);
    // And it is used again, not made again.
    let kept = bench.vault.account.lock().unwrap().clone();
    assert!(kept.is_some());
    bench.clock.advance(crate::support::DAY * 61);
    bench.issuer().turn().await;
    assert_eq!((bench.record.installed(), bench.authority.accounts()), (3, 2));
}

#[tokio::test]
async fn an_order_that_is_cut_off_leaves_no_answer_behind() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::NeverFinds("http-01"));
    let mut issuer = bench.issuer();
    let presented = async {
        while bench.record.open.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = issuer.turn() => panic!("nothing was cut off"),
        () = presented => {}
    }
    assert!(bench.record.open.lock().unwrap().is_empty());
}

/// A list of hosts that changes to and fro with every reload.
#[tokio::test]
async fn a_change_of_the_names_buys_no_attempts() {
    let mut bench = Bench::new().await;
    bench.authority.twist(Twist::Member("/order/1", "status", serde_json::json!("invalid")));
    let (all, one) = (bench.names.clone(), bench.names[..1].to_vec());
    let mut ledger = Ledger::default();
    for reload in 0..20 {
        bench.names = if reload % 2 == 0 { all.clone() } else { one.clone() };
        let mut issuer = bench.issuer().after(ledger);
        issuer.turn().await;
        ledger = issuer.into_ledger();
        bench.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(bench.authority.orders(), FAILURES_PER_HOUR);
    // A wish of the authority outlives the change of names, too.
    let mut bench = Bench::new().await;
    bench.authority.twist(Twist::RateLimits("7200".to_owned()));
    let mut issuer = bench.issuer();
    issuer.turn().await;
    let orders = bench.record.orders();
    bench.names.pop();
    bench.clock.advance(Duration::from_secs(3600));
    bench.issuer().after(issuer.into_ledger()).turn().await;
    assert_eq!(bench.record.orders(), orders);
}

proptest! {
    #[test]
    fn no_name_ever_fails_six_times_within_an_hour(waits in prop::collection::vec((0_u64..2000, prop::option::of(0_u64..9000)), 1..60)) {
        let names: Vec<Host> = vec!["a.test".parse().unwrap()];
        let (times, mut ledger, mut failures) = (IssuerTimes::default(), Ledger::default(), Vec::new());
        let mut now = Timestamp::from_second(START).unwrap();
        for (wait, wish) in waits {
            now = ledger.next(&names, now).checked_add(Duration::from_secs(wait)).unwrap();
            let next = ledger.failure(&names, now, wish.map(Duration::from_secs), &times, &SystemEntropy);
            prop_assert!(next >= now.checked_add(times.first_pause).unwrap());
            prop_assert!(next >= now.checked_add(Duration::from_secs(wish.unwrap_or(0))).unwrap());
            failures.push(now.as_second());
            if wait % 7 == 0 { ledger.success(); }
        }
        prop_assert!(most_in_an_hour(&failures) <= FAILURES_PER_HOUR);
    }
}
