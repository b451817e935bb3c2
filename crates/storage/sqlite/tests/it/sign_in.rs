//! Signing in: one refusal, whatever the cause.

use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, EmailAddress};
use doorward_kit::Token;

use crate::support::{House, PASSWORD, caller, visitor};

#[tokio::test]
async fn every_cause_of_a_failed_sign_in_is_one_refusal() {
    let house = House::new().await;
    house.member("known@example.org").await;
    house.member("disabled@example.org").await;
    house.sign_up("pending@example.org", PASSWORD).await.unwrap();
    let disabled: EmailAddress = "disabled@example.org".parse().unwrap();
    assert!(house.accounts.disable_user(&disabled).await.unwrap());
    let long = "x".repeat(100_000);
    let tries = [
        ("unknown@example.org", PASSWORD),
        ("known@example.org", "a wrong but long password"),
        ("known@example.org", ""),
        ("disabled@example.org", PASSWORD),
        ("pending@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", PASSWORD),
        ("known@example.org\0", PASSWORD),
        (long.as_str(), PASSWORD),
        ("known@example.org", long.as_str()),
    ];
    for (email, password) in tries {
        assert!(matches!(house.sign_in(email, password).await, Err(FlowError::Refused)), "{email:.40} {password:.40}");
    }
    let failures = house.events(AuditEvent::SignInFailed).await;
    assert_eq!(failures.len(), tries.len(), "one row for each, whatever the cause");
    assert!(failures.iter().all(|row| row.record.subject_hash.is_some() && row.record.actor.is_none()));
    assert!(house.accounts.enable_user(&disabled).await.unwrap());
    assert!(house.sign_in("disabled@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn what_was_typed_as_an_identifier_is_nowhere_on_the_disk() {
    let house = House::new().await;
    let typed = "MyPasswordInTheWrongField-4711";
    assert!(house.sign_in(typed, PASSWORD).await.is_err());
    assert!(house.sign_in("who-is-unknown@example.org", "CanaryPassword-0815").await.is_err());
    let octets = house.octets_on_disk();
    for canary in [typed, &typed.to_lowercase(), "who-is-unknown", "CanaryPassword-0815"] {
        assert!(!octets.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
    }
}

#[tokio::test]
async fn a_sign_in_makes_a_new_session_and_ends_the_presented_one() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    house.member("bob@example.org").await;
    let context = caller(1);
    let sign_in = async |email: &str, presented: Option<&str>| {
        let signed_in = house.accounts.sign_in(visitor(&context), crate::support::proof(email, PASSWORD, presented)).await;
        crate::support::whole(signed_in).unwrap().token.reveal()
    };
    // A value that an attacker chose is never adopted.
    let planted = "A".repeat(43);
    assert!(Token::parse(&planted).is_some());
    let first = sign_in("ann@example.org", Some(&planted)).await;
    assert_ne!(first, planted);
    assert!(house.is_live(&first).await && !house.is_live(&planted).await);
    // Again as oneself, then over it as somebody else: the presented one dies each time.
    let second = sign_in("ann@example.org", Some(&first)).await;
    assert!(house.is_live(&second).await && !house.is_live(&first).await);
    let third = sign_in("bob@example.org", Some(&second)).await;
    assert!(house.is_live(&third).await && !house.is_live(&second).await);
    // A session that is not presented lives on.
    let elsewhere = sign_in("bob@example.org", None).await;
    assert!(house.is_live(&third).await && house.is_live(&elsewhere).await);
    let replaced = house.events(AuditEvent::SessionRevoked).await;
    assert_eq!(replaced.iter().map(|row| row.record.reason.as_deref()).collect::<Vec<_>>(), [Some("replaced"), Some("replaced")]);
}

#[tokio::test]
async fn a_failed_sign_in_leaves_the_presented_session_alone() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let session = house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal();
    let context = caller(1);
    let failed =
        house.accounts.sign_in(visitor(&context), crate::support::proof("ann@example.org", "wrong", Some(&session))).await;
    assert!(failed.is_err());
    assert!(house.is_live(&session).await);
}

#[tokio::test]
async fn a_sign_in_is_audited_with_its_session_in_the_same_transaction() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let signed_in = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    for event in [AuditEvent::SignIn, AuditEvent::SessionCreated] {
        let rows = house.events(event).await;
        let [row] = rows.as_slice() else { panic!("one {event:?}") };
        let record = &row.record;
        assert_eq!((record.actor, record.session), (Some(signed_in.active.user.id), Some(signed_in.active.session.id)));
        assert_eq!(record.client_ip, Some([198, 51, 100, 1].into()));
        assert_eq!(record.peer_ip, Some([10, 0, 0, 1].into()));
        assert_eq!(record.client_prefix.as_deref(), Some("198.51.100.1/32"));
        assert_eq!((record.method.as_deref(), record.route.as_deref()), (Some("POST"), Some("/api/auth/login")));
        assert_eq!((record.host.as_deref(), record.node.as_str()), (Some("app.example.org"), "node-1"));
        assert!(record.request_id.is_some() && record.user_agent.as_deref() == Some("Browser/1"));
    }
}
