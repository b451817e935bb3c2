//! Sessions and the CSRF tokens bound to them.

pub(crate) mod cache;
mod csrf;
mod guess;
pub(crate) mod lookup;
mod model;
pub(crate) mod opening;
pub(crate) mod own;
pub(crate) mod pending;
pub(crate) mod renew;
pub(crate) mod rotate;
pub(crate) mod second_step;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod standing;
pub(crate) mod step_up;

pub use csrf::{CsrfBinding, CsrfKey};
pub use model::{ActiveSession, PreviousCredential, Session};
