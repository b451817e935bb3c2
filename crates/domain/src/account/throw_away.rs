//! Accounts that a check of the site makes for itself and takes away again. What address may be used is the caller's affair.

use doorward_kit::UserId;

use super::{EmailAddress, User, password};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::Password;
use crate::service::{Accounts, FlowError};
use crate::store::StoreError;

/// As if the owner had signed up and verified, without the mail.
pub(crate) async fn add(accounts: &Accounts, email: &EmailAddress, password: Password) -> Result<(), FlowError> {
    let password = password::judge(accounts, "password", password, &email.canonical)?;
    let hash = password::hash(accounts, password).await?;
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    tx.sign_ups().remove_all(&email.canonical).await?;
    if tx.users().find_by_email(&email.canonical).await?.is_some() {
        return Err(FlowError::Refused);
    }
    let user = User {
        id: UserId::random(&*accounts.entropy),
        email: email.clone(),
        display_name: String::new(),
        avatar_url: None,
        bio: None,
        password_hash: Some(hash),
        roles: Vec::new(),
        disabled_at: None,
        credential_version: 1,
        has_second_factor: false,
        created_at: now,
    };
    tx.users().add(&user).await?;
    let entry = AuditEntry::of_house(AuditEvent::AccountImported, Outcome::Success, now).because("throw_away");
    tx.note(entry.about(&accounts.keys.subject_hash(&email.canonical)).with(MetaKey::TargetUser, user.id));
    tx.commit().await?;
    Ok(())
}

/// The sign-ups before the account: the order of all flows.
pub(crate) async fn remove(accounts: &Accounts, email: &EmailAddress) -> Result<(), StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    tx.sign_ups().remove_all(&email.canonical).await?;
    let mut ended = Vec::new();
    if let Some(user) = tx.users().find_by_email(&email.canonical).await? {
        ended = tx.sessions().revoke_all(user.id, None).await?;
        tx.users().remove(user.id).await?;
        let entry = AuditEntry::of_house(AuditEvent::UserDeleted, Outcome::Success, now).because("throw_away");
        let entry = entry.about(&accounts.keys.subject_hash(&email.canonical)).with(MetaKey::TargetUser, user.id);
        tx.note(entry.with(MetaKey::Sessions, ended.len()));
    }
    tx.outbox().remove_all(&email.display).await?;
    if email.canonical != email.display {
        tx.outbox().remove_all(&email.canonical).await?;
    }
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    Ok(())
}
