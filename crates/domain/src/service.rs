//! The accounts service: every flow starts here.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Clock, Entropy, MasterKey, RequestContext, Token};
use doorward_policy::LimitPolicy;

use crate::credential::{Password, PasswordHasher};
use crate::session::{ActiveSession, CsrfKey};
use crate::store::{Store, StoreError};
use crate::throttle::Counters;

/// Who knocks: what the audit entry says of a request, whatever comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// Made by the edge.
    pub context: &'a RequestContext,
    /// `User-Agent` as sent; capped and escaped when it is written.
    pub user_agent: Option<&'a str>,
    /// Host asked for, canonical.
    pub host: &'a str,
    /// Method.
    pub method: &'a str,
    /// Route template, such as `/api/auth/login`; never the raw path.
    pub route: &'static str,
}

/// Settings of the flows.
#[derive(Debug, Clone)]
pub struct AccountRules {
    /// Nobody new when false.
    pub sign_up_open: bool,
    /// D-13.
    pub session_idle: Duration,
    /// D-13.
    pub session_absolute: Duration,
    /// Most sessions of one account (SES-14).
    pub session_limit: u32,
    /// Life of a verification link.
    pub verification_life: Duration,
    /// Least code points (D-10).
    pub password_min: u32,
    /// Site origin, for links in mail; nothing of a request ever enters one (FORGOT-04).
    pub link_origin: String,
    /// What mails call the site.
    pub site_name: String,
    /// Quotas.
    pub limits: LimitPolicy,
    /// Name of this node in audit rows.
    pub node: String,
}

/// What [`Accounts`] is made of.
pub struct Parts {
    /// Rows.
    pub store: Arc<dyn Store>,
    /// Password hashing, bounded.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Rate-limit counters.
    pub counters: Arc<dyn Counters>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Root of all keys.
    pub master: MasterKey,
    /// Settings.
    pub rules: AccountRules,
}

/// Sign-up, verification, sign-in, sessions. Cheap to clone is not needed: share it in an `Arc`.
pub struct Accounts {
    _parts: Parts,
}

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

/// A fresh sign-in.
pub struct SignedIn {
    /// The cookie's value; shown once.
    pub token: Token,
    /// The session and its account.
    pub active: Arc<ActiveSession>,
}

impl Accounts {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { _parts: parts }
    }

    /// Accepts a sign-up, the same for every address (D-01, ENUM-02).
    ///
    /// # Errors
    /// [`FlowError::Invalid`] before any look-up, [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`];
    /// [`FlowError::Refused`] when sign-up is closed.
    pub async fn sign_up(
        &self,
        _visitor: Visitor<'_>,
        _email: &str,
        _password: Password,
        _name: Option<&str>,
    ) -> Result<(), FlowError> {
        todo!()
    }

    /// Consumes a verification token and makes the account (EMAIL-01, EMAIL-05).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause.
    pub async fn verify_email(&self, _visitor: Visitor<'_>, _token: &str) -> Result<(), FlowError> {
        todo!()
    }

    /// Sends the verification mail again, if there is anything to verify; the same for every address (EMAIL-04).
    ///
    /// # Errors
    /// [`FlowError::Throttled`] by address prefix only, [`FlowError::Store`].
    pub async fn resend_verification(&self, _visitor: Visitor<'_>, _email: &str) -> Result<(), FlowError> {
        todo!()
    }

    /// Signs in; ends the presented session, makes a new one (SES-07).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause (ENUM-01).
    pub async fn sign_in(
        &self,
        _visitor: Visitor<'_>,
        _identifier: &str,
        _password: Password,
        _presented: Option<&str>,
    ) -> Result<SignedIn, FlowError> {
        todo!()
    }

    /// Ends a session at once (SES-09).
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn sign_out(&self, _visitor: Visitor<'_>, _active: &ActiveSession) -> Result<(), FlowError> {
        todo!()
    }

    /// The live session behind a cookie value; slides the idle timeout. The cached path touches neither store nor lock for long.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell: the caller answers 503, never "anonymous" (SES-19).
    pub async fn lookup_session(&self, _cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        todo!()
    }

    /// Charges one attempt to a scope, by the caller's prefix.
    ///
    /// # Errors
    /// [`FlowError::Throttled`].
    pub async fn charge(&self, _visitor: Visitor<'_>, _scope: &'static str) -> Result<(), FlowError> {
        todo!()
    }

    /// Writes an audit entry that belongs to no other transaction, such as a refusal (AUD-10).
    pub async fn record(&self, _entry: crate::audit::AuditEntry) {
        todo!()
    }

    /// The key of session-bound CSRF tokens.
    #[must_use]
    pub fn csrf(&self) -> &CsrfKey {
        todo!()
    }

    /// Whether the store answers (health).
    pub async fn is_store_up(&self) -> bool {
        todo!()
    }

    /// Mails that are due for delivery, oldest first, at most `limit`; bodies unsealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_mail(&self, _limit: u32) -> Result<Vec<crate::outbox::OutboxMail>, StoreError> {
        todo!()
    }

    /// Notes a delivery: the body is wiped (EMAIL-09).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_sent(&self, _id: doorward_kit::id::MailId) -> Result<(), StoreError> {
        todo!()
    }

    /// Notes a failed delivery: it is due again after a back-off (EMAIL-10).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_failed(&self, _id: doorward_kit::id::MailId) -> Result<(), StoreError> {
        todo!()
    }

    /// Removes what has ended: sessions, sign-ups, sent mails. Called once a minute or so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Settings.
    #[must_use]
    pub fn rules(&self) -> &AccountRules {
        todo!()
    }
}
