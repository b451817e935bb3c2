//! Sockets: bound first, then served, then drained.
//!
//! Comes in: addresses, certificates, an [`Edge`](crate::Edge), a signal to stop. Goes out: requests for the layer stack.
//! Must never know: routes, gates, accounts.

mod accept;
mod arrival;
mod bind;
mod bounded;
mod cap;
mod connection;
mod door;
pub mod framing;
mod guests;
mod handshake;
mod http1;
mod http2;
mod meter;
mod passed;
mod plain;
mod serve;
mod stop;

pub use bind::{BindError, Bound, ListenSpec, bind, bind_beside};
pub use door::{Documents, Readiness};
pub use passed::{Handed, Passed, PassedError};
pub use serve::{ServeParts, serve};

pub(crate) use framing::{BodyFault, FramingFault};
