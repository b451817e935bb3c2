//! What the tests of second factors share: accounts that have some, sign-ins that wait, and codes as an app makes them.

use std::sync::Arc;

use aws_lc_rs::hmac;
use doorward_domain::ActiveSession;
use doorward_domain::factor::{Enrolled, PasskeyAnswer, PasskeyPurpose, PasskeySignIn, SecondProof, SecondStep, SignInOutcome};
use doorward_domain::service::{FlowError, SignedIn};
use doorward_kit::Clock as _;
use serde_json::Value;

use crate::authenticator::{Authenticator, Says};
use crate::support::{House, PASSWORD, caller, proof, visitor};

pub(crate) const ANN: &str = "ann@example.org";
pub(crate) const BOB: &str = "bob@example.org";

/// An app that has learnt a shared key.
pub(crate) struct App(Vec<u8>);

impl App {
    /// By RFC 4648 §6 from what is shown for typing.
    pub(crate) fn learn(base32: &str) -> Self {
        let mut bits: Vec<u8> = Vec::new();
        for character in base32.bytes() {
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'2'..=b'7' => character - b'2' + 26,
                _ => panic!("not base32"),
            };
            bits.extend((0..5).rev().map(|bit| (value >> bit) & 1));
        }
        Self(bits.chunks_exact(8).map(|octet| octet.iter().fold(0, |sum, bit| (sum << 1) | bit)).collect())
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.0
    }

    /// By RFC 6238, `steps` away from now.
    pub(crate) fn code(&self, house: &House, steps: i64) -> String {
        let step = house.clock.now().as_second() / 30 + steps;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let octets = tag.as_ref();
        let at = usize::from(octets[19] & 15);
        let number = u32::from_be_bytes(octets[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// Six digits that are none of the codes that are good now.
    pub(crate) fn wrong_code(&self, house: &House) -> String {
        let good: Vec<String> = (-1..=1).map(|steps| self.code(house, steps)).collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !good.contains(code)).unwrap()
    }
}

impl House {
    /// A session of an account that has no second factor yet.
    pub(crate) async fn session_of(&self, email: &str) -> Arc<ActiveSession> {
        self.sign_in(email, PASSWORD).await.unwrap().active
    }

    /// A member with a session.
    pub(crate) async fn newcomer(&self, email: &str) -> Arc<ActiveSession> {
        self.member(email).await;
        self.session_of(email).await
    }

    /// Enrols one-time codes; the session goes on with its new credential.
    pub(crate) async fn enrol_app(&self, active: &ActiveSession) -> (App, Enrolled) {
        let context = caller(1);
        let offer = self.accounts.begin_totp(visitor(&context), active).await.unwrap();
        let app = App::learn(&offer.secret);
        let (enrolment, code) = (offer.enrolment.reveal(), app.code(self, 0));
        let enrolled = self.accounts.confirm_totp(visitor(&context), active, &enrolment, &code).await.unwrap();
        (app, enrolled)
    }

    /// Enrols a passkey.
    pub(crate) async fn enrol_passkey(&self, active: &ActiveSession, key: &mut Authenticator) -> Enrolled {
        self.try_passkey(active, key, &Says::default()).await.unwrap()
    }

    /// As [`Self::enrol_passkey`], whatever the authenticator says.
    pub(crate) async fn try_passkey(
        &self,
        active: &ActiveSession,
        key: &mut Authenticator,
        says: &Says<'_>,
    ) -> Result<Enrolled, FlowError> {
        let context = caller(1);
        let offer = self.accounts.begin_passkey(visitor(&context), active).await?;
        let made = key.make(&offer.options, says);
        self.accounts.confirm_passkey(visitor(&context), active, &offer.token.reveal(), "Key", made).await
    }

    /// The first step of a sign-in: the value of the cookie that waits.
    pub(crate) async fn half_signed_in(&self, email: &str) -> String {
        match self.accounts.sign_in(visitor(&caller(1)), proof(email, PASSWORD, None)).await.unwrap() {
            SignInOutcome::Pending(pending) => pending.token.reveal(),
            SignInOutcome::Done(_) => panic!("no second factor was asked for"),
        }
    }

    /// The second step.
    pub(crate) async fn second_step(&self, pending: &str, proof: SecondProof<'_>) -> Result<SignedIn, FlowError> {
        let step = SecondStep { pending: Some(pending), proof, presented: None, device: None };
        self.accounts.finish_sign_in(visitor(&caller(1)), step).await
    }

    /// Both steps, with a code.
    pub(crate) async fn sign_in_with_code(&self, email: &str, code: &str) -> Result<SignedIn, FlowError> {
        let pending = self.half_signed_in(email).await;
        self.second_step(&pending, SecondProof::Code(code)).await
    }

    /// A challenge for a passkey: its token, and the options.
    pub(crate) async fn challenge(&self, purpose: PasskeyPurpose<'_>) -> Result<(String, Value), FlowError> {
        let offer = self.accounts.begin_passkey_request(visitor(&caller(1)), purpose).await?;
        Ok((offer.token.reveal(), offer.options))
    }

    /// A sign-in with an answer alone.
    pub(crate) async fn passkey_alone(&self, challenge: &str, credential: Value) -> Result<SignedIn, FlowError> {
        let answer = PasskeyAnswer { challenge, credential };
        let request = PasskeySignIn { answer, presented: None, device: None, remember: false };
        self.accounts.sign_in_with_passkey(visitor(&caller(1)), request).await
    }

    /// The reasons that the trail gives for what was refused of factors and sign-ins, oldest first.
    pub(crate) async fn reasons(&self) -> Vec<String> {
        use doorward_domain::AuditEvent::{FactorFailed, SignInFailed, StepUpFailed};
        let rows = self.whole_audit().await.into_iter();
        let of = |row: &doorward_domain::audit::AuditRow| [FactorFailed, SignInFailed, StepUpFailed].contains(&row.record.event);
        rows.filter(of).filter_map(|row| row.record.reason).collect()
    }
}

/// Refused, and told like every other refusal.
pub(crate) fn is_refused<T>(outcome: &Result<T, FlowError>) -> bool {
    matches!(outcome, Err(FlowError::Refused))
}
