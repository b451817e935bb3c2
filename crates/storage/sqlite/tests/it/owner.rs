//! What the tests of signing in and stepping up share: an account with one-time codes, and where it stands.

use std::time::Duration;

use doorward_domain::factor::{SecondProof, SecondStep, SignInOutcome, StepUpProof};
use doorward_domain::service::{FlowError, SignedIn};

use crate::second::App;
use crate::support::{House, PASSWORD, caller, proof, visitor};

/// An account with one-time codes, signed in where it enrolled them.
pub(crate) struct Owner {
    pub(crate) email: &'static str,
    pub(crate) app: App,
    pub(crate) recovery_codes: Vec<String>,
    pub(crate) signed_in: SignedIn,
}

impl Owner {
    /// Waits for a code that was never shown before.
    pub(crate) fn next_code(&self, house: &House) -> String {
        house.clock.advance(Duration::from_secs(30));
        self.app.code(house, 0)
    }

    pub(crate) fn wrong_code(&self, house: &House) -> String {
        self.app.wrong_code(house)
    }
}

impl House {
    /// A member that enrols one-time codes.
    pub(crate) async fn owner(&self, email: &'static str) -> Owner {
        self.member(email).await;
        let signed_in = self.sign_in(email, PASSWORD).await.unwrap();
        self.owner_in(email, &signed_in).await
    }

    /// Enrols one-time codes in a session that is there.
    pub(crate) async fn owner_in(&self, email: &'static str, signed_in: &SignedIn) -> Owner {
        let (app, enrolled) = self.enrol_app(&signed_in.active).await;
        let recovery_codes = enrolled.recovery_codes.into_iter().flatten().map(|code| code.to_string()).collect();
        Owner { email, app, recovery_codes, signed_in: enrolled.signed_in }
    }

    /// The right password of an account with a second factor: the value of the cookie that waits.
    pub(crate) async fn waiting(&self, email: &str, password: &str) -> String {
        match self.accounts.sign_in(visitor(&caller(1)), proof(email, password, None)).await.unwrap() {
            SignInOutcome::Pending(pending) => pending.token.reveal(),
            SignInOutcome::Done(_) => panic!("no second factor was asked for"),
        }
    }

    /// A code for a sign-in that waits.
    pub(crate) async fn answer(&self, pending: &str, code: &str) -> Result<SignedIn, FlowError> {
        let step = SecondStep { pending: Some(pending), proof: SecondProof::Code(code), presented: None, device: None };
        self.accounts.finish_sign_in(visitor(&caller(1)), step).await
    }

    /// Both steps.
    pub(crate) async fn sign_in_twice(&self, owner: &Owner) -> SignedIn {
        let pending = self.waiting(owner.email, PASSWORD).await;
        self.answer(&pending, &owner.next_code(self)).await.unwrap()
    }

    /// A fresh proof by a code.
    pub(crate) async fn step_up(&self, signed_in: &SignedIn, code: &str) -> Result<SignedIn, FlowError> {
        let proof = StepUpProof::Second(SecondProof::Code(code));
        self.accounts.step_up(visitor(&caller(1)), &signed_in.active, proof).await
    }
}
