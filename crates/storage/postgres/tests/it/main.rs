//! The store on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod real;
