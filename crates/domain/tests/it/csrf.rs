//! Session-bound CSRF tokens, as values. What a request may do with them is decided at the door.

use std::collections::HashSet;

use doorward_domain::{CsrfBinding, CsrfKey};
use doorward_kit::{SubKey, TokenDigest};
use proptest::prelude::*;

use crate::support::SeededEntropy;

fn key() -> CsrfKey {
    CsrfKey::new(SubKey::new([7; 32]))
}

fn session(number: u8) -> CsrfBinding {
    CsrfBinding::Session(TokenDigest([number; 32]))
}

#[test]
fn a_token_is_good_for_its_own_session_only() {
    let (key, entropy) = (key(), SeededEntropy::new(1));
    let token = key.issue(session(1), &entropy);
    assert!(key.verify(session(1), &token));
    assert!(!key.verify(session(2), &token));
    assert!(!key.verify(CsrfBinding::PreSession, &token));
    let before = key.issue(CsrfBinding::PreSession, &entropy);
    assert!(key.verify(CsrfBinding::PreSession, &before));
    assert!(!key.verify(session(0), &before), "signing in makes a new token needful");
}

#[test]
fn a_token_of_another_key_is_refused() {
    let token = CsrfKey::new(SubKey::new([8; 32])).issue(session(1), &SeededEntropy::new(1));
    assert!(!key().verify(session(1), &token));
}

#[test]
fn every_token_is_another_though_the_session_is_one() {
    let (key, entropy) = (key(), SeededEntropy::new(2));
    let tokens: HashSet<_> = (0..1000).map(|_| key.issue(session(1), &entropy)).collect();
    assert_eq!(tokens.len(), 1000);
    assert!(tokens.iter().all(|token| token.len() == 66 && key.verify(session(1), token)));
}

#[test]
fn what_a_client_makes_up_is_refused_whatever_its_shape() {
    let token = key().issue(session(1), &SeededEntropy::new(3));
    let dotted = format!("{}.{}", "A".repeat(22), "A".repeat(43));
    let (salt, mac) = token.split_once('.').unwrap();
    let made_up = [
        String::new(),
        " ".to_owned(),
        ".".to_owned(),
        "x".to_owned(),
        dotted,
        "A".repeat(66),
        "é".repeat(33),
        "x".repeat(1 << 20),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}="),
        format!("{token}{token}"),
        salt.to_owned(),
        format!("{mac}.{salt}"),
        format!("{salt}..{}", &mac[1..]),
        token.to_uppercase(),
        token.replace('.', "-"),
    ];
    for text in made_up {
        assert!(!key().verify(session(1), &text), "{:?}", &text[..text.len().min(80)]);
    }
}

#[test]
fn one_changed_character_anywhere_is_refused() {
    let token = key().issue(session(1), &SeededEntropy::new(4));
    for at in 0..token.len() {
        let replacement = if &token[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
        assert!(!key().verify(session(1), &changed), "position {at}");
    }
}

proptest! {
    #[test]
    fn no_text_is_taken_for_a_token(text in ".{0,100}|[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}") {
        prop_assert!(!key().verify(session(1), &text));
    }
}
