//! Octets that no authenticator would send: refused, and nothing else. It is the parsers that are looked at, so one database does.

use doorward_domain::ActiveSession;
use doorward_domain::factor::{Enrolled, PasskeyPurpose};
use doorward_domain::service::FlowError;
use doorward_kit::{Entropy as _, SystemEntropy};
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, Says, b64, unb64};
use crate::second::{ANN, is_refused};
use crate::support::{House, caller, visitor};

#[tokio::test]
async fn no_octets_in_the_place_of_an_answer_do_more_than_be_refused() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let mut key = Authenticator::new();
    house.enrol_passkey(&active, &mut key).await;
    for round in 0..60_usize {
        let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
        let mut answer = key.sign(&options, &Says::default());
        disturb(&mut answer["response"], ["authenticatorData", "clientDataJSON", "signature"][round % 3]);
        assert!(is_refused(&house.passkey_alone(&challenge, answer).await), "round {round}");
    }
    for credential in [json!(null), json!([]), json!("x"), json!({"id": 1}), json!({"response": {}})] {
        let (challenge, _) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
        assert!(is_refused(&house.passkey_alone(&challenge, credential).await));
    }
}

/// Cuts, lengthens or changes a part, by lot.
fn disturb(response: &mut Value, part: &str) {
    let mut octets = unb64(&response[part]);
    let [how, at, with, length] = SystemEntropy.bytes::<4>().map(usize::from);
    let at = at % octets.len();
    match how % 4 {
        0 => octets.truncate(at),
        1 => octets.extend(std::iter::repeat_n(u8::try_from(with).unwrap(), length + 1)),
        2 => octets[at] ^= u8::try_from(with % 255 + 1).unwrap(),
        _ => octets = (0..=length).map(|_| SystemEntropy.bytes::<1>()[0]).collect(),
    }
    response[part] = json!(b64(&octets));
}

#[tokio::test]
async fn no_octets_in_the_place_of_a_new_passkey_do_more_than_be_refused_or_make_one_that_proves_nothing() {
    let house = House::new().await;
    let mut active = house.newcomer(ANN).await;
    for round in 0..20 {
        assert!(is_refused(&enrol(&house, &active, |made| cut(made, round)).await), "round {round}");
    }
    for round in 0..60 {
        let part = ["attestationObject", "clientDataJSON"][round % 2];
        // Some octets of an attestation mean nothing to anybody, and nobody vouches for the others: a key may come of them.
        match enrol(&house, &active, |made| disturb(made, part)).await {
            Err(FlowError::Refused) => {}
            Err(error) => panic!("round {round}: {error}"),
            Ok(enrolled) => {
                let (context, renewed) = (caller(1), enrolled.signed_in.active);
                active = house.accounts.remove_factor(visitor(&context), &renewed, enrolled.id).await.unwrap().active;
            }
        }
    }
}

async fn enrol(house: &House, active: &ActiveSession, change: impl Fn(&mut Value)) -> Result<Enrolled, FlowError> {
    let context = caller(1);
    let offer = house.accounts.begin_passkey(visitor(&context), active).await.unwrap();
    let mut made = Authenticator::new().make(&offer.options, &Says::default());
    change(&mut made["response"]);
    house.accounts.confirm_passkey(visitor(&context), active, &offer.token.reveal(), "Key", made).await
}

/// Arrays in arrays in arrays, texts that end early, and lengths that lie (RFC 8949).
fn cut(response: &mut Value, round: usize) {
    let octets: Vec<u8> = match round % 4 {
        0 => vec![0x81; 5_000],
        1 => [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x5b"[..], &[0xff; 8]].concat(),
        2 => b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        _ => (0..round * 7).map(|at| u8::try_from(at * 37 % 256).unwrap()).collect(),
    };
    response["attestationObject"] = json!(b64(&octets));
}
