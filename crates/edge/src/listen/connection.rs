//! One connection: handshake, then the protocol that ALPN chose.

use doorward_kit::PeerAddr;
use doorward_kit::net::Scheme;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::bounded::Bounded;
use super::door::Door;
use super::handshake::Underway;
use super::stop::Stop;
use super::{http1, http2};

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
    let handshake = tokio::time::timeout(patience, tls.accept(Bounded::new(stream, hello)));
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
    // ALPN decides, never the first octets: nothing guesses a protocol here (HTTP-14).
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, peer, door, stop).await;
    } else {
        http1::serve(stream, peer, Scheme::Https, door, stop).await;
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
