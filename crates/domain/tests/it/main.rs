//! The domain without a store: tokens, addresses, keys of counters, hashing. Flows are tested where there is a store.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod csrf;
mod email;
mod hashing;
mod support;
mod throttle;
