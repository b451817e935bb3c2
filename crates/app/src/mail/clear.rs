//! The clear part of a conversation that goes over to TLS.
//!
//! Whoever sits between us and a relay can add lines behind the reply to STARTTLS. Read ahead in clear and looked at after the handshake,
//! they would pass for what the relay said under TLS (response injection, CVE-2011-0411 seen from the client's side). So nothing is read
//! ahead: octets are handed on line by line, and what follows the reply's line is left to the handshake, which fails of it.
//!
//! The mail library bounds a line only after it has read its end, so octets that go on without one are bounded here.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Octets taken from the socket at once.
const CHUNK: usize = 4096;

/// Octets that a relay may send on one connection, those of TLS included: some twenty times what an honest one needs.
const BUDGET: usize = 256 * 1024;

/// A connection whose octets are handed on one line at a time.
#[derive(Debug)]
pub(super) struct LineByLine {
    stream: TcpStream,
    held: Vec<u8>,
    budget: usize,
}

impl LineByLine {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, held: Vec::new(), budget: BUDGET }
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            if self.budget == 0 {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk[..self.budget.min(CHUNK)]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))?;
            self.budget -= chunk.filled().len();
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// What is read of a relay that sends this and then closes.
    async fn read(octets: Vec<u8>) -> (Vec<u8>, io::Result<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let relay = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.write_all(&octets).await;
        });
        let mut client = LineByLine::new(TcpStream::connect(address).await.expect("a connection"));
        let mut heard = Vec::new();
        let end = client.read_to_end(&mut heard).await;
        drop(client);
        relay.await.expect("no panic");
        (heard, end)
    }

    #[tokio::test]
    async fn octets_without_a_line_end_and_lines_without_an_end_are_read_up_to_the_budget() {
        for piece in ["x", "250-more\r\n"] {
            let (heard, end) = read(piece.repeat(BUDGET).into_bytes()).await;
            assert_eq!((heard.len(), end.map_err(|error| error.kind())), (BUDGET, Err(io::ErrorKind::InvalidData)), "{piece:?}");
        }
    }

    #[tokio::test]
    async fn what_stays_below_the_budget_is_read_to_its_end() {
        let (heard, end) = read(vec![b'x'; BUDGET - 1]).await;
        assert_eq!((heard.len(), end.expect("no fault")), (BUDGET - 1, BUDGET - 1));
    }
}
