//! Looks for planted secrets in what the site wrote, in one pass over each file however many there are.

use std::collections::{BTreeSet, HashMap};
use std::io::{ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorward_kit::Secret;
use zeroize::Zeroizing;

/// Octets by which the table finds what may start at a place.
const HEAD: usize = 4;
/// Read at once.
const CHUNK: usize = 1 << 20;
/// What is shorter would be found by accident.
const SHORTEST: usize = 8;

/// A spelling, and the number of the secret that it is of.
type Coat = (usize, Zeroizing<Vec<u8>>);

/// Planted secrets in every spelling that is looked for, by their first octets.
pub(super) struct Needles {
    by_head: HashMap<[u8; HEAD], Vec<Coat>>,
    longest: usize,
}

impl Needles {
    pub(super) fn new(planted: &[Secret<String>]) -> Self {
        let mut needles = Self { by_head: HashMap::new(), longest: HEAD };
        for (number, secret) in planted.iter().enumerate().filter(|(_, secret)| secret.expose().len() >= SHORTEST) {
            for coat in coats(secret.expose()) {
                needles.add(number, coat);
            }
        }
        needles
    }

    fn add(&mut self, number: usize, coat: Vec<u8>) {
        let Some(head) = coat.first_chunk::<HEAD>().copied() else { return };
        self.longest = self.longest.max(coat.len());
        self.by_head.entry(head).or_default().push((number, Zeroizing::new(coat)));
    }

    /// How many of the planted secrets are in there, in any spelling.
    pub(super) fn count_in(&self, mut sink: impl Read) -> std::io::Result<usize> {
        let mut found = BTreeSet::new();
        let mut window = Vec::with_capacity(CHUNK + self.longest);
        loop {
            // What may be the start of one that the last piece cut in two is kept.
            let kept = window.len().min(self.longest - 1);
            window.drain(..window.len() - kept);
            let read = (&mut sink).take(CHUNK as u64).read_to_end(&mut window);
            match read {
                Ok(0) => return Ok(found.len()),
                Ok(_) => self.look(&window, &mut found),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn look(&self, window: &[u8], found: &mut BTreeSet<usize>) {
        for (at, head) in window.windows(HEAD).enumerate() {
            let Some(head) = head.first_chunk::<HEAD>() else { continue };
            for (number, coat) in self.by_head.get(head).into_iter().flatten() {
                if window[at..].starts_with(coat) {
                    found.insert(*number);
                }
            }
        }
    }
}

/// As it is, as a form or a URL has it, as hexadecimal digits, and in base64 at each of the three places of a group.
fn coats(secret: &str) -> Vec<Vec<u8>> {
    let percent = |space: &str| -> String {
        let octet = |byte: u8| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        secret.bytes().map(octet).collect()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut coats = vec![secret.to_owned(), percent("%20"), percent("+"), hex.to_ascii_uppercase(), hex];
    for shift in 0..3 {
        coats.push(within(secret, shift, |octets| STANDARD_NO_PAD.encode(octets)));
        coats.push(within(secret, shift, |octets| URL_SAFE_NO_PAD.encode(octets)));
    }
    coats.sort();
    coats.dedup();
    coats.into_iter().map(String::into_bytes).collect()
}

/// The part of an encoding that does not depend on what stands before or after the secret.
fn within(secret: &str, shift: usize, encode: impl Fn(&[u8]) -> String) -> String {
    let padded = [&[0; 3][..shift], secret.as_bytes()].concat();
    let text = encode(&padded);
    let front = if shift == 0 { 0 } else { shift + 1 };
    let back = usize::from(padded.len() % 3 != 0);
    text[front..text.len() - back].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &[u8]) -> usize {
        let planted = ["a b0c1d2e3+f4", "0f1e2d3c4b5a6978"].map(|text| Secret::new(text.to_owned()));
        Needles::new(&planted).count_in(text).expect("readable")
    }

    #[test]
    fn what_was_not_written_is_not_found() {
        assert_eq!(count(b"nothing of the sort 0f1e2d3c4b5a697 here"), 0);
    }

    #[test]
    fn each_is_counted_once_in_whatever_coat_it_comes() {
        assert_eq!(count(b"x a b0c1d2e3+f4 and a%20b0c1d2e3%2Bf4 and a+b0c1d2e3%2Bf4"), 1);
        assert_eq!(count(b"a b0c1d2e3+f4 0f1e2d3c4b5a6978"), 2);
        for before in ["", "u", "us", "use"] {
            assert_eq!(count(STANDARD_NO_PAD.encode(format!("{before}:0f1e2d3c4b5a6978:after")).as_bytes()), 1, "{before}");
        }
        assert_eq!(count(b"30663165326433633462356136393738"), 1);
    }

    #[test]
    fn one_that_lies_across_two_pieces_is_found() {
        let mut text = vec![b'.'; CHUNK - 5];
        text.extend_from_slice(b"0f1e2d3c4b5a6978");
        assert_eq!(count(&text), 1);
    }
}
