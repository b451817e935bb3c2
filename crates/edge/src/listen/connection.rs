//! One connection: handshake, then the protocol that ALPN chose.

use doorward_kit::PeerAddr;
use doorward_kit::net::Scheme;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::door::Door;
use super::stop::Stop;
use super::{http1, http2};

/// TLS first. A handshake that fails or dawdles is dropped without a word: there is nobody to talk to yet.
pub(super) async fn secure(stream: TcpStream, peer: PeerAddr, door: Door, tls: TlsAcceptor, mut stop: Stop) {
    let patience = door.edge().policy().times.handshake;
    let handshake = tokio::time::timeout(patience, tls.accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = stop.requested() => return,
    };
    let stream = match accepted {
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
    // ALPN decides, never the first octets: nothing guesses a protocol here (HTTP-14).
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, peer, door, stop).await;
    } else {
        http1::serve(stream, peer, Scheme::Https, door, stop).await;
    }
}

/// Plain text: HTTP/1.1 alone.
pub(super) async fn plain(stream: TcpStream, peer: PeerAddr, door: Door, stop: Stop) {
    http1::serve(stream, peer, Scheme::Http, door, stop).await;
}
