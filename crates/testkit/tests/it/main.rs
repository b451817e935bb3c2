//! Whole-house tests: the real binary, looked at over real sockets only.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests report by panicking")]

mod api;
mod audit;
mod bad_input;
mod csrf;
mod dev;
mod email;
mod enumeration;
mod error;
mod framing;
mod gate;
mod header;
mod http2;
mod import;
mod limit;
mod log;
mod operate;
mod own_account;
mod path;
mod proxy;
mod race;
mod real;
mod recovery;
mod rotation;
mod session;
mod site;
mod tls;
