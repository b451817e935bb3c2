//! Why a flow ended without success: HTTP-free, and told outside by class only.

use std::time::Duration;

use crate::store::StoreError;

/// Why a flow ended without success. The outside sees the class, the log and the audit row the reason.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Credentials, token or address refused; one answer for every cause (ENUM-01, RESET-01).
    #[error("refused")]
    Refused,
    /// Too many attempts.
    #[error("throttled")]
    Throttled {
        /// Seconds until the next permit, at least one.
        retry_after: Duration,
    },
    /// The input breaks a rule that holds for everyone (ENUM-04).
    #[error("invalid input")]
    Invalid(Vec<FieldFault>),
    /// The token is good, but several people asked for the address: the password of this sign-up is needed too (ENUM-14).
    #[error("password needed")]
    PasswordNeeded,
    /// The proof of who it is lies too far back: prove it again, then ask again (ASVS 7.5.3).
    #[error("step-up needed")]
    StepUpNeeded,
    /// It would leave the account without a way in (OAUTH-12), or an operator without a second factor.
    #[error("last of its kind")]
    LastOfItsKind,
    /// What is asked for is not set up here (OAUTH-20).
    #[error("not configured")]
    NotConfigured,
    /// There is no such thing of the caller's (another's looks the same, SES-14).
    #[error("not there")]
    NotThere,
    /// Somebody else changed it meanwhile (PROF-05).
    #[error("changed meanwhile")]
    Changed,
    /// The hashing queue is full past its deadline.
    #[error("busy")]
    Busy,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A fault of one field, in words for the person who typed it. Never repeats the value (ERR-06).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldFault {
    /// JSON name of the field.
    pub field: &'static str,
    /// What is wrong.
    pub detail: String,
}
