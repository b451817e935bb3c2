//! Mail to send is a row in the same transaction as the reason to send it.

mod fault;
pub(crate) mod flow;
mod model;
pub(crate) mod operate;
mod seal;
pub(crate) mod waiting;

pub use fault::{MailCause, MailFate, MailFault};
pub(crate) use model::{Letter, MailAllowance};
pub use model::{MailKind, OutboxMail, SealedMail};
pub use seal::MailSeal;
