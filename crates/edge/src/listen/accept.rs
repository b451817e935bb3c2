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

use super::arrival::{self, ArrivalFault};
use super::cap::{Place, PrefixCap};
use super::connection;
use super::door::Door;
use super::handshake::{Handshakes, Underway};
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
    pub(super) handshakes: Handshakes,
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
                // Whom a proxy brings is known, and counted, once it has said so.
                let is_brought = door.asks_for_header(peer);
                let guest = if is_brought { None } else { admit(&shared, peer, &door, tls.is_some()) };
                if guest.is_none() && !is_brought {
                    continue;
                }
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(peer = %peer.ip(), %error, "the connection was gone at once");
                    continue;
                }
                let open = door.edge().metrics().connected(door.listener());
                connections.spawn(hold(stream, peer, guest, shared.clone(), door.clone(), tls.clone(), (permit, open)));
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
    Ok((stream, PeerAddr(peer), permit))
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    // Answers are written whole; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    // A tunnel may be silent for hours: only the kernel can tell that its other end is gone, and its place free again.
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 4))
}

/// What a connection that is let in holds.
struct Guest {
    place: Option<Place>,
    underway: Option<Underway>,
}

/// Whether somebody is let in, decided before anything is spent on a connection. A trusted proxy brings many clients over its own address
/// and is not counted.
fn admit(shared: &Acceptor, peer: PeerAddr, door: &Door, is_tls: bool) -> Option<Guest> {
    let edge = door.edge();
    if edge.trusts(peer) {
        return Some(Guest { place: None, underway: None });
    }
    let (client, sizes) = (ClientAddr::new(peer.ip()), edge.policy().sizes);
    let place = shared.prefixes.take(client, sizes.connections).filter(|_| !is_tls || edge.may_shake_hands(client));
    let Some(place) = place else {
        edge.metrics().turned_away();
        return None;
    };
    let underway = is_tls.then(|| shared.handshakes.enter(client, sizes.handshakes));
    Some(Guest { place: Some(place), underway })
}

async fn hold(
    mut stream: TcpStream,
    mut peer: PeerAddr,
    guest: Option<Guest>,
    shared: Acceptor,
    door: Door,
    tls: Option<TlsAcceptor>,
    held: (OwnedSemaphorePermit, OpenConnection),
) {
    let mut stop = shared.stop.clone();
    let guest = match guest {
        Some(guest) => guest,
        None => {
            let announced = tokio::select! {
                announced = introduce(&mut stream, peer, &door) => announced,
                () = stop.requested() => None,
            };
            let Some(client) = announced else { return };
            peer = client;
            let Some(guest) = admit(&shared, client, &door, tls.is_some()) else { return };
            guest
        }
    };
    drop(shared);
    match tls {
        Some(tls) => connection::secure(stream, peer, door, tls, guest.underway, stop).await,
        None => connection::plain(stream, peer, door, stop).await,
    }
    drop((guest.place, held));
}

/// Lets a listed proxy say whom it brings; what it says instead is answered by nothing (PROXY-06).
async fn introduce(stream: &mut TcpStream, proxy: PeerAddr, door: &Door) -> Option<PeerAddr> {
    // Part of what a handshake may take: a proxy sends its header before anything else, and at once.
    let patience = door.edge().policy().times.handshake / 2;
    match tokio::time::timeout(patience, arrival::announced(stream, proxy)).await {
        Ok(Ok(client)) => return Some(client),
        // Balancers look whether a port is open, and say nothing.
        Ok(Err(ArrivalFault::Gone(_))) => tracing::debug!(proxy = %proxy.ip(), "a proxy went away before it said whom it brings"),
        Ok(Err(error)) => tracing::warn!(proxy = %proxy.ip(), %error, "a proxy does not speak the PROXY protocol"),
        Err(_) => tracing::warn!(proxy = %proxy.ip(), "a proxy did not say in time whom it brings"),
    }
    None
}
