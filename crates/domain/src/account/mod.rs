//! Accounts and their addresses.

mod email;
pub(crate) mod identifier;
mod mail;
mod model;
pub(crate) mod operate;
pub(crate) mod sign_up;

pub use email::{EmailAddress, EmailError};
pub use model::User;
