//! The store against its contract, and the flows of the domain over it: real parts, a manual clock, repeatable chance.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod audit;
mod change_email;
mod contract;
mod database;
mod delete;
mod device;
mod file;
mod injection;
mod invite;
mod key_rotation;
mod opaque;
mod outage;
mod outbox;
mod password;
mod profile;
mod recovery;
mod rotation;
mod session;
mod sign_in;
mod sign_up;
mod support;
mod tamper;
mod throttle;
