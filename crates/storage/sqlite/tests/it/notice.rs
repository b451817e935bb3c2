//! What the owner of an account is told, and the link that ends it all.

use std::time::Duration;

use doorward_domain::service::{FlowError, SignIn, SignedIn};
use doorward_domain::{AuditEvent, Visitor};
use doorward_kit::{ClientAddr, RequestContext};

use crate::support::{House, PASSWORD, caller, generous, proof, quota, secret, token_in, visitor, whole};

const ANN: &str = "ann@example.org";
const NEXT: &str = "next@example.org";
const NEW: &str = "another fine long passphrase";
const NEWS: &str = "A new sign-in to your account at Example";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const HOUR: Duration = Duration::from_secs(3600);

async fn ann() -> House {
    let house = House::new().await;
    house.member(ANN).await;
    house
}

/// A sign-in with a browser of its own words, and with the cookie of a known one or without.
async fn sign_in(house: &House, user_agent: Option<&str>, device: Option<&str>, password: &str) -> SignedIn {
    let context = caller(7);
    let visitor = Visitor { user_agent, ..visitor(&context) };
    whole(house.accounts.sign_in(visitor, SignIn { device, ..proof(ANN, password, None) }).await).unwrap()
}

async fn end(house: &House, token: &str) -> Result<(), FlowError> {
    house.accounts.end_sessions(visitor(&caller(9)), token).await
}

/// The bodies of what tells of new browsers, each of which went to the owner.
async fn news(house: &House) -> Vec<String> {
    let mails = house.take_mail().await.into_iter().filter(|(_, subject, _)| subject == NEWS);
    mails.map(|(to, _, body)| if to == ANN { body } else { to }).collect()
}

/// The token of a notice of a sign-in, and the session of that sign-in.
async fn told(house: &House) -> (String, SignedIn) {
    house.sign_in(ANN, PASSWORD).await.unwrap();
    house.take_mail().await;
    let signed_in = sign_in(house, Some(FIREFOX), None, PASSWORD).await;
    (token_in(&news(house).await[0]), signed_in)
}

#[tokio::test]
async fn a_sign_in_with_a_browser_that_is_not_known_is_told_and_others_are_not() {
    let house = ann().await;
    let first = sign_in(&house, Some(FIREFOX), None, PASSWORD).await;
    assert_eq!(news(&house).await.len(), 0, "whoever has just made the account");
    let device = first.device.unwrap().reveal();
    sign_in(&house, Some(FIREFOX), Some(&device), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 0, "a known one");
    let elsewhere = sign_in(&house, Some(FIREFOX), None, PASSWORD).await.device.unwrap().reveal();
    assert_eq!(news(&house).await.len(), 1);
    sign_in(&house, None, Some(&elsewhere), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 0, "by now that is known too");
    for device in ["x", "A", &"A".repeat(43)] {
        sign_in(&house, Some(FIREFOX), Some(device), PASSWORD).await;
        assert_eq!(news(&house).await.len(), 1, "a cookie that says nothing: {device}");
    }
    // What belongs to somebody else is not known here.
    house.member("bea@example.org").await;
    let bea = house.sign_in("bea@example.org", PASSWORD).await.unwrap().device.unwrap().reveal();
    sign_in(&house, Some(FIREFOX), Some(&bea), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 1);
    // Nor what has ended, though its row may still be there.
    house.clock.advance(house.accounts.rules().device_life);
    sign_in(&house, Some(FIREFOX), Some(&device), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 1);
}

/// A reset leaves an account of which no browser is known: that must not make the thief's sign-in the first one.
#[tokio::test]
async fn an_account_that_was_reset_is_not_one_that_was_never_used() {
    let house = ann().await;
    house.clock.advance(HOUR);
    let link = house.recovery_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    house.take_mail().await;
    sign_in(&house, Some(FIREFOX), None, NEW).await;
    assert_eq!(news(&house).await.len(), 1);
}

#[tokio::test]
async fn email_08_a_notice_says_nothing_in_the_words_of_whoever_caused_it() {
    let house = ann().await;
    house.sign_in(ANN, PASSWORD).await.unwrap();
    house.take_mail().await;
    let hostile = "Firefox/1\r\nBcc: eve@example.net\r\n\r\n<a href=https://evil.example>click</a> #token=AAAA";
    for (user_agent, words) in [
        (Some(FIREFOX), "Browser: Firefox on Linux\n"),
        (Some(hostile), "Browser: Firefox\n"),
        (Some("Call 0800-EVIL now"), "Browser: not recognised\n"),
        (Some(""), "Browser: not recognised\n"),
        (None, "Browser: not recognised\n"),
    ] {
        sign_in(&house, user_agent, None, PASSWORD).await;
        let told = news(&house).await;
        let [body] = told.as_slice() else { panic!("one mail") };
        assert!(body.contains(words), "{body}");
        assert!(body.contains("Network: 198.51.100.0/24\n") && !body.contains("198.51.100.7"), "{body}");
        for foreign in ["evil", "EVIL", "Bcc", "click", "AAAA", "<"] {
            assert!(!body.contains(foreign), "{foreign}: {body}");
        }
        assert!(body.contains("Time:    14 November 2023, 22:13 UTC\n"), "{body}");
    }
    // An IPv6 line is told by what a provider gives to one customer.
    let context = RequestContext { client: ClientAddr::new("2001:db8:1:2:3::4".parse().unwrap()), ..caller(7) };
    whole(house.accounts.sign_in(visitor(&context), proof(ANN, PASSWORD, None)).await).unwrap();
    assert!(news(&house).await[0].contains("Network: 2001:db8:1::/48\n"));
}

#[tokio::test]
async fn the_link_of_a_notice_ends_every_session_and_brings_a_link_for_a_new_password() {
    let house = ann().await;
    let (token, thief) = told(&house).await;
    let owner = house.sign_in(ANN, PASSWORD).await.unwrap();
    let device = owner.device.unwrap().reveal();
    house.accounts.request_email_change(visitor(&caller(1)), &thief.active, NEXT, secret(PASSWORD)).await.unwrap();
    let change = house.mailed_token(NEXT).await;
    house.take_mail().await;

    end(&house, &token).await.unwrap();
    for session in [&thief.token, &owner.token] {
        assert!(!house.is_live(&session.reveal()).await);
        assert!(house.other_node().lookup_session(&session.reveal()).await.unwrap().is_none(), "nor on another node");
    }
    assert!(house.accounts.confirm_email_change(visitor(&caller(1)), &change).await.is_err(), "what the thief had begun");
    let mails = house.take_mail().await;
    let [(to, subject, body)] = mails.as_slice() else { panic!("one mail") };
    assert_eq!((to.as_str(), subject.as_str()), (ANN, "Choose a new password for Example"));
    let entries = house.events(AuditEvent::SessionRevoked).await;
    let entry = &entries.last().unwrap().record;
    assert_eq!((entry.outcome.as_str(), entry.reason.as_deref()), ("success", Some("notice")));
    let said: Vec<_> = entry.meta.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(said, [("by", "owner"), ("sessions", "3")]);
    assert!(matches!(end(&house, &token).await, Err(FlowError::Refused)), "once");
    // The browser of either is as unknown as any.
    sign_in(&house, Some(FIREFOX), None, PASSWORD).await;
    house.take_mail().await;
    sign_in(&house, Some(FIREFOX), Some(&device), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 1);
    house.reset(&token_in(body), NEW).await.unwrap();
    assert!(house.sign_in(ANN, PASSWORD).await.is_err() && house.sign_in(ANN, NEW).await.is_ok());
}

#[tokio::test]
async fn the_link_of_a_notice_is_good_for_a_week_for_nothing_else_and_for_one_account() {
    let house = ann().await;
    house.member("bea@example.org").await;
    let bea = house.sign_in("bea@example.org", PASSWORD).await.unwrap().token.reveal();
    let (token, thief) = told(&house).await;
    let thief = thief.token.reveal();
    let context = caller(1);
    let who = visitor(&context);
    assert!(house.reset(&token, NEW).await.is_err() && house.verify(&token).await.is_err());
    assert!(house.accounts.confirm_email_change(who, &token).await.is_err());
    assert!(house.accounts.undo_email_change(who, &token).await.is_err());
    let link = house.recovery_token(ANN).await;
    for other in ["", "x", &"A".repeat(43), &link] {
        assert!(matches!(end(&house, other).await, Err(FlowError::Refused)), "{other}");
    }
    assert!(house.is_live(&thief).await && house.is_live(&bea).await);
    end(&house, &token).await.unwrap();
    assert!(!house.is_live(&thief).await && house.is_live(&bea).await);

    let (token, _) = told(&house).await;
    house.clock.advance(Duration::from_secs(7 * 86_400));
    assert!(matches!(end(&house, &token).await, Err(FlowError::Refused)), "at the very instant of its end");
    let reasons: Vec<_> = house.events(AuditEvent::SessionRevoked).await;
    let reasons: Vec<_> = reasons.iter().filter_map(|row| row.record.reason.as_deref()).collect();
    assert_eq!(reasons, ["malformed", "malformed", "unknown", "unknown", "notice", "expired"]);
}

/// Whoever moved the account elsewhere is put out, and gets no link for a new password by that: the way back is the other link.
#[tokio::test]
async fn a_link_that_went_to_the_former_address_ends_sessions_and_mails_nothing_to_the_new_one() {
    let house = ann().await;
    let (token, thief) = told(&house).await;
    house.accounts.request_email_change(visitor(&caller(1)), &thief.active, NEXT, secret(PASSWORD)).await.unwrap();
    let change = house.mailed_token(NEXT).await;
    house.accounts.confirm_email_change(visitor(&caller(1)), &change).await.unwrap();
    let undo = house.mailed_token(ANN).await;
    assert!(house.is_live(&thief.token.reveal()).await);
    end(&house, &token).await.unwrap();
    assert!(!house.is_live(&thief.token.reveal()).await);
    assert_eq!(house.take_mail().await.len(), 0);
    house.accounts.undo_email_change(visitor(&caller(1)), &undo).await.expect("the way back is as open as before");
}

#[tokio::test]
async fn a_disabled_account_is_refused_like_an_unknown_link_and_a_guesser_is_stopped() {
    let house = House::with_limits(vec![("email_confirm", quota(3, 900))]).await;
    house.member(ANN).await;
    let (token, _) = told(&house).await;
    house.accounts.disable_user(&ANN.parse().unwrap()).await.unwrap();
    for guess in [&token, &"B".repeat(43), &"C".repeat(43)] {
        assert!(matches!(end(&house, guess).await, Err(FlowError::Refused)));
    }
    assert!(matches!(end(&house, &"D".repeat(43)).await, Err(FlowError::Throttled { .. })));
    assert_eq!(house.take_mail().await.len(), 0);
}

/// Where a change of password is told, there is the link as well; and the mail is queued however many wait (EMAIL-12).
#[tokio::test]
async fn a_change_of_password_is_told_with_the_link_even_when_the_queue_is_full() {
    let house = House::with(generous(), crate::support::QUICK, |rules| rules.mail.queue_max = 1).await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let changed = house.accounts.change_password(visitor(&caller(1)), &active, secret(PASSWORD), secret(NEW)).await.unwrap();
    let mails = house.take_mail().await;
    let (_, subject, body) = mails.iter().find(|(to, ..)| to == ANN).expect("a notice");
    assert_eq!(subject, "Your password at Example was changed");
    assert!(body.contains("https://app.example.org/account/end-sessions#token="));
    assert!(house.is_live(&changed.token.reveal()).await);
    end(&house, &token_in(body)).await.unwrap();
    assert!(!house.is_live(&changed.token.reveal()).await);
}

#[tokio::test]
async fn known_browsers_are_listed_to_their_owner_who_may_forget_each() {
    let house = ann().await;
    let first = sign_in(&house, Some(FIREFOX), None, PASSWORD).await;
    house.clock.advance(HOUR);
    let second = sign_in(&house, Some("<script>"), None, PASSWORD).await;
    house.member("bea@example.org").await;
    let bea = house.sign_in("bea@example.org", PASSWORD).await.unwrap().active;
    let listed = house.accounts.list_devices(&first.active).await.unwrap();
    assert_eq!(listed.iter().map(|device| device.browser.as_str()).collect::<Vec<_>>(), ["", "Firefox on Linux"], "newest first");
    let context = caller(1);
    let id = listed[0].id;
    assert!(matches!(house.accounts.forget_device(visitor(&context), &bea, id).await, Err(FlowError::NotThere)));
    house.accounts.forget_device(visitor(&context), &first.active, id).await.unwrap();
    assert!(matches!(house.accounts.forget_device(visitor(&context), &first.active, id).await, Err(FlowError::NotThere)));
    assert!(house.is_live(&second.token.reveal()).await, "a browser is no session");
    house.take_mail().await;
    sign_in(&house, None, Some(&second.device.unwrap().reveal()), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 1);
    sign_in(&house, None, Some(&first.device.unwrap().reveal()), PASSWORD).await;
    assert_eq!(news(&house).await.len(), 0);
    let outcomes: Vec<_> =
        house.events(AuditEvent::DeviceForgotten).await.iter().map(|row| row.record.outcome.as_str()).collect();
    assert_eq!(outcomes, ["denied", "success", "denied"]);
    house.clock.advance(house.accounts.rules().device_life);
    assert_eq!(house.accounts.list_devices(&first.active).await.unwrap().len(), 0, "what has ended is not shown");
}
