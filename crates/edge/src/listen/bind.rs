//! Every listener is bound before anything is served: a half-open door is no door.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpListener;

use super::passed::Handed;

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
    bind_beside(spec, Handed::default())
}

/// As [`bind`], but for what was bound before and handed over.
///
/// # Errors
/// [`BindError`] of the first address that is taken or not ours.
pub fn bind_beside(spec: &ListenSpec, mut handed: Handed) -> Result<Bound, BindError> {
    let http = bind_all(&spec.http, &mut handed)?;
    let https = bind_all(&spec.https, &mut handed)?;
    let internal = spec.internal.map(|address| bind_one(address, &mut handed)).transpose()?;
    let actual = |listeners: &[(TcpListener, SocketAddr)]| listeners.iter().map(|(_, address)| *address).collect();
    let addresses =
        ListenSpec { http: actual(&http), https: actual(&https), internal: internal.as_ref().map(|(_, address)| *address) };
    let listeners = |bound: Vec<(TcpListener, SocketAddr)>| bound.into_iter().map(|(listener, _)| listener).collect();
    Ok(Bound { http: listeners(http), https: listeners(https), internal: internal.map(|(listener, _)| listener), addresses })
}

fn bind_all(addresses: &[SocketAddr], handed: &mut Handed) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    addresses.iter().map(|address| bind_one(*address, handed)).collect()
}

fn bind_one(address: SocketAddr, handed: &mut Handed) -> Result<(TcpListener, SocketAddr), BindError> {
    let fail = |source| BindError { address, source };
    let listener = match handed.take(address) {
        Some(listener) => adopt(listener),
        None => listen(address),
    };
    let listener = listener.map_err(fail)?;
    let actual = listener.local_addr().map_err(fail)?;
    Ok((listener, actual))
}

/// It may be bound and not listen yet: to say so a second time does no harm.
fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    SockRef::from(&listener).listen(BACKLOG)?;
    TcpListener::from_std(listener)
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
