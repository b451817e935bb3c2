//! Who opens sockets, and to which addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use doorward_kit::net::is_public;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// One of several addresses may take this long, so that a dead one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(3);

/// Opens a connection. Tests redirect here; what the host must prove does not change with it.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Resolves and connects.
    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream>;
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the public Internet.
    Public,
    /// Any: the provider stands on a developer's own machine.
    Anywhere,
}

/// The system's resolver and its sockets. What was judged is what is connected to: the name is asked for once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemDial(pub(crate) Reach);

#[async_trait]
impl Dial for SystemDial {
    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in lookup_host((host, port)).await?.filter(|address| self.permits(address)) {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(elapsed) => last = elapsed.into(),
            }
        }
        Err(last)
    }
}

impl SystemDial {
    fn permits(self, address: &SocketAddr) -> bool {
        self.0 == Reach::Anywhere || is_public(address.ip())
    }
}
