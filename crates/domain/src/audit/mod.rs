//! The audit trail: who did what, from where, with what outcome.

use doorward_kit::{ClientAddr, PeerAddr, RequestId, SessionId, Timestamp, UserId};

/// Names of events (requirements, table (c)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditEvent {
    /// `auth.login`
    SignIn,
    /// `auth.login_failed`
    SignInFailed,
    /// `auth.signup`
    SignUp,
    /// `auth.logout`
    SignOut,
    /// `session.created`
    SessionCreated,
    /// `session.revoked`
    SessionRevoked,
    /// `session.cookie_duplicate`
    SessionCookieDuplicate,
    /// `email.verify_issued`
    VerifyIssued,
    /// `email.verified`
    Verified,
    /// `email.verify_failed`
    VerifyFailed,
    /// `csrf.rejected`
    CsrfRejected,
    /// `ratelimit.exceeded`
    RateLimited,
    /// `gate.allowed`
    GateAllowed,
    /// `gate.denied`
    GateDenied,
    /// `proxy.rejected`
    ProxyRejected,
    /// `sys.start`
    Started,
    /// `sys.stop`
    Stopped,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Success,
    /// Tried and wrong.
    Failure,
    /// Stopped by a rule.
    Denied,
    /// Stopped by a fault of ours.
    Error,
}

/// One entry. Every text that a stranger chose is capped and escaped when it is written (AUD-03, AUD-04).
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, if known.
    pub actor: Option<UserId>,
    /// Keyed hash of the identifier tried, hexadecimal (AUD-12).
    pub subject_hash: Option<String>,
    /// Derived caller.
    pub client: Option<ClientAddr>,
    /// Socket.
    pub peer: Option<PeerAddr>,
    /// Joins the access log.
    pub request_id: Option<RequestId>,
    /// As sent, capped.
    pub user_agent: Option<String>,
    /// Canonical host.
    pub host: Option<String>,
    /// Method.
    pub method: Option<String>,
    /// Route template.
    pub route: Option<String>,
    /// Reference to the session.
    pub session: Option<SessionId>,
    /// A word from a closed set; never shown outside.
    pub reason: Option<&'static str>,
}
