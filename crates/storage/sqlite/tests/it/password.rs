//! Passwords from sign-up to sign-in.

use std::sync::Arc;

use doorward_domain::credential::{Argon2Settings, Blocklist};
use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, Store as _};

use crate::support::{House, QUICK, generous, token_in};

#[tokio::test]
async fn pwd_01_any_characters_are_taken_and_work_at_sign_in() {
    let house = House::new().await;
    let passphrase = "w7 sdk93 jf0 q2ld x8 vbn1 2mp 6rt 0zx 4hy g5 kl9 ew3 uo8 ti1 abc";
    assert_eq!(passphrase.chars().count(), 64);
    let longest: String = "aB3$kzqw".repeat(16);
    let passwords = [
        passphrase,
        "🦀🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍",
        " a space in front of it",
        "и вот длинный пароль",
        "tab\tand\nnew line and \u{7}bell",
        &longest,
    ];
    for (number, password) in passwords.into_iter().enumerate() {
        let email = format!("member{number}@example.org");
        house.sign_up(&email, password).await.unwrap();
        house.verify(&house.mailed_token(&email).await).await.unwrap();
        assert!(house.sign_in(&email, password).await.is_ok(), "{password:?}");
    }
    for refused in ["fourteen chars", &format!("{longest}!")] {
        assert!(matches!(house.sign_up("short@example.org", refused).await, Err(FlowError::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn pwd_02_every_character_counts_and_only_nfc_is_applied() {
    let house = House::new().await;
    // 73 octets and more: what bcrypt would cut must matter.
    let password = format!("{}ü end ", "0123456789abcdefXYZ".repeat(4));
    assert!(password.len() > 73);
    house.sign_up("ann@example.org", &password).await.unwrap();
    house.verify(&house.mailed_token("ann@example.org").await).await.unwrap();
    let other_73rd = format!("{}!{}", &password[..72], &password[73..]);
    let wrong = [
        password.trim().to_owned(),
        format!(" {password}"),
        format!("{password} "),
        password.to_lowercase(),
        password.to_uppercase(),
        password[..72].to_owned(),
        other_73rd,
        format!("{password}\0"),
        format!("{password}\0tail"),
        password.replace('ü', "u"),
    ];
    for text in &wrong {
        assert!(matches!(house.sign_in("ann@example.org", text).await, Err(FlowError::Refused)), "{text:?}");
    }
    // Ten failures in a row cost a moment (D-11).
    house.clock.advance(std::time::Duration::from_secs(1));
    assert!(house.sign_in("ann@example.org", &password).await.is_ok());
    // The same letters as another keyboard writes them.
    assert!(house.sign_in("ann@example.org", &password.replace('ü', "u\u{308}")).await.is_ok());
}

#[tokio::test]
async fn pwd_04_hashes_are_argon2id_of_owasps_cost_and_weaker_ones_are_upgraded_at_sign_in() {
    let weak = Argon2Settings { memory_kib: 1024, passes: 1, ..QUICK };
    let mut house = House::with(generous(), weak, |_| {}).await;
    house.member("ann@example.org").await;
    let before = stored(&house).await;
    assert!(before.starts_with("$argon2id$v=19$m=1024,t=1,p=1"), "{before}");
    house.restart(Argon2Settings::default());
    assert!(house.sign_in("ann@example.org", "a wrong but long password").await.is_err());
    assert_eq!(stored(&house).await, before, "a wrong password upgrades nothing");
    house.sign_in("ann@example.org", crate::support::PASSWORD).await.unwrap();
    let after = stored(&house).await;
    assert!(after.starts_with("$argon2id$v=19$m=19456,t=2,p=1,"), "{after}");
    let parts: Vec<&str> = after.split('$').collect();
    assert_eq!((parts[4].len(), parts[5].len()), (22, 43), "16 octets of salt, 32 of hash");
    assert_eq!(house.events(AuditEvent::PasswordRehashed).await.len(), 1);
    house.sign_in("ann@example.org", crate::support::PASSWORD).await.unwrap();
    assert_eq!(stored(&house).await, after, "once is enough");
    // A new account is made with today's cost at once.
    house.member("bob@example.org").await;
    let of_bob = house.store.find_user_by_email("bob@example.org").await.unwrap().unwrap().password_hash.unwrap();
    assert!(of_bob.starts_with("$argon2id$v=19$m=19456,t=2,p=1,"), "{of_bob}");
}

/// What a guesser tries for everybody, for this site and for this person, in the usual disguises.
const GUESSED: [&str; 12] = [
    "passwordpassword",
    "P@ssw0rd-P@ssw0rd",
    "!!!Qwertyuiop123!!!",
    "iloveyou1234567890",
    "aaaaaaaaaaaaaaaaaaaa",
    "1q2w3e4r5t6y7u8i9o0p",
    "monkey.dragon.shadow",
    "doorward2026!!!!",
    "D00rw4rd-D00rw4rd",
    "annabel.lee@post.example",
    "4nn4b3l.L33.2026",
    "app.example.org app",
];

#[tokio::test]
async fn pwd_03_what_is_guessed_first_is_refused_wherever_a_password_is_chosen() {
    const ANNABEL: &str = "annabel.lee@post.example";
    let house = House::new().await;
    house.member(ANNABEL).await;
    let active = house.sign_in(ANNABEL, crate::support::PASSWORD).await.unwrap().active;
    let (context, link) = (crate::support::caller(1), house.recovery_token(ANNABEL).await);
    let before = house.store.find_user_by_email(ANNABEL).await.unwrap().unwrap().password_hash;
    for password in GUESSED {
        assert_told(house.sign_up(ANNABEL, password).await.map(|()| true), "password", password);
        let change = house.accounts.change_password(
            crate::support::visitor(&context),
            &active,
            crate::support::secret(crate::support::PASSWORD),
            crate::support::secret(password),
        );
        assert_told(change.await.map(|_| true), "new_password", password);
        assert_told(house.reset(&link, password).await.map(|()| true), "password", password);
    }
    assert_eq!(house.store.find_user_by_email(ANNABEL).await.unwrap().unwrap().password_hash, before);
    house.reset(&link, "a wholly different passphrase").await.expect("and the link is as good as it was");
}

/// The reason is told for the field, and holds nothing of the password.
#[track_caller]
fn assert_told(outcome: Result<bool, FlowError>, field: &str, password: &str) {
    let Err(FlowError::Invalid(faults)) = outcome else { panic!("{password:?} as {field} is {outcome:?}") };
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.field, field);
    assert!(fault.detail.starts_with("This password ") && !fault.detail.contains(password), "{password:?}: {}", fault.detail);
}

#[tokio::test]
async fn the_list_of_the_operator_is_in_force_and_good_passphrases_pass_both() {
    let list = Arc::new(Blocklist::parse(b"quarterdeck\nnorthwind\n").unwrap());
    let house = House::with(generous(), QUICK, |rules| rules.blocklist = Arc::clone(&list)).await;
    for refused in ["Quarterdeck-Northwind!", "qu4rterd3ck2026!"] {
        assert_told(house.sign_up("bob@example.org", refused).await.map(|()| true), "password", refused);
    }
    for (number, taken) in
        ["copper lantern meadow violin", "TangledWalnutBicycleComet", "vier unruhige Ziegel tanzen"].into_iter().enumerate()
    {
        house.sign_up(&format!("member{number}@example.org"), taken).await.expect(taken);
    }
}

async fn stored(house: &House) -> String {
    house.store.find_user_by_email("ann@example.org").await.unwrap().unwrap().password_hash.unwrap()
}

#[tokio::test]
async fn no_password_is_on_the_disk_in_clear() {
    let house = House::new().await;
    let canary = "canary-7f3a in a long sentence";
    house.sign_up("ann@example.org", canary).await.unwrap();
    let (_, _, body) = &house.take_mail().await[0];
    house.verify(&token_in(body)).await.unwrap();
    house.sign_in("ann@example.org", canary).await.unwrap();
    house.accounts.flush().await;
    let octets = house.octets_on_disk();
    assert!(!octets.windows(11).any(|window| window == b"canary-7f3a"));
}
