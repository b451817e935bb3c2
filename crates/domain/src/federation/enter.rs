//! Signing in as whom a provider names: the account of a link, the account of an address that the provider has proved, or a new one.
//!
//! An account is known by issuer and subject, never by an address (OAUTH-08). An address opens one only where the provider says that it
//! has proved it, as we did for the account, and nobody of this provider is linked with it yet (OAUTH-09).

use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, Token, UserId};

use super::finish::Arrival;
use super::trip::Mode;
use super::{Identity, grant};
use crate::account::{EmailAddress, User, text};
use crate::audit::{AuditEvent, MetaKey, Outcome};
use crate::factor::SignInOutcome;
use crate::notice::{self, Notice};
use crate::one_time::PurposeKind;
use crate::service::{FlowError, SignUpMode, Work};
use crate::session::opening::{self, Method, Opening};
use crate::store::StoreError;

/// Everything that a sign-in with a provider changes, in one transaction. The inner error is for the trail, and nothing has changed then.
pub(super) async fn enter(arrival: &Arrival<'_>) -> Result<Result<SignInOutcome, &'static str>, FlowError> {
    let accounts = arrival.journey.accounts;
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let user = match arrival.who(&mut tx, now).await? {
        Ok(user) => user,
        Err(reason) => return Ok(Err(reason)),
    };
    let subject_hash = accounts.keys.subject_hash(&user.email.canonical);
    let entry = arrival.journey.entry(AuditEvent::OauthLogin, Outcome::Success).by(user.id).about(&subject_hash);
    tx.note(entry.with(MetaKey::Next, &arrival.journey.trip.next));
    let opening = Opening {
        visitor: arrival.journey.visitor,
        method: Method::Oauth,
        subject_hash,
        after_failures: 0,
        presented: arrival.presented,
        device: arrival.device.and_then(Token::parse),
        is_remembered: false,
    };
    let first = opening::after_first(accounts, &mut tx, opening, user, now).await?;
    tx.commit().await?;
    Ok(Ok(first.tell(accounts)))
}

impl Arrival<'_> {
    /// Whose sign-in it is; the account is locked then.
    async fn who(&self, tx: &mut Work<'_>, now: Timestamp) -> Result<Result<User, &'static str>, FlowError> {
        let account = self.account;
        match tx.identities().find(&account.issuer, &account.subject).await? {
            Some(found) => self.linked(tx, found.user_id, now).await,
            None if self.journey.trip.mode == Mode::StepUp => Ok(Err("other_account")),
            None => self.by_address(tx, now).await,
        }
    }

    async fn linked(&self, tx: &mut Work<'_>, id: UserId, now: Timestamp) -> Result<Result<User, &'static str>, FlowError> {
        let (accounts, account) = (self.journey.accounts, self.account);
        // The account first, then what hangs on it: a link that was ended in between opens nothing.
        let user = tx.users().lookup(id).await?.ok_or(StoreError::Conflict)?;
        let found = tx.identities().find(&account.issuer, &account.subject).await?;
        let identity = found.filter(|identity| identity.user_id == user.id).ok_or(StoreError::Conflict)?;
        if user.disabled_at.is_some() {
            return Ok(Err("disabled"));
        }
        if self.journey.trip.mode == Mode::StepUp && self.journey.ceremony.user_id != Some(user.id) {
            return Ok(Err("other_account"));
        }
        let grant = grant::seal(accounts, identity.id, account)?;
        tx.identities().touch(identity.id, now, grant.as_deref()).await?;
        Ok(Ok(user))
    }

    async fn by_address(&self, tx: &mut Work<'_>, now: Timestamp) -> Result<Result<User, &'static str>, FlowError> {
        let email = match self.proved_address() {
            Ok(email) => email,
            Err(reason) => return Ok(Err(reason)),
        };
        // Whoever proved the address settles it: what others asked for under it is void (ENUM-14). The sign-ups of an address before the
        // address, as everywhere.
        tx.sign_ups().remove_all(&email.canonical).await?;
        match tx.users().find_by_email(&email.canonical).await? {
            Some(user) => self.join(tx, user, now).await,
            None => self.newcomer(tx, email, now).await,
        }
    }

    /// An address that the provider says it has proved. What it has not proved is anybody's word.
    fn proved_address(&self) -> Result<EmailAddress, &'static str> {
        let told = self.account.email.as_deref().ok_or("no_address")?;
        if !self.account.is_email_verified {
            return Err("unverified_address");
        }
        told.parse().map_err(|_| "no_address")
    }

    /// Links an account that is there (OAUTH-09).
    async fn join(&self, tx: &mut Work<'_>, user: User, now: Timestamp) -> Result<Result<User, &'static str>, FlowError> {
        let accounts = self.journey.accounts;
        if user.disabled_at.is_some() {
            return Ok(Err("disabled"));
        }
        if !self.journey.provider.links_by_address() {
            return Ok(Err("link_by_address"));
        }
        // A link is a first step for good, and this sign-in has shown no second one: whoever controls the address at the provider must not
        // get it. Their owner links such an account from a session.
        if user.has_second_factor || accounts.rules.is_operator(&user.roles) {
            return Ok(Err("second_factor"));
        }
        // Somebody of this provider is linked already, and it is somebody else: providers give the address of who left to who came.
        let others = tx.identities().list(user.id).await?;
        if others.iter().any(|identity| identity.issuer == self.account.issuer) {
            return Ok(Err("other_subject"));
        }
        // A change of address that waits was asked for by who held the account before its owner came this way: it waits no longer.
        tx.one_times().revoke(user.id, &[PurposeKind::EmailChange]).await?;
        self.add_link(tx, &user, now).await?;
        notice::tell(accounts, tx, &user, Notice::ProviderLinked(self.journey.provider.label()), now).await?;
        Ok(Ok(user))
    }

    /// Makes an account without a password, where everybody may have one.
    async fn newcomer(
        &self,
        tx: &mut Work<'_>,
        email: EmailAddress,
        now: Timestamp,
    ) -> Result<Result<User, &'static str>, FlowError> {
        let accounts = self.journey.accounts;
        if accounts.rules.sign_up != SignUpMode::Open {
            return Ok(Err("not_open"));
        }
        if !accounts.rules.allows(&email) {
            return Ok(Err("domain"));
        }
        let user = User {
            id: UserId::random(&*accounts.entropy),
            email,
            display_name: text::display_name(self.account.name.as_deref().unwrap_or_default()),
            avatar_url: None,
            bio: None,
            password_hash: None,
            roles: Vec::new(),
            disabled_at: None,
            credential_version: 1,
            has_second_factor: false,
            created_at: now,
        };
        tx.users().add(&user).await?;
        let entry = self.journey.entry(AuditEvent::SignUp, Outcome::Success).by(user.id).because("provider");
        tx.note(entry.about(&accounts.keys.subject_hash(&user.email.canonical)));
        self.add_link(tx, &user, now).await?;
        Ok(Ok(user))
    }

    /// The row of a link, and what the trail says of it.
    pub(super) async fn add_link(&self, tx: &mut Work<'_>, user: &User, now: Timestamp) -> Result<(), StoreError> {
        let (accounts, account) = (self.journey.accounts, self.account);
        let id = IdentityId::random(&*accounts.entropy);
        let told = account.email.as_deref().and_then(|told| told.parse::<EmailAddress>().ok());
        let identity = Identity {
            id,
            user_id: user.id,
            provider: self.journey.provider.name().to_owned(),
            issuer: account.issuer.clone(),
            subject: account.subject.clone(),
            label: told.map(|email| email.display).unwrap_or_default(),
            grant: grant::seal(accounts, id, account)?,
            created_at: now,
            last_used_at: now,
        };
        tx.identities().add(&identity).await?;
        tx.note(self.journey.entry(AuditEvent::OauthLink, Outcome::Success).by(user.id));
        Ok(())
    }
}
