//! Secrets, tokens and keys: never printed, told apart by purpose.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use doorward_kit::timing::Protocol;
use doorward_kit::{
    Entropy, KeyPurpose, MasterKey, Secret, SubKey, SystemEntropy, Token, TokenDigest, constant_time_eq, sha256_hex,
};
use proptest::prelude::*;

/// Entropy that is known beforehand.
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

const MATERIAL: &[u8] = b"canary-canary-canary-canary-canary";
fn master() -> MasterKey {
    MasterKey::new(MATERIAL).expect("long enough")
}

#[test]
fn debugging_a_secret_shows_a_fixed_word() {
    let token = Token::random(&Fixed(7));
    let key = SubKey::new([7; 32]);
    let shown = format!("{:?} {:?} {:?} {:?} {:?}", Secret::new("canary".to_owned()), token, token.digest(&key), key, master());
    assert_eq!(shown, "Secret(..) Token(..) TokenDigest(..) SubKey(..) MasterKey(..)");
}

#[test]
fn a_token_is_read_exactly_as_it_is_written() {
    let token = Token::random(&SystemEntropy);
    let text = token.reveal();
    assert_eq!((text.len(), Token::parse(&text).expect("its own text").reveal()), (43, text.clone()));
    let last = text.chars().last().expect("43 of them");
    for bad in [
        format!("{text}="),
        format!(" {text}"),
        format!("{text} "),
        text[..42].to_owned(),
        format!("{text}A"),
        text.replacen(&text[..1], "+", 1),
        text.replacen(&text[..1], "/", 1),
        text.replacen(&text[..1], "é", 1),
        String::new(),
        "A".repeat(44),
        format!("{}\n", &text[..42]),
    ] {
        assert!(Token::parse(&bad).is_none(), "{} octets", bad.len());
    }
    // 43 characters carry two bits too many: only one spelling of the last character is the token.
    let spellings = ('A'..='z').filter(|c| Token::parse(&format!("{}{c}", &text[..42])).is_some()).count();
    assert!(spellings <= 16 && "AEIMQUYcgkosw048".contains(last));
}

#[test]
fn digests_are_keyed_and_kept() {
    let token = Token::random(&SystemEntropy);
    let (one, two) = (master().derive(KeyPurpose::SessionToken), master().derive(KeyPurpose::OneTimeToken));
    assert_eq!(token.digest(&one), token.digest(&one));
    assert_ne!(token.digest(&one), token.digest(&two));
    let digest = token.digest(&one);
    assert_eq!(TokenDigest::from_slice(&digest.0), Some(digest));
    assert_eq!(TokenDigest::from_slice(&digest.0[..31]), None);
}

#[test]
fn every_purpose_has_a_key_of_its_own_and_keeps_it() {
    let keys: HashSet<[u8; 32]> = KeyPurpose::ALL.iter().map(|purpose| *master().derive(*purpose).expose_bytes()).collect();
    assert_eq!(keys.len(), KeyPurpose::ALL.len());
    let again = master().derive(KeyPurpose::Csrf);
    assert_eq!(again.expose_bytes(), master().derive(KeyPurpose::Csrf).expose_bytes());
    let other = MasterKey::new(b"another-another-another-another-x").expect("long enough");
    assert_ne!(again.expose_bytes(), other.derive(KeyPurpose::Csrf).expose_bytes());
    // Released once, never to change: a new value here would sign every user out.
    assert_eq!(&sha256_hex(again.expose_bytes())[..16], "3e05b87eea749216");
}

#[test]
fn a_short_master_key_is_none() {
    assert!(MasterKey::new(&[1; 31]).is_none() && MasterKey::new(&[]).is_none());
    assert!(MasterKey::new(&[1; 32]).is_some());
}

#[test]
fn hmac_and_sha_256_are_the_ones_of_the_standards() {
    // The second value comes from another implementation.
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let tag = SubKey::new([0; 32]).mac(b"what do ya want for nothing?");
    let hex: String = tag.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "76d9e7194e7dbc3aa00bbe8ffb9f6fcb5a932170f971f948bb2ab61607d2b9d6");
}

#[test]
fn comparison_is_of_the_whole() {
    assert!(constant_time_eq(b"", b"") && constant_time_eq(b"abc", b"abc"));
    assert!(!constant_time_eq(b"abc", b"abd") && !constant_time_eq(b"abc", b"ab") && !constant_time_eq(b"", b"a"));
}

/// Whether a type can be compared by `==`: a second impl of `Ask` makes the call ambiguous, and the test does not compile.
macro_rules! assert_cannot_be_compared {
    ($($type:ty),*) => {$({
        trait Ask<Which> {
            fn ask() {}
        }
        struct Comparable;
        impl<T: ?Sized> Ask<()> for T {}
        impl<T: ?Sized + PartialEq> Ask<Comparable> for T {}
        <$type as Ask<_>>::ask();
    })*};
}

#[test]
fn pwd_09_what_is_secret_has_no_comparison_by_operator() {
    assert_cannot_be_compared!(Secret<String>, Secret<Vec<u8>>, Token, SubKey, MasterKey);
    // What is derived from a token may be: in constant time, and as a key of a map like any other value.
    let digest = |octet| TokenDigest([octet; 32]);
    assert!(digest(1) == digest(1) && digest(1) != digest(2));
    assert_eq!(HashSet::from([digest(1), digest(2), digest(1)]).len(), 2);
}

/// Comparisons for one measurement: enough that the clock's grain is nothing.
const BATCH: u32 = 200;

/// How long a batch takes of comparing two texts of a thousand octets that differ in the first one, and in the last one.
fn first_and_last(compare: fn(&[u8], &[u8]) -> bool) -> (impl FnMut() -> Duration, impl FnMut() -> Duration) {
    let measure = move |at: usize| {
        let secret = vec![7; 1_000];
        let mut guess = secret.clone();
        guess[at] = 8;
        move || {
            let begun = Instant::now();
            for _ in 0..BATCH {
                assert!(!compare(black_box(&secret), black_box(&guess)));
            }
            begun.elapsed()
        }
    };
    (measure(0), measure(999))
}

/// Gaps are fractions of a millisecond here, so only their ratio to the whole counts.
const FINE: Protocol = Protocol { gap: Duration::ZERO, gap_ratio: 0.05, auc_margin: 0.25, warm_up: 10, pairs: 60, runs: 6 };

#[test]
fn pwd_09_where_two_texts_differ_takes_no_time_and_the_measurement_would_see_it() {
    let (first, last) = first_and_last(constant_time_eq);
    if let Err(seen) = FINE.judge(first, last) {
        panic!("told apart in every run: {seen:?}");
    }
    // The same measurement of a comparison that stops at the first difference.
    let (first, last) = first_and_last(|left, right| left.iter().zip(right).all(|(l, r)| l == r));
    assert!(FINE.judge(first, last).is_err(), "a short cut goes unseen");
}

#[test]
fn the_system_gives_different_octets_each_time() {
    let drawn: HashSet<[u8; 16]> = (0..256).map(|_| SystemEntropy.bytes()).collect();
    assert_eq!(drawn.len(), 256);
}

proptest! {
    #[test]
    fn no_text_is_a_crash_and_only_its_own_text_is_a_token(text in "[A-Za-z0-9_-]{43}|\\PC{0,60}") {
        if let Some(token) = Token::parse(&text) {
            prop_assert_eq!(token.reveal(), text);
        }
    }
}
