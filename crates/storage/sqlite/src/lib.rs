//! The domain's ports over SQLite.
//!
//! Comes in: a path. Goes out: a [`SqliteStore`]. One connection writes, each unit of work being one `BEGIN IMMEDIATE` transaction, so
//! writers queue here and not inside SQLite; a few read. The log is written ahead (WAL) and synced at every commit: what was answered is
//! on the disk. Must never know: HTTP.

mod audit;
mod ceremony;
mod device;
mod error;
mod factor;
mod failure;
mod gate_pass;
mod identity;
mod one_time;
mod open;
mod outbox;
#[cfg(test)]
mod plan;
mod row;
mod session;
mod sign_up;
mod store;
mod tx;
mod user;

pub use open::OpenError;
pub use store::SqliteStore;
