//! Every listener is bound before anything is served: a half-open door is no door.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that the kernel holds while we are busy.
const BACKLOG: i32 = 4096;

/// Where to listen; port 0 takes any free port.
#[derive(Debug, Clone, Default)]
pub struct ListenSpec {
    /// Plain HTTP: redirects only (TLS-16).
    pub http: Vec<SocketAddr>,
    /// TLS.
    pub https: Vec<SocketAddr>,
    /// Health, for operators.
    pub internal: Option<SocketAddr>,
}

/// Bound listeners, not yet served.
#[derive(Debug)]
pub struct Bound {
    pub(super) http: Vec<TcpListener>,
    pub(super) https: Vec<TcpListener>,
    pub(super) internal: Option<TcpListener>,
    addresses: ListenSpec,
}

impl Bound {
    /// The addresses as they really are, ports filled in.
    #[must_use]
    pub fn addresses(&self) -> &ListenSpec {
        &self.addresses
    }
}

/// A listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// Binds all or none. Must be called within a tokio runtime.
///
/// # Errors
/// [`BindError`] of the first address that is taken or not ours.
pub fn bind(spec: &ListenSpec) -> Result<Bound, BindError> {
    let http = bind_all(&spec.http)?;
    let https = bind_all(&spec.https)?;
    let internal = spec.internal.map(bind_one).transpose()?;
    let actual = |listeners: &[(TcpListener, SocketAddr)]| listeners.iter().map(|(_, address)| *address).collect();
    let addresses =
        ListenSpec { http: actual(&http), https: actual(&https), internal: internal.as_ref().map(|(_, address)| *address) };
    let listeners = |bound: Vec<(TcpListener, SocketAddr)>| bound.into_iter().map(|(listener, _)| listener).collect();
    Ok(Bound { http: listeners(http), https: listeners(https), internal: internal.map(|(listener, _)| listener), addresses })
}

fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    addresses.iter().map(|address| bind_one(*address)).collect()
}

fn bind_one(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let fail = |source| BindError { address, source };
    let listener = listen(address).map_err(fail)?;
    let actual = listener.local_addr().map_err(fail)?;
    Ok((listener, actual))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` means IPv6 alone: what listens on IPv4 is written down as well (EXPO-01).
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
