//! The accounts service: every flow starts here.
//!
//! A façade: what a flow does is told beside its aggregate.

mod error;
mod rules;
mod shared;
mod visitor;

use std::sync::Arc;

use doorward_kit::id::MailId;
use doorward_kit::{Clock, Entropy, MasterKey, Token, UserId};
use tokio::sync::Notify;

use crate::account::{EmailAddress, User, operate, sign_up};
use crate::audit::{AuditEntry, AuditRecord, Job, Writer};
use crate::credential::{Password, PasswordHasher};
use crate::instant::HighWater;
use crate::keys::Keys;
use crate::outbox::{self, OutboxMail};
use crate::session::cache::SessionCache;
use crate::session::{ActiveSession, CsrfKey, lookup, sign_in, sign_out};
use crate::store::{Page, PageLimit, Store, StoreError};
use crate::throttle::{Charger, Counters, Subject};
use crate::verification;

pub use error::{FieldFault, FlowError};
pub use rules::AccountRules;
pub use visitor::Visitor;

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

/// Sign-up, verification, sign-in, sessions: a façade, the flows live with their aggregates. Share it in an `Arc`.
pub struct Accounts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) high_water: HighWater,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) keys: Keys,
    pub(crate) charger: Charger,
    pub(crate) sessions: SessionCache,
    pub(crate) writer: Writer,
    pub(crate) mail_queued: Notify,
    pub(crate) rules: AccountRules,
}

/// A fresh sign-in.
pub struct SignedIn {
    /// The cookie's value; shown once.
    pub token: Token,
    /// The session and its account.
    pub active: Arc<ActiveSession>,
}

impl Accounts {
    /// Puts the service together. Its writer task starts with the first entry that is queued, on the runtime of that caller.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, hasher, counters, clock, entropy, master, rules } = parts;
        Self {
            writer: Writer::new(Arc::clone(&store), Arc::clone(&clock), rules.node.clone()),
            charger: Charger::new(counters, rules.limits.clone()),
            high_water: HighWater::new(Arc::clone(&clock)),
            keys: Keys::derive(&master),
            sessions: SessionCache::new(),
            mail_queued: Notify::new(),
            store,
            hasher,
            clock,
            entropy,
            rules,
        }
    }

    /// Accepts a sign-up, the same for every address (D-01, ENUM-02).
    ///
    /// # Errors
    /// [`FlowError::Invalid`] before any look-up, [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`];
    /// [`FlowError::Refused`] when sign-up is closed.
    pub async fn sign_up(
        &self,
        visitor: Visitor<'_>,
        email: &str,
        password: Password,
        name: Option<&str>,
    ) -> Result<(), FlowError> {
        sign_up::sign_up(self, visitor, email, password, name).await
    }

    /// Consumes a verification token and makes the account (EMAIL-01, EMAIL-05).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn verify_email(&self, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
        verification::flow::verify(self, visitor, token).await
    }

    /// Sends the verification mail again, if there is anything to verify; the same for every address (EMAIL-04).
    ///
    /// # Errors
    /// [`FlowError::Throttled`] by address prefix only, [`FlowError::Store`].
    pub async fn resend_verification(&self, visitor: Visitor<'_>, email: &str) -> Result<(), FlowError> {
        verification::flow::resend(self, visitor, email).await
    }

    /// Signs in; ends the presented session, makes a new one (SES-07).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause (ENUM-01), [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn sign_in(
        &self,
        visitor: Visitor<'_>,
        identifier: &str,
        password: Password,
        presented: Option<&str>,
    ) -> Result<SignedIn, FlowError> {
        sign_in::sign_in(self, visitor, identifier, password, presented).await
    }

    /// Ends a session at once (SES-09).
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn sign_out(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<(), FlowError> {
        sign_out::sign_out(self, visitor, active).await
    }

    /// The live session behind a cookie value; slides the idle timeout. The cached path touches neither store nor lock for long.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell: the caller answers 503, never "anonymous" (SES-19).
    pub async fn lookup_session(&self, cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        lookup::lookup(self, cookie_value).await
    }

    /// Charges one attempt to a scope, by the caller's prefix.
    ///
    /// # Errors
    /// [`FlowError::Throttled`].
    pub async fn charge(&self, visitor: Visitor<'_>, scope: &'static str) -> Result<(), FlowError> {
        self.charge_subject(visitor, scope, Subject::Prefix(&visitor.prefix())).await
    }

    /// Writes an audit entry that belongs to no other transaction, such as a refusal (AUD-10). Queues it and returns; see
    /// [`Self::flush`].
    pub fn record(&self, entry: AuditEntry) {
        self.writer.queue(Job::Audit(Box::new(AuditRecord::new(entry, &self.rules.node))));
    }

    /// What an entry says of an identifier instead of the identifier (AUD-12).
    #[must_use]
    pub fn subject_hash(&self, identifier: &str) -> String {
        self.keys.subject_hash(identifier)
    }

    /// Waits until everything recorded so far is stored, however long the store takes.
    pub async fn flush(&self) {
        self.writer.flush().await;
    }

    /// Stores everything recorded so far; the last thing before the process ends. A store that does not answer is asked three times more,
    /// then what was to be stored is lost, and the log says so.
    pub async fn end(&self) {
        self.writer.end().await;
    }

    /// The key of session-bound CSRF tokens.
    #[must_use]
    pub fn csrf(&self) -> &CsrfKey {
        &self.keys.csrf
    }

    /// Whether the store answers (health).
    pub async fn is_store_up(&self) -> bool {
        self.store.ping().await.is_ok()
    }

    /// Mails that are due for delivery, oldest first, at most `limit`; bodies unsealed. They are the caller's for two minutes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_mail(&self, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
        outbox::flow::due(self, limit).await
    }

    /// Returns when a mail was queued since the last call: the sender's alarm clock. A timer beside it finds what is due after a back-off.
    pub async fn mail_queued(&self) {
        self.mail_queued.notified().await;
    }

    /// Notes a delivery: the body is wiped (EMAIL-09).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_sent(&self, id: MailId) -> Result<(), StoreError> {
        outbox::flow::sent(self, id).await
    }

    /// Notes a failed delivery: it is due again after a back-off (EMAIL-10).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_failed(&self, id: MailId) -> Result<(), StoreError> {
        outbox::flow::failed(self, id).await
    }

    /// Removes what has ended: sessions, sign-ups, sent mails. Called once a minute or so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self) -> Result<(), StoreError> {
        crate::sweep::sweep(self).await
    }

    /// Disables an account and ends its sessions at once; says whether there is such an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable_user(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        operate::set_disabled(self, email, true).await
    }

    /// Lifts [`Self::disable_user`]; says whether there is such an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_user(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        operate::set_disabled(self, email, false).await
    }

    /// Accounts in the order of ids, behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_users(&self, after: Option<UserId>, limit: PageLimit) -> Result<Page<User, UserId>, StoreError> {
        operate::list(self, after, limit).await
    }

    /// Settings.
    #[must_use]
    pub fn rules(&self) -> &AccountRules {
        &self.rules
    }
}
