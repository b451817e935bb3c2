//! Lines of a gate's users file.

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use doorward_kit::{Entropy, Secret};

/// Memory of a new hash: 19 MiB, with two passes and one lane (OWASP Password Storage).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// Why no line could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// RFC 7617 §2: no colon and no control in a user name.
    #[error("a user name is 1 to 64 characters without colon, space or control")]
    UserName,
    /// Nothing to hash, or more than anybody types.
    #[error("a password is 1 to 512 octets")]
    Password,
    /// The library refused.
    #[error("the password could not be hashed")]
    Hash,
}

/// Makes `user:$argon2id$…`, one line without its end.
///
/// # Errors
/// [`LineError`].
pub fn line(user: &str, password: &Secret<String>, entropy: &dyn Entropy) -> Result<String, LineError> {
    let name_ok =
        (1..=64).contains(&user.chars().count()) && !user.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
    if !name_ok {
        return Err(LineError::UserName);
    }
    if !(1..=512).contains(&password.expose().len()) {
        return Err(LineError::Password);
    }
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| LineError::Hash)?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = hasher.hash_password_with_salt(password.expose().as_bytes(), &salt).map_err(|_| LineError::Hash)?;
    Ok(format!("{user}:{hash}"))
}
