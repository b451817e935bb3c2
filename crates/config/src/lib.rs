//! Words in a file, and in the environment, become a [`Config`] whose every value is legal.
//!
//! Comes in: the text of `doorward.toml` and the process environment. Goes out: a `Config`, or every fault at once.
//! Must never know: sockets, databases, HTTP. Reading a configuration opens no port.

mod address;
mod change;
mod cross;
pub mod env;
pub mod fault;
mod foreign;
mod load;
mod locate;
pub mod model;
mod named;
mod network;
mod orderable;
mod reader;
pub mod reference;
mod render;
pub mod secret;
mod section;
mod value;

pub use change::needs_restart;
pub use env::{EnvSource, ProcessEnv};
pub use fault::{Fault, Faults, Place};
pub use load::{load, parse};
pub use locate::locate;
pub use model::*;
pub use named::{NamedSecret, SecretKind};
pub use secret::SecretError;
