//! Asking for an account and proving the address.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, Store};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, caller, quota, token_in, visitor};

const OTHER: &str = "another quite long password";

#[tokio::test]
async fn a_sign_up_is_an_account_only_once_its_link_was_used() {
    let house = House::new().await;
    house.sign_up("Ann@Example.org", PASSWORD).await.unwrap();
    assert_eq!(house.account_count().await, 0);
    assert!(matches!(house.sign_in("ann@example.org", PASSWORD).await, Err(FlowError::Refused)));
    let token = house.mailed_token("ann@example.org").await;
    house.verify(&token).await.unwrap();
    let signed_in = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let user = &signed_in.active.user;
    assert_eq!((user.email.display.as_str(), user.display_name.as_str()), ("Ann@example.org", "Ann"));
    assert!(user.password_hash.is_none(), "what the cache holds knows no hash");
}

#[tokio::test]
async fn the_mail_holds_the_link_with_the_token_in_its_fragment_and_nothing_that_was_typed() {
    let house = House::new().await;
    let context = caller(1);
    let name = "Click http://evil.example";
    house.accounts.sign_up(visitor(&context), crate::support::wish("ann@example.org", PASSWORD, Some(name))).await.unwrap();
    let mails = house.take_mail().await;
    let [(to, subject, body)] = mails.as_slice() else { panic!("one mail") };
    assert_eq!(to, "ann@example.org");
    assert!(body.contains("https://app.example.org/account/verify#token="));
    assert_eq!(body.matches(&token_in(body)).count(), 2, "as a link and to be pasted");
    assert!(!body.contains("evil") && !subject.contains("evil"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enum_05_fifty_sign_ups_at_once_make_one_account_and_no_error() {
    let house = Arc::new(House::new().await);
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let house = Arc::clone(&house);
        racers.spawn(async move { house.sign_up("ann@example.org", PASSWORD).await.is_ok() });
    }
    assert!(racers.join_all().await.into_iter().all(|ok| ok), "every answer is the same");
    let tokens: BTreeSet<_> = house.take_mail().await.iter().map(|(_, _, body)| token_in(body)).collect();
    assert_eq!(tokens.len(), 50);
    let mut racers = JoinSet::new();
    for token in tokens {
        let house = Arc::clone(&house);
        racers.spawn(async move { house.verify_with(&token, PASSWORD).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(FlowError::Refused))));
    assert_eq!(house.account_count().await, 1);
}

#[tokio::test]
async fn enum_06_another_spelling_of_an_address_is_the_same_account() {
    let house = House::new().await;
    house.member("k@example.org").await;
    for spelling in ["K@EXAMPLE.ORG", " k@example.org ", "\u{212a}@example.org", "ｋ＠ｅｘａｍｐｌｅ．ｏｒｇ", "k@example.org."]
    {
        house.sign_up(spelling, OTHER).await.unwrap();
        let mails = house.take_mail_but_sign_ins().await;
        house.clock.advance(Duration::from_secs(24 * 3600));
        assert!(
            mails.iter().all(|(_, subject, body)| subject.contains("already have") && !body.contains("#token=")),
            "{spelling:?}"
        );
        assert_eq!(mails.len(), 1, "{spelling:?}");
        assert!(house.sign_in(spelling, PASSWORD).await.is_ok(), "{spelling:?}");
    }
    assert_eq!(house.account_count().await, 1);
    let stored = house.store.find_user_by_email("k@example.org").await.unwrap().unwrap();
    let mut tx = house.store.begin().await.unwrap();
    assert!(tx.users().add(&stored).await.is_err(), "the database itself refuses a second one");
}

#[tokio::test]
async fn enum_14_what_an_attacker_asked_for_dies_when_the_owner_verifies() {
    let house = House::new().await;
    house.sign_up("owner@example.org", "the attacker's own passphrase").await.unwrap();
    let planted = house.mailed_token("owner@example.org").await;
    house.sign_up("owner@example.org", PASSWORD).await.unwrap();
    let own = house.mailed_token("owner@example.org").await;
    house.verify_with(&own, PASSWORD).await.unwrap();
    assert!(matches!(house.verify(&planted).await, Err(FlowError::Refused)));
    assert!(matches!(house.sign_in("owner@example.org", "the attacker's own passphrase").await, Err(FlowError::Refused)));
    assert!(house.sign_in("owner@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn enum_14_an_unverified_sign_up_neither_blocks_nor_changes_an_account() {
    let house = House::new().await;
    house.member("owner@example.org").await;
    let session = house.sign_in("owner@example.org", PASSWORD).await.unwrap().token.reveal();
    house.sign_up("owner@example.org", "the attacker's own passphrase").await.unwrap();
    assert!(matches!(house.sign_in("owner@example.org", "the attacker's own passphrase").await, Err(FlowError::Refused)));
    assert!(house.sign_in("owner@example.org", PASSWORD).await.is_ok());
    assert!(house.is_live(&session).await);
    let signed_in = house.sign_in("owner@example.org", PASSWORD).await.unwrap();
    assert_eq!(signed_in.active.user.display_name, "Ann");
}

#[tokio::test]
async fn enum_14_a_flood_of_sign_ups_leaves_the_owners_link_good() {
    let house = House::with_limits(vec![("verify_email_resend_address", quota(5, 900))]).await;
    house.sign_up("owner@example.org", PASSWORD).await.unwrap();
    for _ in 0..50 {
        house.sign_up("owner@example.org", OTHER).await.unwrap();
    }
    let mails = house.take_mail().await;
    assert_eq!(mails.len(), 5);
    house.verify_with(&token_in(&mails[0].2), PASSWORD).await.unwrap();
    assert!(house.sign_in("owner@example.org", PASSWORD).await.is_ok());
    for planted in &mails[1..] {
        assert!(matches!(house.verify(&token_in(&planted.2)).await, Err(FlowError::Refused)));
    }
    assert!(matches!(house.sign_in("owner@example.org", OTHER).await, Err(FlowError::Refused)));
}

#[tokio::test]
async fn enum_14_who_asks_for_the_mail_again_is_never_sent_the_link_of_a_stranger() {
    let house = House::new().await;
    house.sign_up("owner@example.org", PASSWORD).await.unwrap();
    let own = house.mailed_token("owner@example.org").await;
    house.sign_up("owner@example.org", OTHER).await.unwrap();
    house.take_mail().await;
    let context = caller(1);
    house.accounts.resend_verification(visitor(&context), "owner@example.org").await.unwrap();
    assert_eq!(house.take_mail().await.len(), 0, "whose sign-up is meant cannot be told");
    house.verify_with(&own, PASSWORD).await.unwrap();
    assert!(house.sign_in("owner@example.org", PASSWORD).await.is_ok());
}

/// The owner wanted an account, and opened the first of two mails, which a stranger had asked for.
#[tokio::test]
async fn enum_14_an_owner_who_opens_a_strangers_mail_makes_no_account_with_the_strangers_password() {
    let house = House::new().await;
    house.sign_up("owner@example.org", OTHER).await.unwrap();
    let planted = house.mailed_token("owner@example.org").await;
    house.sign_up("owner@example.org", PASSWORD).await.unwrap();
    let own = house.mailed_token("owner@example.org").await;
    assert!(matches!(house.verify(&planted).await, Err(FlowError::PasswordNeeded)));
    assert!(matches!(house.verify_with(&planted, PASSWORD).await, Err(FlowError::PasswordNeeded)));
    assert_eq!(house.account_count().await, 0);
    house.verify_with(&own, PASSWORD).await.unwrap();
    assert!(matches!(house.sign_in("owner@example.org", OTHER).await, Err(FlowError::Refused)));
    assert!(house.sign_in("owner@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_form_is_judged_before_and_apart_from_which_addresses_exist() {
    let house = House::new().await;
    house.member("known@example.org").await;
    let mut verdicts = Vec::new();
    for email in ["known@example.org", "fresh@example.org"] {
        for password in ["short", "passwordpassword", "known fresh \0 nul in it"] {
            let Err(FlowError::Invalid(faults)) = house.sign_up(email, password).await else { panic!("{email} {password}") };
            verdicts.push((email, faults));
        }
    }
    let (known, fresh): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|(email, _)| email.starts_with("known"));
    let faults = |list: Vec<(&str, _)>| list.into_iter().map(|(_, faults)| faults).collect::<Vec<Vec<_>>>();
    assert_eq!(faults(known), faults(fresh));
    assert_eq!(house.take_mail().await.len(), 0);
}

#[tokio::test]
async fn every_fault_of_a_form_is_told_at_once_and_none_repeats_what_was_typed() {
    let house = House::new().await;
    let context = caller(1);
    let name = "n\u{1b}ame".repeat(2);
    let outcome = house.accounts.sign_up(visitor(&context), crate::support::wish("no-address", "hidden", Some(&name))).await;
    let Err(FlowError::Invalid(faults)) = outcome else { panic!("refused") };
    assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["email", "username", "password"]);
    assert!(faults.iter().all(|fault| !fault.detail.contains("no-address") && !fault.detail.contains("hidden")));
}

#[tokio::test]
async fn known_and_unknown_addresses_write_as_many_rows() {
    let house = House::new().await;
    house.member("known@example.org").await;
    house.clock.advance(Duration::from_secs(2 * 24 * 3600));
    house.accounts.sweep().await.unwrap();
    let before = rows(&house).await;
    house.sign_up("known@example.org", OTHER).await.unwrap();
    let between = rows(&house).await;
    house.sign_up("fresh@example.org", OTHER).await.unwrap();
    let after = rows(&house).await;
    for table in 0..3 {
        assert_eq!(between[table] - before[table], 1, "table {table}");
        assert_eq!(after[table] - between[table], 1, "table {table}");
    }
}

/// Rows of sign_ups, outbox and audit, counted beside the store.
async fn rows(house: &House) -> [i64; 3] {
    [
        house.count("SELECT count(*) FROM sign_ups").await,
        house.count("SELECT count(*) FROM outbox").await,
        house.count("SELECT count(*) FROM audit").await,
    ]
}

#[tokio::test]
async fn notices_to_the_owner_of_an_address_are_three_a_day_and_the_visitor_sees_no_difference() {
    let house = House::new().await;
    house.member("known@example.org").await;
    house.clock.advance(Duration::from_secs(2 * 24 * 3600));
    for _ in 0..6 {
        house.sign_up("known@example.org", OTHER).await.unwrap();
    }
    assert_eq!(house.take_mail().await.len(), 3);
    house.clock.advance(Duration::from_secs(24 * 3600));
    house.sign_up("known@example.org", OTHER).await.unwrap();
    assert_eq!(house.take_mail().await.len(), 1);
}

#[tokio::test]
async fn a_token_works_once_within_its_life_and_every_failure_is_the_same() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let token = house.mailed_token("ann@example.org").await;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let late = house.mailed_token("bob@example.org").await;
    house.verify(&token).await.unwrap();
    house.clock.advance(Duration::from_secs(24 * 3600));
    let session = house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal();
    let never = "A".repeat(43);
    let padded = format!("{late}=");
    let spaced = format!(" {late}");
    for bad in
        [token.as_str(), &late, &never, "", " ", "\0", &padded, &spaced, &late.to_uppercase(), &session, &"x".repeat(10_000)]
    {
        assert!(matches!(house.verify(bad).await, Err(FlowError::Refused)), "{bad:.60}");
    }
    assert_eq!(house.account_count().await, 1);
    assert!(!house.is_live(&late).await, "a link is no session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_used_fifty_times_at_once_verifies_once() {
    let house = Arc::new(House::new().await);
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let token = house.mailed_token("ann@example.org").await;
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let (house, token) = (Arc::clone(&house), token.clone());
        racers.spawn(async move { house.verify(&token).await.is_ok() });
    }
    assert_eq!(racers.join_all().await.into_iter().filter(|ok| *ok).count(), 1);
    assert_eq!(house.events(AuditEvent::Verified).await.len(), 1);
    assert_eq!(house.events(AuditEvent::VerifyFailed).await.len(), 49);
}

#[tokio::test]
async fn a_resent_link_replaces_the_old_one_and_other_addresses_get_nothing() {
    let house = House::new().await;
    house.member("known@example.org").await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let old = house.mailed_token("ann@example.org").await;
    let context = caller(1);
    for email in ["ann@example.org", "known@example.org", "nobody@example.org", "no address at all"] {
        house.accounts.resend_verification(visitor(&context), email).await.unwrap();
    }
    let mails = house.take_mail().await;
    assert_eq!(mails.len(), 1);
    assert!(house.verify(&old).await.is_err());
    house.verify(&token_in(&mails[0].2)).await.unwrap();
}

#[tokio::test]
async fn resending_beyond_the_quota_of_an_address_is_silent_and_leaves_the_last_link_good() {
    let house = House::with_limits(vec![("verify_email_resend_address", quota(5, 900))]).await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let context = caller(1);
    for _ in 0..10 {
        house.accounts.resend_verification(visitor(&context), "ann@example.org").await.unwrap();
    }
    let mails = house.take_mail().await;
    assert_eq!(mails.len(), 5);
    house.verify(&token_in(&mails[4].2)).await.unwrap();
}

#[tokio::test]
async fn a_closed_house_takes_nobody_in() {
    let house = House::with(crate::support::generous(), crate::support::QUICK, |rules| {
        rules.sign_up = doorward_domain::service::SignUpMode::Closed;
    })
    .await;
    assert!(matches!(house.sign_up("ann@example.org", PASSWORD).await, Err(FlowError::Refused)));
    assert_eq!(house.take_mail().await.len(), 0);
}

#[tokio::test]
async fn a_name_that_would_turn_or_break_the_text_around_it_is_refused() {
    let house = House::new().await;
    let context = caller(1);
    for name in ["Ann\u{202e}nimda", "\u{2066}Ann", "Ann\u{2028}roles: admin", "A\u{85}nn", "A\0nn", "An\u{1b}[2Jn"] {
        let outcome =
            house.accounts.sign_up(visitor(&context), crate::support::wish("ann@example.org", PASSWORD, Some(name))).await;
        assert!(matches!(outcome, Err(FlowError::Invalid(faults)) if faults[0].field == "username"), "{name:?}");
    }
    for name in ["Ann \u{1f469}\u{200d}\u{1f680}", "\u{5d0}\u{5e0}\u{5d4}", "می\u{200c}خواهم"] {
        house.accounts.sign_up(visitor(&context), crate::support::wish("ann@example.org", PASSWORD, Some(name))).await.unwrap();
    }
}
