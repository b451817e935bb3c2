//! How often an authority that fails is asked (TLS-13).

use std::sync::Arc;
use std::time::Duration;

use doorward_acme::{AcmeEvent, FAILURES_PER_HOUR, Issuer, IssuerTimes, Ledger, Pauses};
use doorward_kit::{Host, SystemEntropy, Timestamp};
use proptest::prelude::*;

use crate::support::{Bench, Record, START, Twist};

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
    assert!(cut_off(&bench, bench.issuer()).await, "nothing was cut off");
    assert!(bench.record.open.lock().unwrap().is_empty());
}

/// Ends an issuer as a crash does, in the middle of its order; `false` when there was none.
async fn cut_off(bench: &Bench, mut issuer: Issuer) -> bool {
    let presented = async {
        while bench.record.open.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = issuer.turn() => false,
        () = presented => true,
    }
}

/// Three hours of starts, 100 seconds apart: the times of the orders that the authority saw.
async fn crash_loop(bench: &Bench, is_cut_off: bool) -> Vec<i64> {
    let mut times = Vec::new();
    for _ in 0..108 {
        let (before, mut issuer) = (bench.authority.orders(), bench.issuer());
        if is_cut_off {
            cut_off(bench, issuer).await;
        } else {
            issuer.turn().await;
        }
        times.extend(std::iter::repeat_n(bench.now().as_second() - START, bench.authority.orders() - before));
        bench.clock.advance(Duration::from_secs(100));
    }
    times
}

#[tokio::test]
async fn tls_13_a_crash_loop_orders_five_times_an_hour_at_most() {
    // Killed after the failure, and killed in the middle of an order, of which nothing was said.
    for is_cut_off in [false, true] {
        let bench = Bench::new().await;
        bench.authority.twist(Twist::Member("/order/1", "status", serde_json::json!("invalid")));
        let times = crash_loop(&bench, is_cut_off).await;
        assert_eq!(most_in_an_hour(&times), FAILURES_PER_HOUR, "cut off: {is_cut_off}, {times:?}");
        assert!(times.len() > 2 * FAILURES_PER_HOUR, "it is tried again: {times:?}");
    }
    // Every order succeeds, and none is kept: no failure of the authority, and burns its patience all the same.
    let bench = Bench::new().await;
    *bench.vault.full.lock().unwrap() = true;
    let times = crash_loop(&bench, false).await;
    assert_eq!(most_in_an_hour(&times), FAILURES_PER_HOUR, "{times:?}");
}

#[tokio::test]
async fn tls_13_nodes_on_one_vault_order_five_times_an_hour_together() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::Gone);
    let records = [(); 3].map(|()| Arc::new(Record::default()));
    let mut nodes = records.each_ref().map(|record| bench.issuer_with(Arc::clone(&bench.vault), Arc::clone(record)));
    let orders = || records.iter().map(|record| record.orders()).collect::<Vec<_>>();
    let mut times = Vec::new();
    while bench.now().as_second() < START + 3 * 3600 {
        for node in &mut nodes {
            let before: usize = orders().iter().sum();
            node.turn().await;
            times.extend(std::iter::repeat_n(bench.now().as_second() - START, orders().iter().sum::<usize>() - before));
        }
        bench.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(most_in_an_hour(&times), FAILURES_PER_HOUR, "{times:?}");
    assert!(orders().iter().all(|orders| *orders > 0), "each has its turn: {:?}", orders());
}

#[tokio::test]
async fn tls_13_retry_after_holds_for_every_start_and_every_node() {
    let bench = Bench::new().await;
    bench.authority.twist(Twist::RateLimits("7200".to_owned()));
    let times = crash_loop(&bench, false).await;
    assert_eq!(times, [0, 7200], "the first start at or after two hours");
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_tried() {
    let bench = Bench::new().await;
    *bench.vault.forgetful.lock().unwrap() = true;
    let mut issuer = bench.issuer();
    let next = issuer.turn().await;
    assert!(next > bench.now() && bench.authority.seen().is_empty(), "{:?}", bench.authority.seen());
    *bench.vault.forgetful.lock().unwrap() = false;
    issuer.turn().await;
    assert_eq!((bench.record.installed(), bench.authority.orders()), (1, 1), "nothing was held against it");
    assert_eq!(*bench.vault.attempts.lock().unwrap(), Ledger::default(), "a success leaves no note");
}

#[test]
fn a_record_is_bounded_and_nothing_is_forgotten_to_make_room() {
    let now = Timestamp::from_second(START).unwrap();
    let names = |list: usize| (0..100).map(|at| format!("{at}.{list}.test").parse().unwrap()).collect::<Vec<Host>>();
    let mut ledger = Ledger::default();
    for list in 0..5 {
        assert_eq!(ledger.next(&names(list), now), now);
        ledger.attempt(&names(list), now);
    }
    let hour = now.checked_add(Duration::from_secs(3600)).unwrap();
    assert_eq!((ledger.next(&names(5), now), ledger.next(&names(4), now)), (hour, now));
    ledger.attempt(&names(5), hour);
    assert_eq!(ledger.attempts.len(), 100, "what is an hour old is gone");
    for _ in 0..20 {
        ledger.attempt(&names(5), hour);
    }
    assert!(ledger.attempts.values().all(|times| times.len() == FAILURES_PER_HOUR));
}

/// A machine that starts in another year until it has asked for the time.
#[test]
fn what_a_wrong_clock_wrote_holds_nobody_up() {
    let now = Timestamp::from_second(START).unwrap();
    let names: Vec<Host> = vec!["a.test".parse().unwrap()];
    let (mut near, mut far) = (Ledger::default(), Ledger::default());
    for _ in 0..FAILURES_PER_HOUR {
        near.attempt(&names, Timestamp::from_second(START + 60).unwrap());
        far.attempt(&names, Timestamp::from_second(START + 30 * 24 * 3600).unwrap());
    }
    far.heed(Timestamp::from_second(START + 60 * 24 * 3600).unwrap());
    assert_eq!(near.next(&names, now), Timestamp::from_second(START + 3660).unwrap(), "another node's clock is a minute ahead");
    assert_eq!(far.next(&names, now), now);
    near.heed(Timestamp::from_second(START + 7 * 24 * 3600 + 60).unwrap());
    assert_eq!(near.next(&names, now), Timestamp::from_second(START + 7 * 24 * 3600 + 60).unwrap());
}

/// A list of hosts that changes to and fro with every reload.
#[tokio::test]
async fn a_change_of_the_names_buys_no_attempts() {
    let mut bench = Bench::new().await;
    bench.authority.twist(Twist::Member("/order/1", "status", serde_json::json!("invalid")));
    let (all, one) = (bench.names.clone(), bench.names[..1].to_vec());
    for reload in 0..20 {
        bench.names = if reload % 2 == 0 { all.clone() } else { one.clone() };
        bench.issuer().turn().await;
        bench.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(bench.authority.orders(), FAILURES_PER_HOUR);
    // A wish of the authority outlives the change of names, too.
    let mut bench = Bench::new().await;
    bench.authority.twist(Twist::RateLimits("7200".to_owned()));
    bench.issuer().turn().await;
    let orders = bench.record.orders();
    bench.names.pop();
    bench.clock.advance(Duration::from_secs(3600));
    bench.issuer().turn().await;
    assert_eq!(bench.record.orders(), orders);
}

proptest! {
    #[test]
    fn no_name_ever_fails_six_times_within_an_hour(steps in prop::collection::vec((0_u64..2000, prop::option::of(0_u64..9000), 0_u8..7), 1..60)) {
        let names: Vec<Host> = vec!["a.test".parse().unwrap()];
        let (mut ledger, mut failures) = (Ledger::default(), Vec::new());
        let mut now = Timestamp::from_second(START).unwrap();
        for (wait, wish, chance) in steps {
            now = ledger.next(&names, now).checked_add(Duration::from_secs(wait)).unwrap();
            ledger.attempt(&names, now);
            if chance == 0 {
                ledger.success(&names, now);
                prop_assert_eq!(ledger.wish, None);
                continue;
            }
            failures.push(now.as_second());
            if let Some(wish) = wish {
                let until = now.checked_add(Duration::from_secs(wish)).unwrap();
                ledger.heed(until);
                prop_assert!(ledger.next(&names, now) >= until);
            }
        }
        prop_assert!(most_in_an_hour(&failures) <= FAILURES_PER_HOUR);
    }

    #[test]
    fn pauses_grow_to_their_longest_and_begin_anew(failures in 1_u32..40, wish in prop::option::of(0_u64..90_000)) {
        let (times, mut pauses) = (IssuerTimes::default(), Pauses::default());
        let now = Timestamp::from_second(START).unwrap();
        let after = |pause: Duration| now.checked_add(pause).unwrap();
        for at in 0..failures {
            let least = times.first_pause.saturating_mul(1 << at.min(20)).min(times.longest_pause);
            let wish = wish.map(|wish| after(Duration::from_secs(wish)));
            let next = pauses.failure(now, wish, &times, &SystemEntropy);
            prop_assert!(next >= after(least) && wish.is_none_or(|wish| next >= wish));
            prop_assert!(next <= after(least + least / 4).max(wish.unwrap_or(now)));
            prop_assert_eq!(pauses.next(now), next);
        }
        pauses.success();
        prop_assert_eq!(pauses.next(now), now);
    }
}
