//! Where a request comes from and where it wants to go.

mod address;
mod host;
mod origin;
mod public;

pub use address::{Cidr, CidrError, ClientAddr, Network, PeerAddr, Prefix};
pub use host::{Authority, Host, HostError};
pub use origin::{Origin, OriginError, Scheme};
pub use public::is_public;

use crate::id::RequestId;

/// What the door knows of a request before anybody decides about it.
///
/// The edge makes one per request and hands it on; nothing behind the edge derives a client address again.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext {
    /// Made by the edge.
    pub request_id: RequestId,
    /// The caller, derived by one walk through trusted hops (PROXY-01).
    pub client: ClientAddr,
    /// The other end of the socket.
    pub peer: PeerAddr,
    /// Whether the caller's connection to us is TLS.
    pub secure: bool,
}
