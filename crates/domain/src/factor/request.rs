//! What callers ask of second factors, and what they get.

use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, Token};
use zeroize::Zeroizing;

use super::FactorKind;
use crate::credential::Password;
use crate::service::SignedIn;
use crate::session::ActiveSession;

/// How the first step of a sign-in ended.
pub enum SignInOutcome {
    /// Signed in: the account has no second factor.
    Done(SignedIn),
    /// The account has a second factor, and it was not shown yet.
    Pending(PendingSignIn),
}

impl SignInOutcome {
    /// The sign-in, if it is whole.
    #[must_use]
    pub fn done(self) -> Option<SignedIn> {
        match self {
            Self::Done(signed_in) => Some(signed_in),
            Self::Pending(_) => None,
        }
    }
}

/// A sign-in that waits for its second factor.
pub struct PendingSignIn {
    /// The value of the cookie that the second step is to bring.
    pub token: Token,
    /// What may be shown, for the page and the answer: `passkey`, `totp`, `recovery_code`.
    pub kinds: Vec<&'static str>,
}

/// What proves a second factor.
pub enum SecondProof<'a> {
    /// Six digits of a one-time code, or a recovery code.
    Code(&'a str),
    /// A passkey's answer.
    Passkey(PasskeyAnswer<'a>),
}

/// A passkey's answer to a challenge of ours.
pub struct PasskeyAnswer<'a> {
    /// The token of [`PasskeyOffer`].
    pub challenge: &'a str,
    /// The credential as the browser serialises it (WebAuthn Level 3 §5.1, `toJSON`).
    pub credential: serde_json::Value,
}

/// The second step of a sign-in.
pub struct SecondStep<'a> {
    /// The value of the cookie of [`PendingSignIn::token`], if it came once.
    pub pending: Option<&'a str>,
    /// What is shown.
    pub proof: SecondProof<'a>,
    /// The value of the session cookie that came along.
    pub presented: Option<&'a str>,
    /// The value of the device cookie that came along.
    pub device: Option<&'a str>,
}

/// A sign-in with a passkey alone.
pub struct PasskeySignIn<'a> {
    /// The passkey's answer; it names the account.
    pub answer: PasskeyAnswer<'a>,
    /// The value of the session cookie that came along.
    pub presented: Option<&'a str>,
    /// The value of the device cookie that came along.
    pub device: Option<&'a str>,
    /// Whether the longer pair of clocks is wanted (D-13).
    pub remember: bool,
}

/// For what a passkey is asked for a signature.
pub enum PasskeyPurpose<'a> {
    /// To sign in; whose it is, the passkey says.
    SignIn,
    /// As the second step of a sign-in: the value of the cookie.
    SecondStep(Option<&'a str>),
    /// As a fresh proof in a session.
    StepUp(&'a ActiveSession),
}

/// What a browser needs to ask an authenticator.
pub struct PasskeyOffer {
    /// Comes back with the answer; one use, five minutes.
    pub token: Token,
    /// `publicKey` options as WebAuthn Level 3 §5.1 has them in JSON.
    pub options: serde_json::Value,
}

/// A shared key that an app is to learn.
pub struct TotpOffer {
    /// Comes back with the first code; ten minutes.
    pub enrolment: Token,
    /// Base32, for typing.
    pub secret: Zeroizing<String>,
    /// `otpauth://` address, for a QR code.
    pub uri: Zeroizing<String>,
}

/// A fresh proof of who it is.
pub enum StepUpProof<'a> {
    /// The password: enough where the account has no second factor.
    Password(Password),
    /// A second factor.
    Second(SecondProof<'a>),
}

/// What an enrolment changed.
pub struct Enrolled {
    /// The factor.
    pub id: FactorId,
    /// Codes to be shown once, when the account had none.
    pub recovery_codes: Option<Vec<Zeroizing<String>>>,
    /// The session's new credential: its powers have changed (ASVS 7.2.4).
    pub signed_in: SignedIn,
}

/// Ten new recovery codes.
pub struct RecoveryCodes {
    /// Shown once.
    pub codes: Vec<Zeroizing<String>>,
    /// The session's new credential.
    pub signed_in: SignedIn,
}

/// A factor as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorSummary {
    /// Names it.
    pub id: FactorId,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// The last time that it proved anything.
    pub last_used_at: Option<Timestamp>,
}

/// The second factors of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorList {
    /// Oldest first.
    pub factors: Vec<FactorSummary>,
    /// Recovery codes that were not used yet.
    pub recovery_codes: u32,
}
