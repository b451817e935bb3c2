//! What a known device is.

use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

/// A browser that somebody signed in with once. It is no credential: it only lifts the throttle of its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Names it.
    pub id: DeviceId,
    /// Whose.
    pub user_id: UserId,
    /// Keyed hash of the cookie value.
    pub digest: TokenDigest,
    /// What it said it is, in words of ours ([`crate::notice::browser`]), for its owner to recognise it by; may be empty.
    pub browser: String,
    /// The first sign-in.
    pub created_at: Timestamp,
    /// Forgotten from this instant on.
    pub expires_at: Timestamp,
}
