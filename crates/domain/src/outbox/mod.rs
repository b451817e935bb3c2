//! Mail to send is a row in the same transaction as the reason to send it.

pub(crate) mod flow;
mod model;
mod seal;

pub(crate) use model::{Letter, MailAllowance};
pub use model::{MailKind, OutboxMail, SealedMail};
pub use seal::{MailSeal, SealError};
