//! What a pass is.

use doorward_kit::{SessionId, Timestamp, Token, TokenDigest};

/// An operator session that was handed over to one gate. It lives as long as the session, and not a moment longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePass {
    /// Keyed hash of the value of the gate's cookie.
    pub digest: TokenDigest,
    /// The name of the one gate that it is good for.
    pub gate: String,
    /// Which session was handed over.
    pub session_id: SessionId,
    /// When.
    pub created_at: Timestamp,
}

/// What a gate's host binds to a browser before it sends it to the site.
pub struct GateRequest {
    /// The value of the cookie on the gate's host.
    pub token: Token,
    /// What the site is told of it: 64 hexadecimal digits, good for nothing without the cookie.
    pub name: String,
}
