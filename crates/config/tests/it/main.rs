//! What a configuration may say, and how it is told what it may not.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod account;
mod cookie;
mod cors;
mod example;
mod fault;
mod gate;
mod limit;
mod listen;
mod network;
mod oauth;
mod overrides;
mod remote;
mod route;
mod secret;
mod site;
mod support;
mod tls;
mod upstream;
