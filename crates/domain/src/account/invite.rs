//! Invitations: single-use links that let somebody sign up, with the roles they grant.

use doorward_kit::Token;
use doorward_kit::id::OneTimeId;
use zeroize::Zeroizing;

use super::mail;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::instant::later;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::outbox;
use crate::service::{Accounts, Invitation};
use crate::store::{Delivery, StoreError};

pub(crate) async fn invite(accounts: &Accounts, invitation: Invitation) -> Result<Zeroizing<String>, StoreError> {
    let Invitation { email, mut roles, by } = invitation;
    roles.sort();
    roles.dedup();
    let now = accounts.clock.now();
    let token = Token::random(&*accounts.entropy);
    let link = mail::link(&accounts.rules, "sign-up", "invitation", &token);
    let mut entry = AuditEntry::of_house(AuditEvent::Invited, Outcome::Success, now).with(MetaKey::Roles, roles.join(","));
    entry.actor = by;
    let mut tx = accounts.begin().await?;
    if let Some(email) = &email {
        let letter = mail::invitation_mail(&accounts.rules, email, &token);
        outbox::flow::queue(accounts, &mut tx, letter, Delivery::Due, now).await?;
        entry = entry.about(&accounts.keys.subject_hash(&email.canonical));
    }
    let one_time = OneTime {
        id: OneTimeId::random(&*accounts.entropy),
        digest: accounts.keys.one_time_digest(PurposeKind::Invitation, &token),
        purpose: Purpose::Invitation { email, roles },
        created_at: now,
        expires_at: later(now, accounts.rules.invitation_life),
    };
    tx.one_times().add(&one_time).await?;
    tx.note(entry);
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(link)
}
