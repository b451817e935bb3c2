//! Pending sign-ups and the tokens that prove an address.

pub(crate) mod flow;
mod mail;
mod model;

pub(crate) use mail::verification_mail;
pub use model::PendingSignUp;
