//! Passwords: the value, the rules, and how they are hashed.

mod argon2;
mod blocklist;
pub mod calibrate;
mod engine;
pub(crate) mod foreign;
mod password;
mod phc;
pub(crate) mod policy;
mod pool;
mod strength;
mod words;

pub use argon2::{Argon2Error, Argon2Settings};
pub use blocklist::{Blocklist, BlocklistFault, BlocklistProblem};
pub use password::{HashError, PASSWORD_MAX_OCTETS, Password, PasswordCheck, PasswordHasher};
pub use policy::Strength;
pub use pool::Argon2Pool;
