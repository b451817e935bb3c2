//! Who opens sockets.

use std::io;

use async_trait::async_trait;
use tokio::net::TcpStream;

/// Opens a connection. Tests count and redirect here; what the host must prove does not change with it.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Resolves and connects.
    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream>;
}

/// The system's resolver and its sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDial;

#[async_trait]
impl Dial for SystemDial {
    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        TcpStream::connect((host, port)).await
    }
}
