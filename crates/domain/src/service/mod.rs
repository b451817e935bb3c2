//! The accounts service: every flow starts here.
//!
//! A façade: what a flow does is told beside its aggregate.

mod error;
mod factor;
mod federation;
mod gate;
mod load;
mod operator;
mod request;
mod rules;
mod session;
mod shared;
mod trail;
mod visitor;
mod work;

use std::sync::Arc;

use doorward_kit::id::MailId;
use doorward_kit::{Clock, Entropy, SharedRing, Token};
use doorward_policy::LimitPolicy;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::account::{AccountExport, ProfileChanges, User, change_email, delete, export, invite, password, profile, sign_up};
use crate::audit::{AuditEntry, AuditRecord, ChainKeys, Reached, Writer};
use crate::credential::{Password, PasswordHasher, Strength, policy};
use crate::factor::SignInOutcome;
use crate::federation::Provider;
use crate::instant::HighWater;
use crate::keys::Keys;
use crate::notice;
use crate::outbox::waiting::Waiting;
use crate::outbox::{self, MailFate, MailFault, OutboxMail};
use crate::recovery;
use crate::session::cache::SessionCache;
use crate::session::{ActiveSession, CsrfKey, sign_in};
use crate::store::{Store, StoreError};
use crate::throttle::{Charger, Counters};
use crate::verification;

pub use error::{FieldFault, FlowError};
pub use load::{Load, MailBacklog};
pub use request::{Invitation, SignIn, SignUp};
pub use rules::{AccountRules, MailRules, SignUpMode};
pub use trail::PRUNED_AT_ONCE;
pub use visitor::Visitor;
pub(crate) use work::Work;

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
    /// Root of all keys. A ring that is put in force later is used from then on.
    pub keys: SharedRing,
    /// Who else may say who somebody is, in the order of the configuration.
    pub providers: Vec<Arc<dyn Provider>>,
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
    pub(crate) chain: Arc<ChainKeys>,
    pub(crate) reached: Arc<Reached>,
    pub(crate) writer: Writer,
    pub(crate) mail_queued: Notify,
    pub(crate) waiting: Waiting,
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    pub(crate) rules: AccountRules,
}

/// A fresh sign-in.
pub struct SignedIn {
    /// The cookie's value; shown once.
    pub token: Token,
    /// The device cookie's value, when a new one is to be set (D-11).
    pub device: Option<Token>,
    /// The session and its account.
    pub active: Arc<ActiveSession>,
}

impl Accounts {
    /// Puts the service together. Its writer task starts with the first entry that is queued, on the runtime of that caller.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, hasher, counters, clock, entropy, keys, providers, rules } = parts;
        let (chain, reached) = (Arc::new(ChainKeys::of_ring(&keys)), Arc::new(Reached::default()));
        Self {
            writer: Writer::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                (Arc::clone(&chain), Arc::clone(&reached)),
                rules.node.clone(),
            ),
            charger: Charger::new(counters, rules.limits.clone()),
            high_water: HighWater::new(Arc::clone(&clock)),
            keys: Keys::of(&keys),
            chain,
            reached,
            sessions: SessionCache::new(),
            mail_queued: Notify::new(),
            waiting: Waiting::default(),
            store,
            hasher,
            clock,
            entropy,
            providers,
            rules,
        }
    }

    /// Accepts a sign-up, the same for every address (D-01, ENUM-02).
    ///
    /// # Errors
    /// [`FlowError::Invalid`] before any look-up, [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`];
    /// [`FlowError::Refused`] when sign-up is closed.
    pub async fn sign_up(&self, visitor: Visitor<'_>, request: SignUp<'_>) -> Result<(), FlowError> {
        sign_up::sign_up(self, visitor, request).await
    }

    /// Consumes a verification token and makes the account (EMAIL-01, EMAIL-05).
    ///
    /// # Errors
    /// [`FlowError::PasswordNeeded`] when several sign-ups of the address wait and no password came along; the token stays good.
    /// [`FlowError::Refused`] for every other cause, [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn verify_email(&self, visitor: Visitor<'_>, token: &str, password: Option<Password>) -> Result<(), FlowError> {
        verification::flow::verify(self, visitor, token, password).await
    }

    /// Sends the verification mail again, if there is anything to verify; the same for every address (EMAIL-04).
    ///
    /// # Errors
    /// [`FlowError::Throttled`] by address prefix only, [`FlowError::Store`].
    pub async fn resend_verification(&self, visitor: Visitor<'_>, email: &str) -> Result<(), FlowError> {
        verification::flow::resend(self, visitor, email).await
    }

    /// Signs in; ends the presented session, makes a new one (SES-07). An account with a second factor is asked for it first.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause (ENUM-01), [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn sign_in(&self, visitor: Visitor<'_>, request: SignIn<'_>) -> Result<SignInOutcome, FlowError> {
        sign_in::sign_in(self, visitor, request).await
    }

    /// Mails a reset link, if there is an account to reset; the same for every input (FORGOT-01, FORGOT-02). `None` is a body without a
    /// usable address.
    ///
    /// # Errors
    /// [`FlowError::Throttled`] by the caller's prefix only (D-02), [`FlowError::Store`].
    pub async fn forgot_password(&self, visitor: Visitor<'_>, email: Option<&str>) -> Result<(), FlowError> {
        recovery::forgot::forgot(self, visitor, email).await
    }

    /// Sets a new password by a reset token and ends every session of the account (RESET-01 … RESET-09).
    ///
    /// # Errors
    /// [`FlowError::Invalid`] before any look-up (RESET-03), [`FlowError::Refused`] for every cause, [`FlowError::Throttled`],
    /// [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn reset_password(&self, visitor: Visitor<'_>, token: &str, password: Password) -> Result<(), FlowError> {
        recovery::reset::reset(self, visitor, token, password).await
    }

    /// Changes the password of the caller; other sessions end, this one gets a new credential (PWD-06).
    ///
    /// # Errors
    /// [`FlowError::Refused`] when the current password is wrong, [`FlowError::Invalid`], [`FlowError::Throttled`],
    /// [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn change_password(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        current: Password,
        new: Password,
    ) -> Result<SignedIn, FlowError> {
        password::change(self, visitor, active, current, new).await
    }

    /// Mails a link to a new address, the same whether it is taken or free (EMAIL-06, ENUM-10).
    ///
    /// # Errors
    /// As [`Self::change_password`].
    pub async fn request_email_change(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        email: &str,
        current: Password,
    ) -> Result<(), FlowError> {
        change_email::request(self, visitor, active, email, current).await
    }

    /// Moves an account to its new address by the token that was mailed there; tells the old one, with an undo link.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn confirm_email_change(&self, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
        change_email::confirm(self, visitor, token).await
    }

    /// Takes an account back to its former address and ends every session.
    ///
    /// # Errors
    /// As [`Self::confirm_email_change`].
    pub async fn undo_email_change(&self, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
        change_email::undo(self, visitor, token).await
    }

    /// Ends every session of an account by the link of a notice, forgets its browsers and mails a reset link.
    ///
    /// # Errors
    /// As [`Self::confirm_email_change`].
    pub async fn end_sessions(&self, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
        notice::end::end_sessions(self, visitor, token).await
    }

    /// Changes what the profile shows (PROF-01 … PROF-06); returns the account as it is then.
    ///
    /// # Errors
    /// [`FlowError::Invalid`], [`FlowError::Store`].
    pub async fn update_profile(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        changes: ProfileChanges,
    ) -> Result<User, FlowError> {
        profile::update(self, visitor, active, changes).await
    }

    /// Deletes the account of the caller with everything that hangs on it; the audit trail stays.
    ///
    /// # Errors
    /// As [`Self::change_password`].
    pub async fn delete_account(&self, visitor: Visitor<'_>, active: &ActiveSession, current: Password) -> Result<(), FlowError> {
        delete::delete(self, visitor, active, current).await
    }

    /// Everything that is stored about the caller.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn export_account(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<AccountExport, FlowError> {
        export::export(self, visitor, active).await
    }

    /// Makes an invitation, and mails it when it is for one address; returns its link.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invite(&self, invitation: Invitation) -> Result<Zeroizing<String>, StoreError> {
        invite::invite(self, invitation).await
    }

    /// Puts other quotas in force, at once and without forgetting what was counted: a reload of the configuration.
    pub fn set_limits(&self, limits: LimitPolicy) {
        self.charger.set_limits(limits);
    }

    /// Charges one attempt to a scope, by the caller's line and network.
    ///
    /// # Errors
    /// [`FlowError::Throttled`].
    pub async fn charge(&self, visitor: Visitor<'_>, scope: &'static str) -> Result<(), FlowError> {
        self.charge_caller(visitor, scope).await
    }

    /// Writes an audit entry that belongs to no other transaction, such as a refusal (AUD-10). Queues it and returns; see
    /// [`Self::flush`].
    pub fn record(&self, entry: AuditEntry) {
        self.writer.record(AuditRecord::new(entry, &self.rules.node));
    }

    /// What an entry says of an identifier instead of the identifier (AUD-12).
    #[must_use]
    pub fn subject_hash(&self, identifier: &str) -> String {
        self.keys.subject_hash(identifier)
    }

    /// Everything that entries may have said of an identifier, under each key there was: what a search by identifier has to look for.
    #[must_use]
    pub fn subject_hashes(&self, identifier: &str) -> Vec<String> {
        self.keys.subject_hashes(identifier)
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

    /// Asks the store how many mails wait. The bound on the queue holds by this number (EMAIL-12): to be called before each round of
    /// deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_mail(&self) -> Result<u64, StoreError> {
        outbox::flow::count(self).await
    }

    /// Mails that are due for delivery, oldest first, at most `limit`; bodies unsealed. They are the caller's for two minutes. What waits
    /// for too long, or cannot be opened, is given up on the way.
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

    /// Notes a failed delivery: the mail is due again after a back-off, or given up (EMAIL-10).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mail_failed(&self, id: MailId, fault: MailFault) -> Result<MailFate, StoreError> {
        outbox::flow::failed(self, id, fault).await
    }

    /// Removes what has ended: sessions, sign-ups, sent mails. Called once a minute or so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self) -> Result<(), StoreError> {
        crate::sweep::sweep(self).await
    }

    /// How long a password withstands guesses at this site, for a hint beside the field. What is refused is decided by the flows.
    #[must_use]
    pub fn password_strength(&self, password: &Password, email: &str) -> Strength {
        policy::strength(password, &self.rules.guesses(email))
    }

    /// Settings.
    #[must_use]
    pub fn rules(&self) -> &AccountRules {
        &self.rules
    }
}
