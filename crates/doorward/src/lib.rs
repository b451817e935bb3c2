//! The binary's parts: command line, wiring, lifecycle, and `dev` with its demo.
//!
//! Comes in: arguments, signals, the environment. Goes out: exit codes. This is the only room that knows every other.

pub mod activation;
pub mod certificate;
pub mod cli;
pub mod demo;
pub mod dev;
pub mod explain;
pub mod export;
pub mod exposure;
pub mod htpasswd;
pub mod lifecycle;
pub mod notify;
pub mod private_file;
pub mod process;
pub mod reload;
pub mod telemetry;
pub mod trail;
pub mod wire;
