//! The command line as a person or a script meets it.
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod check;
mod leak;
mod sabotage;
