//! Enrolling second factors: offered in one request, confirmed in another, of the same session and within minutes.

use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, Token, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::change::{self, CHANGE};
use super::passkey::{self, Made, Wanted};
use super::{Enrolled, Factor, FactorKind, PasskeyOffer, TotpOffer, recovery_code, secret, totp};
use crate::account::{User, proof};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::flow::{self, Whose};
use crate::ceremony::{Ceremony, CeremonyKind};
use crate::notice::{self, Notice};
use crate::one_time::PurposeKind;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::{ActiveSession, renew};
use crate::store::StoreError;

/// What one-time codes are called until their owner calls them something else.
const TOTP_NAME: &str = "Authenticator app";
/// Codes that may be tried in one enrolment.
const ATTEMPTS: u32 = 5;

/// What is remembered of a shared key that was offered.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Offered {
    secret: [u8; totp::SECRET_BYTES],
}

pub(crate) async fn begin_totp(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<TotpOffer, FlowError> {
    let (mut tx, user) = open(accounts, visitor, active).await?;
    if tx.factors().list(user.id).await?.iter().any(|factor| factor.kind == FactorKind::Totp) {
        return Err(FlowError::LastOfItsKind);
    }
    let offered = Offered { secret: *totp::draw(&*accounts.entropy) };
    let now = accounts.high_water.now();
    let enrolment = flow::begin(accounts, &mut tx, CeremonyKind::TotpEnrolment, whose(active), &offered, now).await?;
    tx.commit().await?;
    let secret = totp::base32(&offered.secret);
    let uri = totp::uri(&secret, &accounts.rules.site_name, &user.email.display);
    Ok(TotpOffer { enrolment, secret, uri })
}

pub(crate) async fn confirm_totp(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    (enrolment, code): (&str, &str),
) -> Result<Enrolled, FlowError> {
    let (mut tx, user) = open(accounts, visitor, active).await?;
    let trial = Trial { accounts, visitor, active, kind: FactorKind::Totp, now: accounts.high_water.now() };
    let Some(token) = Token::parse(enrolment) else { return trial.refuse(tx, "no_enrolment").await };
    let tried = flow::attempt::<Offered>(accounts, &mut tx, CeremonyKind::TotpEnrolment, &token, ATTEMPTS, trial.now).await?;
    let Some(offered) = own(tried, active) else { return trial.refuse(tx, "no_enrolment").await };
    let step = totp::digits(code).and_then(|code| totp::step_of(&offered.secret, &code, accounts.clock.now()));
    let Some(step) = step else { return trial.refuse(tx, "bad_code").await };
    // Of two right codes at once one enrols.
    if flow::take::<Offered>(accounts, &mut tx, CeremonyKind::TotpEnrolment, &token, trial.now).await?.is_none() {
        return trial.refuse(tx, "no_enrolment").await;
    }
    if tx.factors().list(user.id).await?.iter().any(|factor| factor.kind == FactorKind::Totp) {
        return trial.refuse(tx, "has_one").await;
    }
    let id = FactorId::random(&*accounts.entropy);
    let secret = secret::seal(accounts, id, &offered.secret)?;
    // The code that enrolled it is used up.
    trial.add(tx, user, trial.factor(id, TOTP_NAME, secret, (None, step))).await
}

pub(crate) async fn begin_passkey(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<PasskeyOffer, FlowError> {
    let (mut tx, user) = open(accounts, visitor, active).await?;
    let passkeys = passkeys(&mut tx, user.id).await?;
    if passkeys.len() >= passkey::MOST {
        return Err(FlowError::LastOfItsKind);
    }
    let (wanted, options) = passkey::want(accounts, &user, &passkeys)?;
    let now = accounts.high_water.now();
    let token = flow::begin(accounts, &mut tx, CeremonyKind::PasskeyEnrolment, whose(active), &wanted, now).await?;
    tx.commit().await?;
    Ok(PasskeyOffer { token, options })
}

pub(crate) async fn confirm_passkey(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    (enrolment, name, credential): (&str, &str, Value),
) -> Result<Enrolled, FlowError> {
    let (mut tx, user) = open(accounts, visitor, active).await?;
    let name = change::judged_name(name)?;
    let trial = Trial { accounts, visitor, active, kind: FactorKind::Passkey, now: accounts.high_water.now() };
    let Some(token) = Token::parse(enrolment) else { return trial.refuse(tx, "no_enrolment").await };
    let taken = flow::take::<Wanted>(accounts, &mut tx, CeremonyKind::PasskeyEnrolment, &token, trial.now).await?;
    let Some(wanted) = own(taken, active) else { return trial.refuse(tx, "no_enrolment").await };
    let made = match passkey::take(accounts, &wanted, credential)? {
        Ok(made) => made,
        Err(reason) => return trial.refuse(tx, reason).await,
    };
    let is_known = tx.factors().find_passkey(&made.credential).await?.is_some();
    if is_known || passkeys(&mut tx, user.id).await?.len() >= passkey::MOST {
        return trial.refuse(tx, if is_known { "known_passkey" } else { "too_many" }).await;
    }
    let id = FactorId::random(&*accounts.entropy);
    let Made { credential, counter, text } = made;
    let secret = secret::seal(accounts, id, &text)?;
    trial.add(tx, user, trial.factor(id, name, secret, (Some(credential), counter))).await
}

/// What every step of an enrolment begins with: charged, fresh, and the account locked.
async fn open<'a>(accounts: &'a Accounts, visitor: Visitor<'_>, active: &ActiveSession) -> Result<(Work<'a>, User), FlowError> {
    proof::charge(accounts, visitor, CHANGE, active).await?;
    change::open_fresh(accounts, visitor, active).await
}

fn whose(active: &ActiveSession) -> Whose {
    Whose { user: Some(active.user.id), session: Some(active.session.id) }
}

/// Another session's enrolment is none, be it of the same account.
fn own<T: DeserializeOwned>(found: Option<(Ceremony, T)>, active: &ActiveSession) -> Option<T> {
    let is_own = |ceremony: &Ceremony| ceremony.user_id == Some(active.user.id) && ceremony.session_id == Some(active.session.id);
    found.filter(|(ceremony, _)| is_own(ceremony)).map(|(_, body)| body)
}

pub(super) async fn passkeys(tx: &mut Work<'_>, user: UserId) -> Result<Vec<Factor>, StoreError> {
    let factors = tx.factors().list(user).await?;
    Ok(factors.into_iter().filter(|factor| factor.kind == FactorKind::Passkey).collect())
}

/// What the parts of one confirmation share.
struct Trial<'a> {
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    active: &'a ActiveSession,
    kind: FactorKind,
    now: Timestamp,
}

impl Trial<'_> {
    fn factor(&self, id: FactorId, name: &str, secret: Vec<u8>, shown: (Option<Vec<u8>>, u64)) -> Factor {
        let (credential, counter) = shown;
        let (user_id, name) = (self.active.user.id, name.to_owned());
        Factor { id, user_id, kind: self.kind, name, credential, secret, counter, created_at: self.now, last_used_at: None }
    }

    /// Everything that a new factor means, in one transaction.
    async fn add(&self, mut tx: Work<'_>, user: User, factor: Factor) -> Result<Enrolled, FlowError> {
        let Self { accounts, visitor, active, now, .. } = *self;
        match tx.factors().add(&factor).await {
            Ok(()) => {}
            // Another account was quicker with the same credential.
            Err(StoreError::Conflict) => {
                drop(tx);
                accounts.commit_entry(self.entry(AuditEvent::FactorFailed, Outcome::Failure).because("known_passkey")).await?;
                return Err(FlowError::Refused);
            }
            Err(error) => return Err(error.into()),
        }
        let is_first = !user.has_second_factor;
        let recovery_codes = if is_first { Some(recovery_code::renew(accounts, &mut tx, user.id).await?) } else { None };
        if is_first {
            // A change of address that waits was asked for without the factor that it takes from now on.
            tx.one_times().revoke(user.id, &[PurposeKind::EmailChange]).await?;
        }
        notice::tell(accounts, &mut tx, &user, Notice::FactorAdded(self.kind), now).await?;
        let user = User { has_second_factor: true, ..user };
        // It was shown just now, so it is a full proof.
        let renewed = renew::renew(accounts, &mut tx, visitor, (active, user), (true, "factor_added"), now).await?;
        let Some(renewed) = renewed else { return Err(FlowError::Changed) };
        tx.note(self.entry(AuditEvent::FactorAdded, Outcome::Success));
        tx.commit().await?;
        Ok(Enrolled { id: factor.id, recovery_codes, signed_in: renewed.tell(accounts) })
    }

    /// What was tried counts.
    async fn refuse(&self, mut tx: Work<'_>, reason: &'static str) -> Result<Enrolled, FlowError> {
        tx.note(self.entry(AuditEvent::FactorFailed, Outcome::Failure).because(reason));
        tx.commit().await?;
        Err(FlowError::Refused)
    }

    fn entry(&self, event: AuditEvent, outcome: Outcome) -> AuditEntry {
        change::entry(self.visitor, self.active, event, outcome, self.now).with(MetaKey::Kind, self.kind.as_str())
    }
}
