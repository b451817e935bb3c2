//! Words in a file, and in the environment, become a [`Config`] whose every value is legal.
//!
//! Comes in: the text of `doorward.toml` and the process environment. Goes out: a `Config`, or every fault at once.
//! Must never know: sockets, databases, HTTP. Reading a configuration opens no port.

pub mod model;

pub use model::*;
