//! The store against its contract, and the flows of the domain over it: real parts, a manual clock, repeatable chance.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod audit;
mod contract;
mod device;
mod file;
mod outbox;
mod password;
mod rotation;
mod session;
mod sign_in;
mod sign_up;
mod support;
mod throttle;
