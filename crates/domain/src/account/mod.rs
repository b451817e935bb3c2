//! Accounts and their addresses.

pub(crate) mod change_email;
pub(crate) mod delete;
mod email;
pub(crate) mod export;
pub(crate) mod identifier;
pub(crate) mod import;
pub(crate) mod invite;
pub(crate) mod mail;
mod model;
pub(crate) mod operate;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod proof;
pub(crate) mod sign_up;
pub(crate) mod text;
pub(crate) mod throw_away;

pub use email::{EmailAddress, EmailError};
pub use export::AccountExport;
pub use import::{ImportFault, ImportOutcome, Newcomer};
pub use model::{ProfileChanges, User};
