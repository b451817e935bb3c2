//! Counters over a real Redis.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests report by panicking")]

mod clock;
mod contract;
mod fault;
mod key;
mod race;
mod support;
mod tls;
