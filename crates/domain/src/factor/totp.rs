//! One-time codes by time (RFC 6238), as every authenticator app has them: HMAC-SHA-1, six digits, steps of half a minute.

use doorward_kit::{Entropy, Timestamp, constant_time_eq};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

/// As RFC 4226 §4 recommends.
pub(super) const SECRET_BYTES: usize = 20;
/// Digits of a code.
const DIGITS: u8 = 6;
/// Length of a step (RFC 6238 §5.2).
const STEP_SECONDS: u64 = 30;
/// Steps by which the other clock may be off, either way (RFC 6238 §5.2).
const TOLERANCE: u64 = 1;
/// Longest text that is looked at, in octets: six digits with whatever somebody puts between them.
const TEXT_MAX: usize = 16;

/// A new shared key.
pub(super) fn draw(entropy: &dyn Entropy) -> Zeroizing<[u8; SECRET_BYTES]> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    entropy.fill(secret.as_mut_slice());
    secret
}

/// The digits of a text that may be a code; `None` for every other text.
pub(super) fn digits(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let code: String = text.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let is_code = code.len() == usize::from(DIGITS) && code.bytes().all(|digit| digit.is_ascii_digit());
    is_code.then(|| Zeroizing::new(code))
}

/// The step whose code this is, the newest if it is that of several; `None` when it is none of those round `at`. Takes the same time for
/// every code.
pub(super) fn step_of(secret: &[u8], code: &str, at: Timestamp) -> Option<u64> {
    let generator = generator(secret)?;
    let here = u64::try_from(at.as_second()).ok()? / STEP_SECONDS;
    let mut found = None;
    for step in here.saturating_sub(TOLERANCE)..=here.saturating_add(TOLERANCE) {
        let right = Zeroizing::new(generator.generate(step.saturating_mul(STEP_SECONDS)).to_string());
        if constant_time_eq(right.as_bytes(), code.as_bytes()) {
            found = Some(step);
        }
    }
    found
}

fn generator(secret: &[u8]) -> Option<Totp> {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_step_duration(STEP_SECONDS);
    builder.with_secret(Secret::from(secret.to_vec())).build().ok()
}

/// The shared key in base32 (RFC 4648 §6), for typing.
pub(super) fn base32(secret: &[u8; SECRET_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(Secret::new_stack(*secret).to_base32())
}

/// The address that apps read from a QR code, with what they show: the site and whose account it is.
pub(super) fn uri(secret: &str, site: &str, account: &str) -> Zeroizing<String> {
    let (site, account) = (encoded(site), encoded(account));
    Zeroizing::new(format!(
        "otpauth://totp/{site}:{account}?secret={secret}&issuer={site}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    ))
}

/// Percent-encodes everything but RFC 3986's unreserved characters: a colon or an ampersand in a name is part of the name.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(octet)),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use doorward_kit::Timestamp;
    use proptest::prelude::*;

    use super::{base32, digits, encoded, step_of, uri};

    const SECRET: &[u8; 20] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        // Appendix B, SHA-1; of its eight digits an app shows the last six.
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = u64::try_from(second).expect("positive") / 30;
            assert_eq!(step_of(SECRET, &code[2..], at(second)), Some(step), "{second}");
        }
    }

    #[test]
    fn a_code_holds_for_its_step_and_the_ones_beside_it() {
        let step = 1_111_111_111 / 30;
        for (away, is_known) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let found = step_of(SECRET, "050471", at((step + away) * 30));
            assert_eq!(found, is_known.then_some(step.unsigned_abs()), "{away} steps away");
        }
    }

    #[test]
    fn six_digits_are_a_code_however_they_are_grouped_and_nothing_else_is() {
        for text in ["123456", "123 456", "123-456", " 123456 "] {
            assert_eq!(digits(text).expect("a code").as_str(), "123456");
        }
        for text in ["", "12345", "1234567", "+12345", "12345a", "１２３４５６", "123.456", "٣٤٥٦٧٨", "1 2 3 4 5 6      "]
        {
            assert!(digits(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_address_for_apps_says_what_it_says_whatever_the_names_are() {
        let text = uri(&base32(SECRET), "A&B: Ünion", "ann+x@example.org");
        assert_eq!(
            text.as_str(),
            "otpauth://totp/A%26B%3A%20%C3%9Cnion:ann%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=A%26B%3A%20%C3%9Cnion&algorithm=SHA1&digits=6&period=30"
        );
    }

    proptest! {
        #[test]
        fn no_text_and_no_instant_panics(text in ".{0,40}", second in any::<i32>(), secret in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = digits(&text);
            let _ = step_of(&secret, &text, at(i64::from(second)));
            prop_assert!(encoded(&text).bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~%".contains(&octet)));
        }
    }
}
