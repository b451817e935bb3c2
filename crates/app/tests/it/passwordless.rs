//! Accounts without a password: nobody signs in to them by one, and nobody can tell (PWD-08).

use doorward_domain::Store as _;
use http::StatusCode;
use serde_json::json;

use crate::client::{Client, PASSWORD};
use crate::house::House;

const PROVIDER: &str = "provider@example.com";

/// What somebody might try, and what a careless store would take for nothing.
const GUESSES: [&str; 8] = ["", " ", "\0", "null", "!", "$argon2id$", PASSWORD, "seven slow barges below Basel"];

/// What has stood in such a row elsewhere: nothing, an empty text, Django's mark, half a hash.
const STORED: [Option<&str>; 7] = [None, Some(""), Some(" "), Some("!"), Some("!unusable"), Some("$argon2id$"), Some("$2b$12$")];

#[tokio::test]
async fn pwd_08_no_password_opens_an_account_without_one_and_the_answer_is_the_usual_one() {
    let house = House::new().await;
    house.add_without_password(PROVIDER).await;
    let mut seen = Vec::new();
    for stored in STORED {
        store(&house, stored).await;
        for guess in GUESSES {
            let told = Client::new(&house).sign_in(PROVIDER, guess).await.fingerprint();
            let usual = Client::new(&house).sign_in("nobody@example.com", guess).await.fingerprint();
            assert_eq!(told, usual, "{stored:?} {guess:?}");
            seen.push(told);
            // Repeated failures are slowed (D-11): another matter, and alike for both.
            house.clock.advance(std::time::Duration::from_secs(900));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert!(seen[0].starts_with("401") && seen[0].ends_with(r#"{"detail":"Invalid credentials"}"#), "{}", seen[0]);
}

async fn store(house: &House, hash: Option<&str>) {
    let user = house.store.find_user_by_email(PROVIDER).await.expect("a store").expect("an account");
    let mut tx = house.store.begin().await.expect("a transaction");
    assert!(tx.users().set_password_hash(user.id, hash).await.is_ok());
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn pwd_08_the_owner_gets_a_password_by_the_mail_and_in_no_other_way() {
    let house = House::new().await;
    house.add_without_password(PROVIDER).await;
    let mut client = Client::new(&house);
    assert_eq!(client.sign_in(PROVIDER, "").await.status, StatusCode::UNAUTHORIZED);
    let asked = client.post_json("/api/auth/forgot-password", &json!({"email": PROVIDER})).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    house.deliver().await;
    let mail = house.mails().pop().expect("a mail");
    let (_, rest) = mail.split_once("/account/reset#token=").expect("a link");
    let token = rest.split_whitespace().next().expect("a code");
    let body = json!({"token": token, "password": "a wholly different passphrase"});
    assert_eq!(client.post_json("/api/auth/reset-password", &body).await.status, StatusCode::OK);
    assert_eq!(client.sign_in(PROVIDER, "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.sign_in(PROVIDER, "a wholly different passphrase").await.status, StatusCode::OK);
}
