//! Whom a connection comes from: the socket's other end, or what a listed proxy says of it before everything else (PROXY-01, PROXY-06).
//!
//! Comes in: an accepted connection and the networks of `listen.proxy_protocol`. Goes out: the peer, for whom everything that follows
//! counts, limits and answers; the stream then stands at the first octet after the header. A listed proxy has to speak the protocol and
//! nobody else may: no octet of the connection decides whether it is spoken. Must never know: TLS, HTTP.

mod header;
#[cfg(test)]
mod tests;

use std::io;

use doorward_kit::{Cidr, PeerAddr};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;

use header::{FIXED, HeaderFault, LINE_MAX, SIGNATURE, Told, WORD};

/// Why a proxy's connection is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArrivalFault {
    /// It said something else than a header.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// It went away before the header's end.
    #[error("the proxy hung up: {0}")]
    Gone(#[from] io::Error),
}

/// Whether a peer has to speak the protocol.
pub(super) fn must_speak(peer: PeerAddr, proxies: &[Cidr]) -> bool {
    proxies.iter().any(|network| network.contains(peer.ip()))
}

/// Reads the header of a listed proxy, and not one octet more. The caller has the clock.
pub(super) async fn announced(stream: &mut TcpStream, proxy: PeerAddr) -> Result<PeerAddr, ArrivalFault> {
    Ok(match read(stream).await? {
        Told::Client(client) => PeerAddr(client),
        Told::Itself => proxy,
    })
}

/// What is waiting can be looked at without taking it.
trait Peek: AsyncRead + Unpin {
    /// Waits for octets; how many of them are in `buffer`, 0 at the end.
    async fn look(&self, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Peek for TcpStream {
    async fn look(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.peek(buffer).await
    }
}

async fn read(stream: &mut impl Peek) -> Result<Told, ArrivalFault> {
    // The shortest header of either version is longer than this.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == *SIGNATURE {
        read_block(stream, start).await
    } else if start.starts_with(WORD) {
        read_line(stream, start).await
    } else {
        Err(HeaderFault::Syntax.into())
    }
}

async fn read_block(stream: &mut impl Peek, start: [u8; SIGNATURE.len()]) -> Result<Told, ArrivalFault> {
    let mut fixed = [0; FIXED];
    fixed[..start.len()].copy_from_slice(&start);
    stream.read_exact(&mut fixed[start.len()..]).await?;
    let mut rest = vec![0; header::rest_of_block(&fixed)?];
    stream.read_exact(&mut rest).await?;
    Ok(header::block(&fixed, &rest)?)
}

/// Nothing but its end says how long the line is, so what has come is looked at first and then taken up to there.
async fn read_line(stream: &mut impl Peek, start: [u8; SIGNATURE.len()]) -> Result<Told, ArrivalFault> {
    let mut line = [0; LINE_MAX];
    let mut length = start.len();
    line[..length].copy_from_slice(&start);
    while length < LINE_MAX {
        let seen = stream.look(&mut line[length..]).await?;
        if seen == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let end = line[length..length + seen].iter().position(|octet| *octet == b'\n').map(|at| at + 1);
        let taken = length + end.unwrap_or(seen);
        stream.read_exact(&mut line[length..taken]).await?;
        length = taken;
        if end.is_some() {
            return Ok(header::line(&line[..length])?);
        }
    }
    Err(HeaderFault::TooLong.into())
}
