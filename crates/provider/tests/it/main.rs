//! What a provider may say, over real sockets, and what becomes of it.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod good;
mod guard;
mod id_token;
mod mutation;
mod preset;
mod response;
mod rotation;
mod start;
mod support;
mod word;
