//! What operators ask of the accounts, without a browser.

use doorward_kit::id::MailId;
use doorward_kit::{SessionId, UserId};
use zeroize::Zeroizing;

use super::Accounts;
use super::error::FlowError;
use crate::account::{EmailAddress, ImportFault, ImportOutcome, Newcomer, User, import, operate, throw_away};
use crate::credential::Password;
use crate::outbox;
use crate::session::Session;
use crate::store::{MailFilter, OutboxRow, Page, PageLimit, StoreError};

impl Accounts {
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

    /// The account of an address, without its password hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_user(&self, email: &EmailAddress) -> Result<Option<User>, StoreError> {
        let user = self.store.find_user_by_email(&email.canonical).await?;
        Ok(user.map(|user| User { password_hash: None, ..user }))
    }

    /// Adds a verified account that a check of the site makes for itself; its password is judged as everybody's.
    ///
    /// # Errors
    /// [`FlowError::Invalid`] for the password, [`FlowError::Refused`] when the address has an account, [`FlowError::Busy`],
    /// [`FlowError::Store`].
    pub async fn add_throw_away(&self, email: &EmailAddress, password: Password) -> Result<(), FlowError> {
        throw_away::add(self, email, password).await
    }

    /// Removes everything that an address has here: its account, the sign-ups that wait, the mail to it. The audit trail stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_throw_away(&self, email: &EmailAddress) -> Result<(), StoreError> {
        throw_away::remove(self, email).await
    }

    /// Deletes an account with everything that hangs on it; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_user(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        operate::delete(self, email).await
    }

    /// Takes every second factor and recovery code of an account away, and ends its sessions: for whoever has lost them all. The owner is
    /// told; says whether there is such an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_factors(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        operate::remove_factors(self, email).await
    }

    /// Sets the roles of an account; says whether there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_user_roles(&self, email: &EmailAddress, roles: Vec<String>) -> Result<bool, StoreError> {
        operate::set_roles(self, email, roles).await
    }

    /// A reset link to hand over; `None` where there is no account, or a disabled one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recovery_link(&self, email: &EmailAddress) -> Result<Option<Zeroizing<String>>, StoreError> {
        operate::recovery_link(self, email).await
    }

    /// Live sessions of an account, oldest first; `None` where there is no account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_of(&self, email: &EmailAddress) -> Result<Option<Vec<Session>>, StoreError> {
        operate::sessions(self, email).await
    }

    /// Ends every session of an account and says how many; `None` where there is no account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_sessions_of(&self, email: &EmailAddress) -> Result<Option<usize>, StoreError> {
        operate::end_sessions(self, email).await
    }

    /// Ends one session; says whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self, id: SessionId) -> Result<bool, StoreError> {
        operate::end_session(self, id).await
    }

    /// Mails of the outbox, newest first, without their bodies.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_mail(&self, filter: MailFilter, limit: PageLimit) -> Result<Vec<OutboxRow>, StoreError> {
        outbox::operate::list(self, filter, limit).await
    }

    /// One mail of the outbox, without its body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_mail(&self, id: MailId) -> Result<Option<OutboxRow>, StoreError> {
        outbox::operate::find(self, id).await
    }

    /// Has a mail tried again that was given up, as if it had just been queued; says whether it was given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_mail(&self, id: MailId) -> Result<bool, StoreError> {
        outbox::operate::retry(self, id).await
    }

    /// The same for every mail that was given up; says how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_all_mail(&self) -> Result<usize, StoreError> {
        outbox::operate::retry_all(self).await
    }

    /// Judges one account of another system: the address, the name, and a hash that can be checked here. Changes nothing.
    ///
    /// # Errors
    /// [`ImportFault`], which repeats neither.
    pub fn judge_import(&self, email: &str, name: &str, hash: &str) -> Result<Newcomer, ImportFault> {
        import::judge(email, name, hash)
    }

    /// Adds accounts that were judged, in one transaction; those whose address has an account already are left as they are.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is added then.
    pub async fn import_users(&self, newcomers: &[Newcomer]) -> Result<Vec<ImportOutcome>, StoreError> {
        import::add(self, newcomers).await
    }
}
