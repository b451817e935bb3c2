//! Sessions and the CSRF tokens bound to them.
mod csrf;
mod model;
pub use csrf::{CsrfBinding, CsrfKey};
pub use model::{ActiveSession, Session};
