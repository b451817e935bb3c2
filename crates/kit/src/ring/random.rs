//! What cannot be random. Nothing here says that a text is random; it only knows a few ways to be sure that it is not.

/// Fewer different octets than this are no key: 32 random hexadecimal digits hold fewer than ten kinds once in a thousand million times.
const LEAST_VARIETY: usize = 8;

/// Whether octets are a repetition (`abcabcabc…`), a run (`0123456789…`), or of too few kinds.
///
/// ```
/// use doorward_kit::ring::is_pattern;
/// assert!(is_pattern(b"0123456789abcdef0123456789abcdef"));
/// assert!(is_pattern(b"abcdefghijklmnopqrstuvwxyz012345"));
/// assert!(!is_pattern(b"q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtY"));
/// ```
#[must_use]
pub fn is_pattern(octets: &[u8]) -> bool {
    let mut seen = [false; 256];
    octets.iter().for_each(|octet| seen[usize::from(*octet)] = true);
    let kinds = seen.iter().filter(|seen| **seen).count();
    kinds < LEAST_VARIETY || repeats(octets) || runs(octets)
}

/// Whether the text is one piece over and over, at least twice.
fn repeats(octets: &[u8]) -> bool {
    (1..=octets.len() / 2).any(|period| octets.iter().zip(&octets[period..]).all(|(one, next)| one == next))
}

/// Whether three quarters of the neighbours are the same step apart.
fn runs(octets: &[u8]) -> bool {
    let mut steps = [0_usize; 256];
    octets.windows(2).for_each(|pair| steps[usize::from(pair[1].wrapping_sub(pair[0]))] += 1);
    let most = steps.iter().max().copied().unwrap_or(0);
    most * 4 >= octets.len().saturating_sub(1) * 3
}
