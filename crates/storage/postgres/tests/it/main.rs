//! The store against its contract, the flows of the domain over it, and what only a server can do wrong; over a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "../../../sqlite/tests/it/authenticator.rs"]
mod authenticator;
mod database;
#[path = "../../../sqlite/tests/it/owner.rs"]
mod owner;
mod real;
#[path = "../../../sqlite/tests/it/scripted.rs"]
mod scripted;
#[path = "../../../sqlite/tests/it/second.rs"]
mod second;
#[expect(dead_code, reason = "the other crate has more tests")]
#[path = "../../../sqlite/tests/it/support.rs"]
mod support;
