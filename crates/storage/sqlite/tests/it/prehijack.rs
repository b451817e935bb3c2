//! Taking an account over before its owner has one (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022), each way by its
//! name there.

use doorward_domain::federation::ProviderAccount;
use doorward_domain::service::FlowError;

use crate::scripted::{Scripted, house_of, link_as, sign_in_as};
use crate::support::{House, PASSWORD, caller, secret, token_in, visitor};

const VICTIM: &str = "victim@example.org";
const ATTACKERS: &str = "the attacker knows this one";

async fn is_dead(house: &House, password: &str) -> bool {
    matches!(house.sign_in(VICTIM, password).await, Err(FlowError::Refused))
}

async fn request_change(house: &House, email: &str, password: &str, to: &str) -> String {
    let active = house.sign_in(email, password).await.unwrap().active;
    house.take_mail().await;
    house.accounts.request_email_change(visitor(&caller(1)), &active, to, secret(password)).await.unwrap();
    let mails = house.take_mail().await;
    token_in(&mails.iter().find(|(recipient, ..)| recipient == to).expect("a link").2)
}

async fn confirm(house: &House, token: &str) -> Result<(), FlowError> {
    house.accounts.confirm_email_change(visitor(&caller(1)), token).await
}

/// The attacker signs up with the victim's address, the victim comes by a provider, and the two are merged.
#[tokio::test]
async fn oauth_09_enum_14_classic_federated_merge() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    let mut planted = Vec::new();
    for _ in 0..2 {
        house.sign_up(VICTIM, ATTACKERS).await.unwrap();
        planted.push(house.mailed_token(VICTIM).await);
    }
    let victim = sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap();
    assert!(is_dead(&house, ATTACKERS).await);
    for token in planted {
        // Even though the victim opens the links that the attacker had sent.
        assert!(matches!(house.verify_with(&token, ATTACKERS).await, Err(FlowError::Refused)));
    }
    assert!(is_dead(&house, ATTACKERS).await);
    assert_eq!(house.account_count().await, 1);
    assert_eq!(house.count("SELECT count(*) FROM sign_ups").await, 0);
    assert!(house.is_live(&victim.token.reveal()).await);
}

/// The attacker signs up and keeps a session open until the victim has made the account theirs.
#[tokio::test]
async fn oauth_09_unexpired_session() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.sign_up(VICTIM, ATTACKERS).await.unwrap();
    assert!(is_dead(&house, ATTACKERS).await, "no session before the address is proved");
    sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap();
    assert!(is_dead(&house, ATTACKERS).await);
    // Should somebody hold a session all the same: a reset ends every one, those that a provider opened too.
    let held = sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap().token.reveal();
    let token = house.recovery_token(VICTIM).await;
    house.reset(&token, PASSWORD).await.unwrap();
    assert!(!house.is_live(&held).await);
    assert!(sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.is_ok(), "the victim's own link stays");
}

/// The attacker hangs an identity of theirs on the account that is to be the victim's.
#[tokio::test]
async fn oauth_09_trojan_identifier() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.member("eve@example.org").await;
    let eve = house.sign_in("eve@example.org", PASSWORD).await.unwrap().active;
    let trojan = acme.person("666", "eve@example.org");
    link_as(&house, &acme, &eve, &trojan).await.unwrap();
    // With it she asks for the victim's address; the link lies in the victim's mailbox, unopened.
    let planted = request_change(&house, "eve@example.org", PASSWORD, VICTIM).await;
    let victim = sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap().active.user.id;
    assert_ne!(victim, eve.user.id);
    assert!(matches!(confirm(&house, &planted).await, Err(FlowError::Refused)), "the address is the victim's now");
    // Her provider says by now that the victim's address is hers: it is her account still.
    let renamed = ProviderAccount { email: Some(VICTIM.to_owned()), ..trojan };
    assert_eq!(sign_in_as(&house, &acme, &renamed).await.unwrap().active.user.id, eve.user.id);
    // A second account of hers there finds the victim linked already.
    assert!(matches!(sign_in_as(&house, &acme, &acme.person("667", VICTIM)).await, Err(FlowError::Refused)));
}

/// The attacker, who held the account for a while, leaves a change of address behind that nobody has confirmed yet.
#[tokio::test]
async fn oauth_09_unexpired_email_change() {
    let acme = Scripted::new("acme");
    let house = house_of(&[&acme], |_| {}).await;
    house.member(VICTIM).await;
    let planted = request_change(&house, VICTIM, PASSWORD, "eve@example.org").await;
    let victim = sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap().active;
    assert!(matches!(confirm(&house, &planted).await, Err(FlowError::Refused)));
    assert_eq!(sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap().active.user.email.canonical, VICTIM);
    assert_eq!(house.accounts.list_identities(&victim).await.unwrap().len(), 1);
}

/// The attacker has an account with the victim's address at a provider that asks for no proof of it.
#[tokio::test]
async fn oauth_09_non_verifying_provider() {
    let (lax, acme) = (Scripted::new("lax"), Scripted::new("acme"));
    let house = house_of(&[&lax, &acme], |_| {}).await;
    let claimed = ProviderAccount { is_email_verified: false, ..lax.person("666", VICTIM) };
    // Before the victim comes: it makes no account that the victim would walk into (federated merge, the other way round).
    assert!(matches!(sign_in_as(&house, &lax, &claimed).await, Err(FlowError::Refused)));
    assert_eq!(house.account_count().await, 0);
    house.member(VICTIM).await;
    // And after: it opens nothing.
    assert!(matches!(sign_in_as(&house, &lax, &claimed).await, Err(FlowError::Refused)));
    // Linked in the attacker's own session it opens the attacker's account, whatever address it claims.
    house.member("eve@example.org").await;
    let eve = house.sign_in("eve@example.org", PASSWORD).await.unwrap().active;
    link_as(&house, &lax, &eve, &claimed).await.unwrap();
    assert_eq!(sign_in_as(&house, &lax, &claimed).await.unwrap().active.user.id, eve.user.id);
    let victim = sign_in_as(&house, &acme, &acme.person("1", VICTIM)).await.unwrap().active.user.id;
    assert_ne!(victim, eve.user.id);
}
