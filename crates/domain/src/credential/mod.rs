//! Passwords and how they are hashed.
mod password;
pub use password::{HashError, Password, PasswordCheck, PasswordHasher};
