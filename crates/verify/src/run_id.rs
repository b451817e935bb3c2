//! Names of runs: ULIDs, 48 bits of time and 80 of chance, so that they sort by start and never collide.

use doorward_kit::{Entropy, Timestamp};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Draws the id of a run that starts `at`: 26 characters of Crockford's base 32.
pub(crate) fn draw(at: Timestamp, entropy: &dyn Entropy) -> String {
    let mut chance = [0; 16];
    entropy.fill(&mut chance[6..]);
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    chance[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    let mut number = u128::from_be_bytes(chance);
    let mut text = [0; 26];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(number & 31) as usize];
        number >>= 5;
    }
    text.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_with_the_time_and_have_the_length_of_a_ulid() {
        let early = draw(Timestamp::UNIX_EPOCH, &doorward_kit::SystemEntropy);
        let late = draw("2026-01-01T00:00:00Z".parse().expect("an instant"), &doorward_kit::SystemEntropy);
        assert_eq!(early.len(), 26);
        assert!(early.starts_with("0000000000"));
        assert!(late.starts_with("01KD"), "{late}");
        assert!(early < late);
    }
}
