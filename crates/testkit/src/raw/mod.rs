//! A client that sends octets as they are, over TCP or TLS, from an address of one's choice.

mod read;
mod reply;
mod tls;

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Protocol, Socket, Type};

pub use read::ReadFault;
pub use reply::Reply;
pub use tls::{Alpn, Tls, Trust};

/// How long a read waits before it counts as silence.
pub const PATIENCE: Duration = Duration::from_secs(15);

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One connection.
pub struct RawClient {
    wire: Wire,
    /// Read from the wire and not yet taken by a reply.
    pending: Vec<u8>,
}

impl RawClient {
    /// Connects without TLS.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn plain(to: SocketAddr, from: IpAddr) -> io::Result<Self> {
        Ok(Self { wire: Wire::Plain(connect(to, from)?), pending: Vec::new() })
    }

    /// Connects and finishes the handshake.
    ///
    /// # Errors
    /// When nobody listens there, or the handshake fails.
    pub fn tls(to: SocketAddr, from: IpAddr, tls: &Tls) -> io::Result<Self> {
        let mut stream = connect(to, from)?;
        let mut session = tls.session()?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self { wire: Wire::Tls(Box::new(StreamOwned::new(session, stream))), pending: Vec::new() })
    }

    /// Connects, says something first, as a balancer in front does, and finishes the handshake.
    ///
    /// # Errors
    /// When nobody listens there, or the handshake fails.
    pub fn tls_after(preface: &[u8], to: SocketAddr, from: IpAddr, tls: &Tls) -> io::Result<Self> {
        let mut stream = connect(to, from)?;
        stream.write_all(preface)?;
        let mut session = tls.session()?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self { wire: Wire::Tls(Box::new(StreamOwned::new(session, stream))), pending: Vec::new() })
    }

    /// Sends octets.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Wire::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Sends octets that have to arrive.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes.as_ref()).expect("the connection takes what is sent");
    }

    /// Sends octets to a peer that may refuse and close before it has read them all.
    ///
    /// Stops as soon as an answer begins, as a careful client does (RFC 9112 §9.5): octets that nobody reads any more
    /// would make the kernel throw the answer away.
    pub fn send_what_it_takes(&mut self, bytes: impl AsRef<[u8]>) {
        const PIECE: usize = 8 * 1024;
        let mut pieces = bytes.as_ref().chunks(PIECE).peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            if self.try_send(piece).is_err() || (!is_last && self.is_answering()) {
                return;
            }
        }
    }

    fn is_answering(&mut self) -> bool {
        self.set_patience(Duration::from_millis(5));
        let read = self.fill();
        self.set_patience(PATIENCE);
        !self.pending.is_empty() || matches!(read, Ok(0))
    }

    /// Closes our half: no more octets come from us.
    pub fn finish(&mut self) {
        match &mut self.wire {
            Wire::Plain(stream) => drop(stream.shutdown(std::net::Shutdown::Write)),
            Wire::Tls(stream) => {
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    }

    /// Changes how long a read waits.
    pub fn set_patience(&self, patience: Duration) {
        self.socket().set_read_timeout(Some(patience)).unwrap();
    }

    /// The address that the other side sees.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket().local_addr().unwrap()
    }

    /// The TLS session, when there is one.
    #[must_use]
    pub fn session(&self) -> Option<&ClientConnection> {
        match &self.wire {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => Some(&stream.conn),
        }
    }

    fn socket(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    /// Reads what is there into `pending`; zero at the end.
    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let read = match &mut self.wire {
            Wire::Plain(stream) => stream.read(&mut chunk),
            Wire::Tls(stream) => stream.read(&mut chunk),
        };
        match read {
            Ok(n) => {
                self.pending.extend_from_slice(&chunk[..n]);
                Ok(n)
            }
            // A peer that closes without the closing alert, or resets: the end, for a test's purposes.
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn connect(to: SocketAddr, from: IpAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    if from.is_ipv4() == to.is_ipv4() {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    socket.connect_timeout(&to.into(), Duration::from_secs(5))?;
    let stream: TcpStream = socket.into();
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
