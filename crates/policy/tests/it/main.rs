//! Decisions as data: what a configuration turns into, and what is held against it.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod cookie;
mod csp;
mod header;
mod judge;
mod path;
mod route;
mod support;
