//! Names of counters: fixed in size, one for each scope and subject, nothing a stranger can steer (APP-RL-14).

use doorward_kit::SubKey;

/// The key of a counter: the first 16 octets of HMAC-SHA-256 over the scope and the parts of its subject.
///
/// Every part goes in behind its length, so that no choice of text moves a character from one part to the next.
///
/// ```
/// use doorward_domain::throttle::counter_key;
/// let key = doorward_kit::SubKey::new([7; 32]);
/// assert_ne!(counter_key(&key, "auth_login", &["ab", "c"]), counter_key(&key, "auth_login", &["a", "bc"]));
/// ```
#[must_use]
pub fn counter_key(key: &SubKey, scope: &str, parts: &[&str]) -> [u8; 16] {
    let mut message = b"counter\0".to_vec();
    for part in std::iter::once(&scope).chain(parts) {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    let mac = key.mac(&message);
    let mut out = [0; 16];
    out.copy_from_slice(&mac[..16]);
    out
}
