//! The clear part of a conversation that goes over to TLS.
//!
//! Whoever sits between us and a relay can add lines behind the reply to STARTTLS. Read ahead in clear and looked at after the handshake,
//! they would pass for what the relay said under TLS (response injection, CVE-2011-0411 seen from the client's side). So nothing is read
//! ahead: octets are handed on line by line, and what follows the reply's line is left to the handshake, which fails of it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Octets taken from the socket at once.
const CHUNK: usize = 4096;

/// A connection whose octets are handed on one line at a time.
#[derive(Debug)]
pub(super) struct LineByLine {
    stream: TcpStream,
    held: Vec<u8>,
}

impl LineByLine {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, held: Vec::new() }
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))?;
            self.held.extend_from_slice(chunk.filled());
        }
        let line = self.held.iter().position(|octet| *octet == b'\n').map_or(self.held.len(), |end| end + 1);
        let given: Vec<u8> = self.held.drain(..line.min(out.remaining())).collect();
        out.put_slice(&given);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for LineByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
