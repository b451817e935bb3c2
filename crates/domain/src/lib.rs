//! What an account is and may do.
//!
//! Comes in: typed requests of a [`Visitor`]. Goes out: outcomes as enums; rows through the ports in [`store`].
//! Must never know: HTTP, SQL, files, sockets.

pub mod account;
pub mod audit;
pub mod ceremony;
pub mod credential;
pub mod device;
pub mod factor;
pub mod federation;
pub mod gate_pass;
mod instant;
mod keys;
pub mod notice;
pub mod one_time;
pub mod outbox;
mod recovery;
pub mod service;
pub mod session;
pub mod store;
mod sweep;
pub mod throttle;
pub mod verification;

pub use account::{EmailAddress, User};
pub use audit::{AuditEntry, AuditEvent, Outcome};
pub use credential::{HashError, Password, PasswordCheck, PasswordHasher};
pub use service::{Accounts, Visitor};
pub use session::{ActiveSession, CsrfBinding, CsrfKey, Session};
pub use store::{Store, StoreError, Tx};
pub use throttle::{Counters, Decision};
