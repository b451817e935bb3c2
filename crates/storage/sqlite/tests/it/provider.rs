//! Signing in with a provider: the way there and back, whose account it opens, links.

use std::time::Duration;

use doorward_domain::audit::AuditRow;
use doorward_domain::factor::{Factor, FactorKind, SignInOutcome};
use doorward_domain::federation::{ProviderAccount, ProviderError, ProviderFinished, ProviderOutcome, ProviderWish};
use doorward_domain::service::{FlowError, SignUpMode};
use doorward_domain::{ActiveSession, AuditEvent, EmailAddress, Store, User};
use doorward_kit::id::FactorId;
use doorward_kit::{Secret, SystemEntropy, Token};

use crate::authenticator::Authenticator;
use crate::scripted::{Back, Scripted, go, go_to, house_of, link_as, sign_in_as, signed_in};
use crate::support::{House, PASSWORD, caller, secret, visitor};

async fn account(house: &House, email: &str) -> User {
    house.store.find_user_by_email(email).await.unwrap().expect("an account")
}

fn is_refused<T>(outcome: Result<T, FlowError>) -> bool {
    outcome.is_err_and(|error| matches!(error, FlowError::Refused))
}

fn reasons(rows: &[AuditRow]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.record.reason.as_deref()).collect()
}

#[tokio::test]
async fn oauth_01_a_code_is_redeemed_with_the_verifier_and_the_nonce_of_its_own_journey() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let person = acme.person("1", "ann@example.org");
    let first = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let second = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let (stolen, _) = acme.agree(&first.authorization_url, Ok(person.clone()));
    let (_, state) = acme.agree(&second.authorization_url, Ok(person.clone()));
    // A code that somebody caught is brought home in another browser's journey (RFC 9700 §4.5).
    let injected = Back::new("acme", &second, (stolen, state));
    assert!(is_refused(injected.finish(&house.accounts).await));
    assert!(reasons(&house.events(AuditEvent::OauthFailed).await).contains(&"verifier"));
    assert!(sign_in_as(&house, &acme, &person).await.is_ok());
}

#[tokio::test]
async fn oauth_02_a_state_is_for_one_browser_one_provider_one_use_and_ten_minutes() {
    let (acme, other) = (Scripted::new("acme"), Scripted::new("other"));
    let house = house_of(&[&acme, &other], |_| {}).await;
    let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let stranger = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let good = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org"))));
    let theirs = acme.agree(&stranger.authorization_url, Ok(acme.person("2", "eve@example.org"))).1;
    let attacks = [
        Back { state: theirs, ..good.clone() },
        Back { cookie: Some(stranger.token.reveal()), ..good.clone() },
        Back { cookie: Some(Token::random(&SystemEntropy).reveal()), ..good.clone() },
        Back { cookie: Some(format!("{}=", started.token.reveal())), ..good.clone() },
        Back { cookie: Some(String::new()), ..good.clone() },
        Back { cookie: None, ..good.clone() },
        Back { state: String::new(), ..good.clone() },
        Back { state: format!("{}A", good.state), ..good.clone() },
        Back { state: good.state.to_lowercase(), ..good.clone() },
        Back { state: started.token.reveal(), ..good.clone() },
        Back { provider: "other", ..good.clone() },
        Back { provider: "nobody", ..good.clone() },
    ];
    for (number, attack) in attacks.iter().enumerate() {
        assert!(is_refused(attack.finish(&house.accounts).await), "attack {number}");
    }
    assert_eq!((acme.asked(), other.asked()), (0, 0), "no provider was asked for any of them");
    assert_eq!(house.events(AuditEvent::OauthFailed).await.len(), attacks.len());
    // None of them used it up.
    good.finish(&house.accounts).await.unwrap();
    assert!(is_refused(good.finish(&house.accounts).await), "a second time");
    assert_eq!(acme.asked(), 1);

    let late = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let late_back = Back::new("acme", &late, acme.agree(&late.authorization_url, Ok(acme.person("1", "ann@example.org"))));
    house.clock.advance(Duration::from_secs(600));
    assert!(is_refused(late_back.finish(&house.accounts).await), "after ten minutes");
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn oauth_07_a_journey_ends_at_a_listed_path_and_at_no_other() {
    let acme = Scripted::new("acme");
    let listed = |rules: &mut doorward_domain::service::AccountRules| {
        rules.provider_targets = vec!["/account".to_owned(), "/dashboard".to_owned()];
    };
    let house = house_of(&[&acme], listed).await;
    for next in [
        "//evil",
        "/\\evil",
        "https:evil",
        "https://evil.test",
        "/dashboard/../..//evil",
        "/dashboard\r\n",
        "/dashboard\0",
        "%2f%2fevil",
        "/%64ashboard",
        "javascript:alert(1)",
        "/Dashboard",
        "/dashboard/",
        "/dashboard?x=1",
        "/dashboard#x",
        " /dashboard",
        "dashboard",
        "",
    ] {
        assert!(is_refused(go_to(&house, "acme", ProviderWish::SignIn, Some(next)).await), "{next:?}");
    }
    assert_eq!(house.count("SELECT count(*) FROM ceremonies").await, 0);
    for (wanted, led) in [(None, "/account"), (Some("/dashboard"), "/dashboard")] {
        let started = go_to(&house, "acme", ProviderWish::SignIn, wanted).await.unwrap();
        let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org"))));
        assert_eq!(back.finish(&house.accounts).await.unwrap().next, led);
    }
    // The path is struck off the list while somebody is at the provider.
    let started = go_to(&house, "acme", ProviderWish::SignIn, Some("/dashboard")).await.unwrap();
    let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org"))));
    let stricter = house.with_rules(|rules| rules.provider_targets = vec!["/account".to_owned()]);
    assert!(is_refused(back.finish(&stricter).await));
}

#[tokio::test]
async fn oauth_08_an_account_is_known_by_issuer_and_subject_whatever_its_address_is_now() {
    let (acme, other) = (Scripted::new("acme"), Scripted::new("other"));
    let house = house_of(&[&acme, &other], |_| {}).await;
    let ann = sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.unwrap().active.user.id;
    // She has another address there now.
    assert_eq!(sign_in_as(&house, &acme, &acme.person("1", "new@example.org")).await.unwrap().active.user.id, ann);
    // And her former one belongs to somebody else there (an address that was given away opens nothing).
    assert!(is_refused(sign_in_as(&house, &acme, &acme.person("2", "ann@example.org")).await));
    // The same subject at another provider is somebody else.
    assert_ne!(sign_in_as(&house, &other, &other.person("1", "bob@example.org")).await.unwrap().active.user.id, ann);
    let kept = acme.person("1", "ann@example.org");
    let unlike = ProviderAccount { subject: "1 ".to_owned(), email: Some("eve@example.org".to_owned()), ..kept };
    assert_ne!(sign_in_as(&house, &acme, &unlike).await.unwrap().active.user.id, ann, "octet by octet");
}

#[tokio::test]
async fn oauth_09_an_address_opens_an_account_only_where_both_sides_have_proved_it() {
    let (acme, strict) = (Scripted::new("acme"), Scripted::with("strict", false));
    let house = house_of(&[&acme, &strict], |_| {}).await;
    house.member("ann@example.org").await;
    let ann = account(&house, "ann@example.org").await.id;
    let unproved = ProviderAccount { is_email_verified: false, ..acme.person("9", "ann@example.org") };
    assert!(is_refused(sign_in_as(&house, &acme, &unproved).await), "the provider has not proved it");
    let silent = ProviderAccount { email: None, ..acme.person("9", "ann@example.org") };
    assert!(is_refused(sign_in_as(&house, &acme, &silent).await));
    assert!(
        is_refused(sign_in_as(&house, &strict, &strict.person("1", "ann@example.org")).await),
        "not where it is switched off"
    );
    assert_eq!(house.count("SELECT count(*) FROM identities").await, 0);
    let signed_in = sign_in_as(&house, &acme, &acme.person("1", "Ann@Example.org")).await.unwrap();
    assert_eq!(signed_in.active.user.id, ann);
    assert!(house.sign_in("ann@example.org", PASSWORD).await.is_ok(), "her password stays hers");
    let linked = house.events(AuditEvent::OauthLink).await;
    assert_eq!(linked.len(), 1);
    assert_eq!(linked[0].record.actor, Some(ann));
}

#[tokio::test]
async fn whoever_may_not_have_an_account_is_refused_like_any_failure() {
    let acme = Scripted::new("acme");
    let closed = house_of(&[&acme], |rules| rules.sign_up = SignUpMode::Closed).await;
    assert!(is_refused(sign_in_as(&closed, &acme, &acme.person("1", "ann@example.org")).await));
    let invited = house_of(&[&acme], |rules| rules.sign_up = SignUpMode::Invitation).await;
    assert!(is_refused(sign_in_as(&invited, &acme, &acme.person("1", "ann@example.org")).await));
    let narrow = house_of(&[&acme], |rules| rules.allowed_domains = vec!["example.net".to_owned()]).await;
    assert!(is_refused(sign_in_as(&narrow, &acme, &acme.person("1", "ann@example.org")).await));
    assert!(sign_in_as(&narrow, &acme, &acme.person("2", "bob@example.net")).await.is_ok());
    let disabled: EmailAddress = "bob@example.net".parse().unwrap();
    assert!(narrow.accounts.disable_user(&disabled).await.unwrap());
    assert!(is_refused(sign_in_as(&narrow, &acme, &acme.person("2", "bob@example.net")).await));
    for (house, reason) in [(&closed, "not_open"), (&invited, "not_open"), (&narrow, "domain"), (&narrow, "disabled")] {
        assert!(reasons(&house.events(AuditEvent::OauthFailed).await).contains(&reason), "{reason}");
    }
    assert_eq!(closed.account_count().await + invited.account_count().await, 0);
}

/// A member who has just signed in.
async fn member(house: &House, email: &str) -> std::sync::Arc<ActiveSession> {
    house.member(email).await;
    house.sign_in(email, PASSWORD).await.unwrap().active
}

#[tokio::test]
async fn oauth_10_a_link_is_made_in_the_session_that_began_it_after_a_fresh_proof() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let ann = member(&house, "ann@example.org").await;
    let eve = member(&house, "eve@example.org").await;
    let anns_other = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let person = acme.person("1", "someone@example.org");
    for within in [None, Some(&eve), Some(&anns_other.active)] {
        let started = go(&house, "acme", ProviderWish::Link(&ann)).await.unwrap();
        let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(person.clone())));
        let back = Back { active: within.map(|active| &**active), ..back };
        assert!(is_refused(back.finish(&house.accounts).await), "another session");
    }
    // Eve brings Ann's browser the code of her own account, with a journey that was not for linking.
    let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("2", "eve@example.org"))));
    let finished = back.within(&ann).finish(&house.accounts).await.unwrap();
    assert_eq!(signed_in(finished).active.user.id, eve.user.id, "it signs Eve in, and links nothing to Ann");
    // The session ends meanwhile.
    let started = go(&house, "acme", ProviderWish::Link(&anns_other.active)).await.unwrap();
    let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(person.clone())));
    house.accounts.sign_out(visitor(&caller(1)), &anns_other.active).await.unwrap();
    assert!(is_refused(back.within(&anns_other.active).finish(&house.accounts).await), "a session that has ended");
    house.clock.advance(Duration::from_secs(10 * 60 + 1));
    assert!(matches!(go(&house, "acme", ProviderWish::Link(&ann)).await, Err(FlowError::StepUpNeeded)));
    assert!(house.accounts.list_identities(&ann).await.unwrap().is_empty());
    let again = house.sign_in("ann@example.org", PASSWORD).await.unwrap().active;
    link_as(&house, &acme, &again, &person).await.unwrap();
    assert_eq!(sign_in_as(&house, &acme, &person).await.unwrap().active.user.id, ann.user.id);
}

#[tokio::test]
async fn oauth_11_a_providers_account_that_another_one_holds_is_linked_to_nobody_else() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let ann = member(&house, "ann@example.org").await;
    let eve = member(&house, "eve@example.org").await;
    let person = acme.person("1", "ann@elsewhere.org");
    link_as(&house, &acme, &ann, &person).await.unwrap();
    assert!(is_refused(link_as(&house, &acme, &eve, &person).await));
    let rejected = house.events(AuditEvent::OauthLinkRejected).await;
    assert_eq!(reasons(&rejected), ["held_by_other"]);
    assert_eq!(rejected[0].record.actor, Some(eve.user.id));
    assert!(house.accounts.list_identities(&eve).await.unwrap().is_empty());
    // Her own once more is no failure, and no second row.
    link_as(&house, &acme, &ann, &person).await.unwrap();
    assert_eq!(house.accounts.list_identities(&ann).await.unwrap().len(), 1);
}

#[tokio::test]
async fn oauth_12_the_last_way_in_stays_and_what_was_kept_is_given_back() {
    let (acme, other) = (Scripted::new("acme"), Scripted::new("other"));
    let house = house_of(&[&acme, &other], |_| {}).await;
    let granted = ProviderAccount { grant: Some(Secret::new("canary-grant".to_owned())), ..acme.person("1", "ann@example.org") };
    let ann = sign_in_as(&house, &acme, &granted).await.unwrap().active;
    let unlink = async |active: &ActiveSession, provider: &str, password: Option<&str>| {
        house.accounts.unlink_provider(visitor(&caller(1)), active, provider, password.map(secret)).await
    };
    assert!(matches!(unlink(&ann, "acme", None).await, Err(FlowError::LastOfItsKind)));
    assert!(matches!(unlink(&ann, "other", None).await, Err(FlowError::NotThere)));
    link_as(&house, &other, &ann, &other.person("7", "ann@example.org")).await.unwrap();
    house.clock.advance(Duration::from_secs(10 * 60 + 1));
    assert!(matches!(unlink(&ann, "acme", None).await, Err(FlowError::StepUpNeeded)), "nothing but the session is shown");
    let ann = sign_in_as(&house, &other, &other.person("7", "ann@example.org")).await.unwrap().active;
    unlink(&ann, "acme", None).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(acme.given_back(), ["canary-grant"]);
    assert!(matches!(unlink(&ann, "other", None).await, Err(FlowError::LastOfItsKind)));

    let bob = member(&house, "bob@example.org").await;
    link_as(&house, &acme, &bob, &acme.person("2", "bob@example.org")).await.unwrap();
    assert!(is_refused(unlink(&bob, "acme", Some("a wrong but long password")).await));
    assert!(is_refused(unlink(&bob, "acme", None).await));
    unlink(&bob, "acme", Some(PASSWORD)).await.unwrap();
    assert!(house.accounts.list_identities(&bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn oauth_13_whatever_a_provider_does_wrong_is_one_refusal_and_no_session() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let person = acme.person("1", "ann@example.org");
    let long = ProviderAccount { subject: "x".repeat(256), ..person.clone() };
    let nobody = ProviderAccount { subject: String::new(), ..person.clone() };
    let nowhere = ProviderAccount { issuer: String::new(), ..person };
    let answers =
        [Err(ProviderError::Unavailable("timeout")), Err(ProviderError::Refused("signature")), Ok(long), Ok(nobody), Ok(nowhere)];
    for answer in answers {
        let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
        let back = Back::new("acme", &started, acme.agree(&started.authorization_url, answer));
        assert!(is_refused(back.finish(&house.accounts).await));
    }
    // Denied, cancelled, or without a code of any sense.
    for code in [None, Some(String::new()), Some("x".repeat(4097))] {
        let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
        let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Err(ProviderError::Refused("unused"))));
        assert!(is_refused(Back { code, ..back.clone() }.finish(&house.accounts).await));
        assert!(is_refused(back.finish(&house.accounts).await), "the journey is over");
    }
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(house.account_count().await, 0);
}

#[tokio::test]
async fn oauth_14_no_token_of_a_provider_is_stored_in_clear_and_none_unless_it_is_to_be_kept() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM identities WHERE provider_grant IS NOT NULL").await, 0);
    let granted = |subject: &str, email: &str| ProviderAccount {
        grant: Some(Secret::new("CanaryGrant-4711".to_owned())),
        ..acme.person(subject, email)
    };
    sign_in_as(&house, &acme, &granted("2", "bob@example.org")).await.unwrap();
    sign_in_as(&house, &acme, &granted("3", "eve@example.org")).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM identities WHERE provider_grant IS NOT NULL").await, 2);
    assert_eq!(house.count("SELECT count(DISTINCT provider_grant) FROM identities").await, 2, "sealed for each row");
    let octets = house.octets_on_disk();
    for canary in ["CanaryGrant-4711", "code-acme"] {
        assert!(!octets.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
    }
}

#[tokio::test]
async fn oauth_19_the_session_is_the_one_that_a_password_opens() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.member("ann@example.org").await;
    let by_password = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org"))));
    let planted = by_password.token.reveal();
    let by_provider = signed_in(Back { presented: Some(&planted), ..back }.finish(&house.accounts).await.unwrap());
    assert!(!house.is_live(&planted).await, "what was presented ends (SES-07)");
    assert!(house.is_live(&by_provider.token.reveal()).await);
    assert!(by_provider.device.is_some());
    let (one, other) = (&by_password.active.session, &by_provider.active.session);
    assert_eq!(
        (one.expires_at, one.is_remembered, one.is_two_factor),
        (other.expires_at, other.is_remembered, other.is_two_factor)
    );
    assert_eq!(one.authenticated_at, other.authenticated_at);
    assert_ne!(one.id, other.id);
    for (event, count) in [(AuditEvent::OauthStart, 1), (AuditEvent::OauthLogin, 1), (AuditEvent::SignIn, 2)] {
        assert_eq!(house.events(event).await.len(), count, "{event:?}");
    }
}

#[tokio::test]
async fn oauth_20_what_is_not_configured_cannot_be_begun() {
    let house = House::new().await;
    assert!(matches!(go(&house, "google", ProviderWish::SignIn).await, Err(FlowError::NotConfigured)));
    let failed = house.events(AuditEvent::OauthFailed).await;
    assert_eq!(reasons(&failed), ["unconfigured"]);
    assert_eq!(house.count("SELECT count(*) FROM ceremonies").await, 0);
}

/// A factor that nobody can use: that it is there is what counts.
async fn give_factor(house: &House, email: &str) {
    let user_id = account(house, email).await.id;
    let factor = Factor {
        id: FactorId::random(&SystemEntropy),
        user_id,
        kind: FactorKind::Totp,
        name: "App".to_owned(),
        credential: None,
        secret: vec![0; 40],
        counter: 0,
        created_at: doorward_kit::Timestamp::UNIX_EPOCH,
        last_used_at: None,
    };
    let mut tx = house.store.begin().await.unwrap();
    tx.factors().add(&factor).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_provider_too() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.member("ann@example.org").await;
    sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.unwrap();
    give_factor(&house, "ann@example.org").await;
    let sessions = house.count("SELECT count(*) FROM sessions").await;
    let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
    let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org"))));
    let ProviderFinished { outcome, .. } = back.finish(&house.accounts).await.unwrap();
    assert!(matches!(outcome, ProviderOutcome::SignIn(SignInOutcome::Pending(pending)) if pending.kinds == ["totp"]));
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, sessions);
}

#[tokio::test]
async fn oauth_09_half_a_sign_in_links_nothing_for_good() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |rules| rules.operator_roles = vec!["admin".to_owned()]).await;
    house.member("ann@example.org").await;
    give_factor(&house, "ann@example.org").await;
    house.member("bob@example.org").await;
    let bob = "bob@example.org".parse().unwrap();
    assert!(house.accounts.set_user_roles(&bob, vec!["admin".to_owned()]).await.unwrap());
    for (subject, email) in [("1", "ann@example.org"), ("2", "bob@example.org")] {
        assert!(is_refused(sign_in_as(&house, &acme, &acme.person(subject, email)).await), "{email}");
    }
    assert_eq!(house.count("SELECT count(*) FROM identities").await, 0);
}

#[tokio::test]
async fn oauth_12_a_passkey_that_is_the_only_way_in_stays() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let ann = sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.unwrap().active;
    let mut key = Authenticator::new();
    let enrolled = house.enrol_passkey(&ann, &mut key).await;
    let context = caller(1);
    let active = &enrolled.signed_in.active;
    house.accounts.unlink_provider(visitor(&context), active, "acme", None).await.unwrap();
    let outcome = house.accounts.remove_factor(visitor(&context), active, enrolled.id).await;
    assert!(matches!(outcome, Err(FlowError::LastOfItsKind)));
}

#[tokio::test]
async fn a_password_is_the_fresh_proof_where_there_is_one() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.member("ann@example.org").await;
    let ann = house.sign_in("ann@example.org", PASSWORD).await.unwrap().active;
    let outcome = go(&house, "acme", ProviderWish::StepUp(&ann)).await;
    assert!(matches!(outcome, Err(FlowError::StepUpNeeded)));
}

#[tokio::test]
async fn a_fresh_sign_in_is_one_to_the_account_of_the_session() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let ann = sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.unwrap().active;
    let bob = sign_in_as(&house, &acme, &acme.person("2", "bob@example.org")).await.unwrap().active;
    house.clock.advance(Duration::from_secs(3600));
    assert!(!house.accounts.is_fresh(&ann));
    let step_up = async |person: ProviderAccount| {
        let started = go(&house, "acme", ProviderWish::StepUp(&ann)).await.unwrap();
        assert!(started.authorization_url.contains("fresh=true"));
        let back = Back::new("acme", &started, acme.agree(&started.authorization_url, Ok(person)));
        back.within(&ann).finish(&house.accounts).await
    };
    assert!(is_refused(step_up(acme.person("2", "bob@example.org")).await), "Bob's account is no proof of Ann");
    assert!(is_refused(step_up(acme.person("3", "ann@example.org")).await), "nor is her address");
    let fresh = signed_in(step_up(acme.person("1", "ann@example.org")).await.unwrap());
    assert!(house.accounts.is_fresh(&fresh.active));
    assert_eq!(fresh.active.user.id, ann.user.id);
    assert_ne!(fresh.active.user.id, bob.user.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_come_at_once_make_one_account_and_one_link() {
    let acme = Scripted::new("acme");
    let house = std::sync::Arc::new(house_of(&[&acme], |_| {}).await);
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let started = go(&house, "acme", ProviderWish::SignIn).await.unwrap();
        let came = acme.agree(&started.authorization_url, Ok(acme.person("1", "ann@example.org")));
        let house = std::sync::Arc::clone(&house);
        racers.spawn(async move { Back::new("acme", &started, came).finish(&house.accounts).await.map(drop) });
    }
    racers.spawn({
        let house = std::sync::Arc::clone(&house);
        async move { house.sign_up("ann@example.org", PASSWORD).await }
    });
    for outcome in racers.join_all().await {
        assert!(outcome.is_ok() || is_refused(outcome));
    }
    assert_eq!(house.account_count().await, 1);
    assert_eq!(house.count("SELECT count(*) FROM identities").await, 1);
    assert!(sign_in_as(&house, &acme, &acme.person("1", "ann@example.org")).await.is_ok());
}
