//! The store against its contract, the flows of the domain over it, and what only a server can do wrong; over a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod database;
mod real;
#[expect(dead_code, reason = "the other crate has more tests")]
#[path = "../../../sqlite/tests/it/support.rs"]
mod support;
