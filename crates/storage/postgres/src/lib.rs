//! The domain's ports over PostgreSQL 15 and later.
//!
//! Comes in: [`PostgresSettings`]. Goes out: a [`PostgresStore`] that any number of nodes may share. Each unit of work is one READ
//! COMMITTED transaction: what it reads of an account it locks, and tokens are found and removed in one statement. Every answer is waited
//! for with a limit (`link.rs`). Must never know: HTTP.

mod audit;
mod ceremony;
mod device;
mod error;
mod factor;
mod failure;
mod gate_pass;
mod identity;
mod link;
mod one_time;
mod open;
mod outbox;
#[cfg(test)]
#[path = "plan.rs"]
mod real;
mod row;
mod session;
mod settings;
mod sign_up;
mod store;
mod tx;
mod user;
mod vault;

pub use open::{OpenError, lets_in_whoever_comes};
pub use settings::{PostgresSettings, PostgresTls};
pub use store::PostgresStore;
