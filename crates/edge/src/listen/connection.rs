//! One connection: handshake, then the protocol that ALPN chose.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use doorward_kit::PeerAddr;
use doorward_kit::net::Scheme;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::bounded::Bounded;
use super::door::Door;
use super::handshake::{Turns, Underway};
use super::stop::Stop;
use super::{http1, http2};
use crate::tls::ACME_TLS;

/// A fatal alert: `unrecognized_name` (RFC 8446 §6).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// What may be read after a hello until the handshake is done: the client's second flight, far below 4 KiB without a certificate of its own,
/// and the one whole record of its first request that the library may take along (RFC 8446 §5.2).
const SECOND_FLIGHT_MAX: usize = 4 * 1024 + 5 + 16 * 1024 + 256;

/// TLS first. A handshake that fails, dawdles or says too much is dropped without a word: there is nobody to talk to yet.
pub(super) async fn secure(
    stream: TcpStream,
    peer: PeerAddr,
    door: Door,
    tls: TlsAcceptor,
    mut underway: Option<Underway>,
    mut stop: Stop,
) {
    let policy = door.edge().policy();
    let (patience, hello) = (policy.times.handshake, policy.sizes.hello);
    drop(policy);
    let turns = underway.as_ref().map(Underway::turns);
    let handshake = tokio::time::timeout(patience, shake_hands(Bounded::new(stream, hello), &tls, turns));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = given_up(&mut underway) => {
            door.edge().metrics().handshake_failed();
            return tracing::debug!(peer = %peer.ip(), "TLS handshake gave way to a newer one of its line");
        }
        () = stop.requested() => return,
    };
    drop(underway);
    let mut stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            door.edge().metrics().handshake_failed();
            return tracing::debug!(peer = %peer.ip(), %error, "TLS handshake failed");
        }
        Err(_) => {
            door.edge().metrics().handshake_failed();
            return tracing::debug!(peer = %peer.ip(), "TLS handshake took too long");
        }
    };
    stream.get_mut().0.lift();
    if stream.get_ref().1.alpn_protocol() == Some(ACME_TLS) {
        // The handshake was the whole answer (RFC 8737 §4): nothing is read, nothing is served.
        let _ = tokio::time::timeout(patience, stream.shutdown()).await;
        return;
    }
    // ALPN decides, never the first octets: nothing guesses a protocol here (HTTP-14).
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, peer, door, stop).await;
    } else {
        http1::serve(stream, peer, Scheme::Https, door, stop).await;
    }
}

/// A hello for a host that is not ours is told so, in the words that clients know (RFC 6066 §3): the library would say `access_denied`.
///
/// The signature is made when the rest is polled for the first time; only for that long a turn of the line is held (EDGE-RL-10).
async fn shake_hands<S>(stream: Bounded<S>, tls: &TlsAcceptor, turns: Option<Turns>) -> io::Result<TlsStream<Bounded<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    if tls.config().cert_resolver.resolve(start.client_hello()).is_none() {
        start.io.write_all(&UNRECOGNIZED_NAME).await?;
        start.io.shutdown().await?;
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the hello is for somebody else"));
    }
    start.io.renew(SECOND_FLIGHT_MAX);
    let turn = match turns {
        Some(turns) => turns.take().await,
        None => None,
    };
    let mut rest = start.into_stream(tls.config().clone());
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut rest).poll(cx))).await;
    drop(turn);
    match first {
        Poll::Ready(done) => done,
        Poll::Pending => rest.await,
    }
}

async fn given_up(underway: &mut Option<Underway>) {
    match underway {
        Some(underway) => underway.lost().await,
        None => std::future::pending().await,
    }
}

/// Plain text: HTTP/1.1 alone.
pub(super) async fn plain(stream: TcpStream, peer: PeerAddr, door: Door, stop: Stop) {
    http1::serve(stream, peer, Scheme::Http, door, stop).await;
}
