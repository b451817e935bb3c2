//! The app on a person's phone: time-based codes (RFC 6238) from what a QR code says.

use std::time::Duration;

use aws_lc_rs::hmac;
use doorward_kit::{Clock as _, SystemClock};

/// How long a code is the code of its time (RFC 6238, section 4.1).
const STEP_SECONDS: u64 = 30;

/// One entry of the app.
pub struct Totp {
    key: hmac::Key,
    /// The step whose code was shown last; each is shown once, since each is good once.
    shown: u64,
}

impl Totp {
    /// The entry that an `otpauth://` URI makes.
    ///
    /// # Panics
    /// When it is not a time-based one by SHA-1 with six digits every 30 seconds, which is all that common apps can do.
    #[track_caller]
    #[must_use]
    pub fn scan(uri: &str) -> Self {
        assert!(uri.starts_with("otpauth://totp/"), "{uri}");
        let parameter = |name: &str| crate::real::parameter(uri, name);
        for (name, expected) in [("algorithm", "SHA1"), ("digits", "6"), ("period", "30")] {
            assert!(parameter(name).is_none_or(|value| value == expected), "{name} in {uri}");
        }
        Self::of(&parameter("secret").unwrap_or_else(|| panic!("no secret in {uri}")))
    }

    /// The entry of a secret in base32.
    #[track_caller]
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret)), shown: 0 }
    }

    /// A code that has not been shown before and is good for at least ten seconds. A server that takes the codes of the step before and
    /// of the step after gives three of them at once; whoever wants a fourth waits as people do.
    #[must_use]
    pub fn next_code(&mut self) -> String {
        loop {
            let seconds = now();
            let (step, into) = (seconds / STEP_SECONDS, seconds % STEP_SECONDS);
            let oldest = if into < STEP_SECONDS - 10 { step - 1 } else { step };
            let next = oldest.max(self.shown + 1);
            if next <= step + 1 {
                self.shown = next;
                return self.code(next);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The code of an instant, in seconds since 1970, for houses whose clock is not the wall's.
    #[must_use]
    pub fn code_at(&self, seconds: u64) -> String {
        self.code(seconds / STEP_SECONDS)
    }

    /// A code that is not right now, nor was or will be in the steps around.
    #[must_use]
    pub fn wrong_code(&self) -> String {
        let step = now() / STEP_SECONDS;
        let right: Vec<String> = (step - 2..=step + 3).map(|step| self.code(step)).collect();
        (0..10).map(|digit: u8| digit.to_string().repeat(6)).find(|code| !right.contains(code)).expect("six codes of ten")
    }

    /// RFC 4226, section 5.3.
    fn code(&self, step: u64) -> String {
        let tag = hmac::sign(&self.key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 0x0f);
        let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", word % 1_000_000)
    }
}

/// Seconds since 1970, by the wall's clock, as on a phone.
fn now() -> u64 {
    SystemClock.now().as_second().unsigned_abs()
}

/// RFC 4648, section 6, without padding.
fn base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter.to_ascii_uppercase() {
            upper @ b'A'..=b'Z' => upper - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => panic!("no base32"),
        };
        (held, bits) = (held << 5 | u32::from(value), bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
        held &= (1 << bits) - 1;
    }
    bytes
}
