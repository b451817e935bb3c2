//! Second factors: one-time codes, passkeys, recovery codes (D-14), and the fresh proof that sensitive acts ask for (ASVS 7.5.3).

pub(crate) mod list;
mod model;
pub(crate) mod prove;
mod request;

pub(crate) use list::kinds;
pub use model::{Factor, FactorKind};
pub use request::{
    Enrolled, FactorList, FactorSummary, PasskeyAnswer, PasskeyOffer, PasskeyPurpose, PasskeySignIn, PendingSignIn,
    RecoveryCodes, SecondProof, SecondStep, SignInOutcome, StepUpProof, TotpOffer,
};
