//! Accounts that another system kept: their hashes go on working and are replaced at the first sign-in.
//!
//! # Security
//! Until then the check of such a hash takes the time that the other system's algorithm takes, so an attentive stranger can tell an
//! account that was imported and never used since from one that does not exist.

use doorward_kit::UserId;

use super::model::DISPLAY_NAME_MAX_CHARS;
use super::{EmailAddress, User, text};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::foreign;
use crate::service::Accounts;
use crate::store::StoreError;

/// An account to be added, every part of it judged.
pub struct Newcomer {
    email: EmailAddress,
    display_name: String,
    password_hash: String,
}

impl Newcomer {
    /// The address in the form in which addresses are compared.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.email.canonical
    }
}

/// What is wrong with a line. Repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// No address.
    #[error("the address is not one")]
    Email,
    /// Too long, or with control characters.
    #[error("the name is too long or holds control characters")]
    Name,
    /// Unknown, broken, or asking for more work than is done for anybody.
    #[error("the hash is of no kind that can be checked here")]
    Hash,
}

/// What became of one newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Has an account now; the address counts as verified, as it did where it comes from.
    Added,
    /// Had one before, which was left as it is.
    Known,
}

pub(crate) fn judge(email: &str, name: &str, hash: &str) -> Result<Newcomer, ImportFault> {
    let email: EmailAddress = email.parse().map_err(|_| ImportFault::Email)?;
    if text::line_fault(name, DISPLAY_NAME_MAX_CHARS).is_some() {
        return Err(ImportFault::Name);
    }
    let password_hash = foreign::importable(hash).ok_or(ImportFault::Hash)?;
    Ok(Newcomer { email, display_name: name.to_owned(), password_hash })
}

pub(crate) async fn add(accounts: &Accounts, newcomers: &[Newcomer]) -> Result<Vec<ImportOutcome>, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let mut outcomes = Vec::with_capacity(newcomers.len());
    for newcomer in newcomers {
        let Newcomer { email, display_name, password_hash } = newcomer;
        if tx.users().find_by_email(&email.canonical).await?.is_some() {
            outcomes.push(ImportOutcome::Known);
            continue;
        }
        let user = User {
            id: UserId::random(&*accounts.entropy),
            email: email.clone(),
            display_name: display_name.clone(),
            avatar_url: None,
            bio: None,
            password_hash: Some(password_hash.clone()),
            roles: Vec::new(),
            disabled_at: None,
            credential_version: 1,
            has_second_factor: false,
            created_at: now,
        };
        // What strangers asked for under the address is void (ENUM-14); removed before the address is taken, as at a verification.
        tx.sign_ups().remove_all(&email.canonical).await?;
        tx.users().add(&user).await?;
        let entry = AuditEntry::of_house(AuditEvent::AccountImported, Outcome::Success, now);
        tx.note(entry.about(&accounts.keys.subject_hash(&email.canonical)).with(MetaKey::TargetUser, user.id));
        outcomes.push(ImportOutcome::Added);
    }
    tx.commit().await?;
    Ok(outcomes)
}
