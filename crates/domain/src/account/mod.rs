//! Accounts and their addresses.
mod email;
mod model;
pub use email::{EmailAddress, EmailError};
pub use model::User;
