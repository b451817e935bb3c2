//! Recovery codes: what is left when a phone is lost (D-14). Ten of 120 bits each, more than the 112 of ASVS 6.5.2, so that a plain keyed
//! digest is all that has to be stored.

use doorward_kit::{Entropy, UserId};
use zeroize::Zeroizing;

use crate::service::{Accounts, Work};
use crate::store::StoreError;

/// How many an account has when they are new.
const COUNT: usize = 10;
/// Characters of a code; five bits each.
const CHARACTERS: usize = 24;
/// Characters of a group.
const GROUP: usize = 4;
/// Longest text that is looked at, in octets: a code with whatever somebody puts between its groups.
const TEXT_MAX: usize = 80;
/// No letter that looks like a digit, and no `U` (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Puts ten new ones in the place of all former ones; they are shown once.
pub(super) async fn renew(accounts: &Accounts, tx: &mut Work<'_>, user: UserId) -> Result<Vec<Zeroizing<String>>, StoreError> {
    let codes: Vec<Zeroizing<String>> = (0..COUNT).map(|_| draw(&*accounts.entropy)).collect();
    let digests: Vec<_> = codes.iter().map(|code| accounts.keys.recovery_digest(user, code)).collect();
    tx.factors().replace_recovery_codes(user, &digests).await?;
    Ok(codes.iter().map(|code| grouped(code)).collect())
}

/// Uses one up; `false` when it is none of the account's.
pub(super) async fn consume(accounts: &Accounts, tx: &mut Work<'_>, user: UserId, code: &str) -> Result<bool, StoreError> {
    for digest in accounts.keys.recovery_digests(user, code) {
        if tx.factors().consume_recovery_code(user, &digest).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn draw(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut octets = Zeroizing::new([0; CHARACTERS]);
    entropy.fill(octets.as_mut_slice());
    // 256 is a multiple of 32: every character is as likely as any other.
    Zeroizing::new(octets.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect())
}

fn grouped(code: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(CHARACTERS + CHARACTERS / GROUP));
    for (at, character) in code.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            out.push('-');
        }
        out.push(character);
    }
    out
}

/// The normal form of a text that may be a code: without separators, in capitals, and with the digit for each letter that looks like
/// one. `None` for every other text.
pub(super) fn normalised(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let mut code = Zeroizing::new(String::with_capacity(TEXT_MAX));
    for character in text.chars().filter(|character| !matches!(character, ' ' | '\t' | '-')) {
        let character = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if !ALPHABET.iter().any(|known| char::from(*known) == character) {
            return None;
        }
        code.push(character);
    }
    (code.len() == CHARACTERS).then_some(code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use doorward_kit::SystemEntropy;
    use proptest::prelude::*;

    use super::{ALPHABET, draw, grouped, normalised};

    #[test]
    fn a_code_is_known_however_it_is_written() {
        let code = "0123456789ABCDEFGHJKMNPQ";
        for text in [
            "0123-4567-89AB-CDEF-GHJK-MNPQ",
            "0123 4567 89ab cdef ghjk mnpq",
            "oi23-4567-89AB-CDEF-GHJK-MNPQ",
            "OL23456789ABCDEFGHJKMNPQ",
            " 0123-4567-89AB-CDEF-GHJK-MNPQ ",
        ] {
            assert_eq!(normalised(text).expect("a code").as_str(), code, "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in
            ["", "123456", "0123-4567-89AB-CDEF-GHJK-MNP", "0123-4567-89AB-CDEF-GHJK-MNPQR", "u123-4567-89AB-CDEF-GHJK-MNPQ"]
        {
            assert!(normalised(text).is_none(), "{text}");
        }
        assert!(normalised(&"-".repeat(10_000)).is_none());
    }

    #[test]
    fn every_character_is_drawn_and_no_code_twice() {
        let codes: HashSet<String> = (0..500).map(|_| draw(&SystemEntropy).to_string()).collect();
        assert_eq!(codes.len(), 500);
        let characters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(characters.len(), ALPHABET.len());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_is_known(_run in 0..50_u8) {
            let code = draw(&SystemEntropy);
            let shown = grouped(&code);
            prop_assert_eq!(shown.len(), 29);
            prop_assert_eq!(&normalised(&shown), &Some(code.clone()));
            prop_assert_eq!(normalised(&shown.to_lowercase()), Some(code));
        }

        #[test]
        fn no_text_panics(text in ".{0,100}") {
            if let Some(code) = normalised(&text) {
                prop_assert_eq!(code.len(), 24);
            }
        }
    }
}
