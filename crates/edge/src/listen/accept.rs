//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{ClientAddr, PeerAddr};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::cap::{Place, PrefixCap};
use super::connection;
use super::door::Door;
use super::serve::is_connection_error;
use super::stop::Stop;
use crate::metrics::OpenConnection;

/// First and longest pause after an error that is the process's own, such as having no file descriptors left.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Silence after which the kernel asks whether the other end is still there.
const SILENCE: Duration = Duration::from_secs(60);

/// What accept loops share.
#[derive(Debug, Clone)]
pub(super) struct Acceptor {
    pub(super) stop: Stop,
    pub(super) places: Arc<Semaphore>,
    pub(super) prefixes: PrefixCap,
}

/// Accepts until stopped, then waits for the connections it opened.
pub(super) async fn accept_loop(listener: TcpListener, shared: Acceptor, door: Door, tls: Option<TlsAcceptor>) {
    let mut stop = shared.stop.clone();
    let mut connections = JoinSet::new();
    let mut pause = PAUSE;
    loop {
        let next = tokio::select! {
            biased;
            () = stop.requested() => break,
            Some(_) = connections.join_next() => continue,
            next = next_connection(&listener, &shared.places) => next,
        };
        match next {
            Ok((stream, peer, permit)) => {
                pause = PAUSE;
                let Some(place) = admit(&shared.prefixes, peer, &door) else { continue };
                let open = door.edge().metrics().connected(door.listener());
                connections.spawn(hold(stream, peer, door.clone(), tls.clone(), stop.clone(), (permit, place, open)));
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// A place first, a connection then: what cannot be served stays in the kernel's queue (back-pressure, HTTP-11).
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, PeerAddr, OwnedSemaphorePermit)> {
    let permit = places.clone().acquire_owned().await.map_err(|_| std::io::ErrorKind::Interrupted)?;
    let (stream, peer): (_, SocketAddr) = listener.accept().await?;
    // Answers are written whole; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    // A tunnel may be silent for hours: only the kernel can tell that its other end is gone, and its place free again.
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 4))?;
    Ok((stream, PeerAddr(peer), permit))
}

/// A trusted proxy brings many clients over its own address and is not counted.
fn admit(prefixes: &PrefixCap, peer: PeerAddr, door: &Door) -> Option<Option<Place>> {
    if door.edge().trusts(peer) {
        return Some(None);
    }
    prefixes.take(ClientAddr::new(peer.ip()), door.edge().policy().sizes.connections).map(Some)
}

async fn hold(
    stream: TcpStream,
    peer: PeerAddr,
    door: Door,
    tls: Option<TlsAcceptor>,
    stop: Stop,
    places: (OwnedSemaphorePermit, Option<Place>, OpenConnection),
) {
    match tls {
        Some(tls) => connection::secure(stream, peer, door, tls, stop).await,
        None => connection::plain(stream, peer, door, stop).await,
    }
    drop(places);
}
