//! Second factors: one-time codes, passkeys, recovery codes (D-14), and the fresh proof that sensitive acts ask for (ASVS 7.5.3).

mod model;
mod request;

pub use model::{Factor, FactorKind};
pub use request::{
    Enrolled, FactorList, FactorSummary, PasskeyAnswer, PasskeyOffer, PasskeyPurpose, PasskeySignIn, PendingSignIn, SecondProof,
    SecondStep, SignInOutcome, StepUpProof, TotpOffer,
};
