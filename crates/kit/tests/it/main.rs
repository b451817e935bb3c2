//! The alphabet, spelt against those who misspell on purpose.
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod address;
mod clock;
mod host;
mod origin;
mod redact;
mod ring;
mod seal;
mod secret;
