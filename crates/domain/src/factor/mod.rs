//! Second factors: one-time codes, passkeys, recovery codes (D-14), and the fresh proof that sensitive acts ask for (ASVS 7.5.3).

pub(crate) mod ask;
pub(crate) mod change;
pub(crate) mod enrol;
pub(crate) mod list;
mod model;
mod passkey;
pub(crate) mod prove;
mod recovery_code;
mod request;
mod secret;
mod totp;

pub(crate) use list::kinds;
pub use model::{Factor, FactorKind};
pub use request::{
    Enrolled, FactorList, FactorSummary, PasskeyAnswer, PasskeyOffer, PasskeyPurpose, PasskeySignIn, PendingSignIn,
    RecoveryCodes, SecondProof, SecondStep, SignInOutcome, StepUpProof, TotpOffer,
};
