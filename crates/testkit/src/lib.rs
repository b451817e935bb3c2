//! What the whole-house tests are made of: the real binary, raw clients, upstreams that record and lie, a mailbox, a browser.
//!
//! Comes in: a sentence about what a house should be. Goes out: a running [`House`] that is looked at over real sockets
//! only. Must never know: the insides of any other room; a test that needs them belongs into that room's own crate.
//!
//! Everything here blocks on purpose: a test reads from top to bottom, and what was sent before what is plain to see.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test kit reports by panicking; the message is the report"
)]

mod address;
pub mod browser;
mod ca;
pub mod canary;
mod client;
pub mod dice;
mod faucet;
pub mod h2;
mod house;
mod json;
mod mailbox;
pub mod noise;
pub mod raw;
pub mod real;
pub mod siege;
pub mod storm;
pub mod timing;
mod totp;
mod upstream;

pub use address::{INSIDE, OUTSIDE, PROXY, SOMEWHERE, free_port};
pub use ca::TestCa;
pub use client::{CSRF_COOKIE, Client, Request, SESSION_COOKIE};
pub use faucet::Faucet;
pub use house::{ADMIN_PASSWORD, ADMIN_USER, House, HouseBuilder, Node, Start, basic_auth, binary, second_step, until};
pub use json::{assert_detail, detail};
pub use mailbox::{Mail, Mailbox};
pub use raw::{RawClient, ReadFault, Reply, Tls};
pub use totp::Totp;
pub use upstream::{Act, EchoUpstream, Recorded};
