//! Rate limits of the flows.

use std::time::Duration;

use doorward_domain::AuditEvent;
use doorward_domain::credential::Password;
use doorward_domain::service::FlowError;
use doorward_kit::{ClientAddr, Clock as _, RequestContext};

use crate::support::{House, PASSWORD, caller, quota, visitor};

fn wait(outcome: &Result<impl Sized, FlowError>) -> Option<u64> {
    match outcome {
        Err(FlowError::Throttled { retry_after }) => Some(retry_after.as_secs()),
        _ => None,
    }
}

#[tokio::test]
async fn one_more_than_the_limit_waits_while_other_scopes_and_callers_pass() {
    let house = House::with_limits(vec![("auth_login", quota(5, 60)), ("auth_me", quota(5, 60))]).await;
    let context = caller(1);
    for _ in 0..5 {
        assert!(house.accounts.charge(visitor(&context), "auth_login").await.is_ok());
    }
    assert_eq!(wait(&house.accounts.charge(visitor(&context), "auth_login").await), Some(60));
    assert!(house.accounts.charge(visitor(&context), "auth_me").await.is_ok());
    let other = caller(2);
    assert!(house.accounts.charge(visitor(&other), "auth_login").await.is_ok());
    house.clock.advance(Duration::from_secs(60));
    assert!(house.accounts.charge(visitor(&context), "auth_login").await.is_ok(), "whoever waits as told is let through");
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_count_as_one_caller() {
    let house = House::with_limits(vec![("auth_login", quota(1, 60))]).await;
    let at = |text: &str| RequestContext { client: ClientAddr::new(text.parse().unwrap()), ..caller(1) };
    let (first, neighbour, elsewhere) = (at("2001:db8:1:1::1"), at("2001:db8:1:1:ffff::2"), at("2001:db8:1:2::1"));
    assert!(house.accounts.charge(visitor(&first), "auth_login").await.is_ok());
    assert!(house.accounts.charge(visitor(&neighbour), "auth_login").await.is_err());
    assert!(house.accounts.charge(visitor(&elsewhere), "auth_login").await.is_ok());
}

/// Sixteen lines of a /48 may use their quotas up, the others get nothing more; who is outside of it is not concerned.
#[tokio::test]
async fn a_whole_ipv6_48_has_sixteen_times_the_quota_of_a_line_and_leaves_what_is_for_all() {
    let house = House::with_limits(vec![("reset_password", quota(2, 900)), ("reset_password_total", quota(40, 900))]).await;
    let at = |text: String| RequestContext { client: ClientAddr::new(text.parse().unwrap()), ..caller(1) };
    let attempt = async |context: &RequestContext| {
        let refused =
            house.accounts.reset_password(visitor(context), "A", Password::new(PASSWORD.to_owned())).await.expect_err("no token");
        matches!(refused, FlowError::Throttled { .. })
    };
    let mut passed = 0;
    for line in 0..50 {
        let context = at(format!("2001:db8:1:{line:x}::1"));
        for _ in 0..3 {
            passed += usize::from(!attempt(&context).await);
        }
    }
    assert_eq!(passed, 16 * 2);
    assert!(!attempt(&at("2001:db8:2:1::1".to_owned())).await, "another network");
    assert!(!attempt(&caller(7)).await, "an IPv4 address has no network");
    let told = house.events(AuditEvent::RateLimited).await;
    assert_eq!(told.len(), 50 + 1, "each line once, since each spends its own first, and the network once");
    house.clock.advance(Duration::from_secs(900));
    assert!(!attempt(&at("2001:db8:1:ff::1".to_owned())).await, "whoever waits as told is let through");
}

#[tokio::test]
async fn malformed_attempts_use_up_the_limit_before_a_right_one() {
    let house = House::with_limits(vec![("auth_login", quota(5, 60))]).await;
    house.member("ann@example.org").await;
    for malformed in ["", "no address", "\0", "@", &"x".repeat(100_000)] {
        assert!(matches!(house.sign_in(malformed, "").await, Err(FlowError::Refused)));
    }
    assert!(wait(&house.sign_in("ann@example.org", PASSWORD).await).is_some());
    assert_eq!(house.events(AuditEvent::SignIn).await.len(), 0);
}

#[tokio::test]
async fn known_and_unknown_addresses_are_throttled_alike() {
    let house = House::with_limits(vec![("auth_login_account", quota(3, 900))]).await;
    house.member("known@example.org").await;
    let sequence = async |email: &str| {
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(wait(&house.sign_in(email, "a wrong but long password").await));
        }
        waits
    };
    let known = sequence("known@example.org").await;
    assert_eq!(known, [None, None, None, Some(900), Some(900), Some(900)]);
    assert_eq!(sequence("unknown@example.org").await, known);
    assert_eq!(sequence("not an address").await, known);
}

#[tokio::test]
async fn spellings_of_an_address_share_the_limit_and_the_owner_elsewhere_is_not_locked_out() {
    let house = House::with_limits(vec![("auth_login_account", quota(4, 900))]).await;
    house.member("ann@example.org").await;
    for spelling in ["ann@example.org", "ANN@example.org.", " a.n.n@example.org", "ann+x@ex\u{200b}ample.org"] {
        assert!(matches!(house.sign_in(spelling, "a wrong but long password").await, Err(FlowError::Refused)));
    }
    assert!(wait(&house.sign_in("ann@example.org", PASSWORD).await).is_some());
    assert!(house.sign_in_from(2, "ann@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_first_refusal_of_a_window_is_audited_and_the_flood_is_not() {
    let house = House::with_limits(vec![("auth_login", quota(1, 60))]).await;
    for _ in 0..20 {
        let _ = house.sign_in("ann@example.org", PASSWORD).await;
    }
    let rows = house.events(AuditEvent::RateLimited).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].record.reason.as_deref(), Some("auth_login"));
    house.clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        let _ = house.sign_in("ann@example.org", PASSWORD).await;
    }
    assert_eq!(house.events(AuditEvent::RateLimited).await.len(), 2);
}

#[tokio::test]
async fn every_flow_counts_the_caller() {
    let scopes = ["auth_register", "verify_email", "verify_email_resend"];
    let house = House::with_limits(scopes.map(|scope| (scope, quota(2, 60))).to_vec()).await;
    let context = caller(1);
    let (mut sign_ups, mut verifications, mut resends) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..3 {
        let email = format!("member{number}@example.org");
        sign_ups.push(wait(&house.accounts.sign_up(visitor(&context), crate::support::wish(&email, "short", None)).await));
        verifications.push(wait(&house.verify("malformed").await));
        resends.push(wait(&house.accounts.resend_verification(visitor(&context), &email).await));
    }
    let expected = [None, None, Some(60)];
    assert_eq!(
        (sign_ups.as_slice(), verifications.as_slice(), resends.as_slice()),
        (&expected[..], &expected[..], &expected[..])
    );
}

#[tokio::test]
async fn asking_for_links_again_uses_up_no_notices_to_the_owner() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let context = caller(1);
    for _ in 0..10 {
        house.accounts.resend_verification(visitor(&context), "ann@example.org").await.unwrap();
    }
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    assert_eq!(house.take_mail().await.len(), 1, "the owner is told of it");
}

#[tokio::test]
async fn refusals_are_audited_again_after_a_clock_that_jumped_ahead_and_back() {
    let house = House::with_limits(vec![("auth_me", quota(1, 60))]).await;
    let context = caller(1);
    let start = house.clock.now();
    for begin in [start + Duration::from_secs(10 * 365 * 86_400), start] {
        house.clock.set(begin);
        // Whatever was left of the window on the other clock is over a minute later.
        while house.accounts.charge(visitor(&context), "auth_me").await.is_err() {
            house.clock.advance(Duration::from_secs(60));
        }
        assert!(house.accounts.charge(visitor(&context), "auth_me").await.is_err());
    }
    let told = house.events(AuditEvent::RateLimited).await;
    let is_of_today = |at: doorward_kit::Timestamp| at < start + Duration::from_secs(86_400);
    assert!(told.iter().any(|row| is_of_today(row.record.at)), "{} entries", told.len());
}
