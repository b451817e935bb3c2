//! Octets that no client would send: malformed messages over TLS, and the first message of old versions of TLS.

use std::net::IpAddr;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Answer, Call, Connection, Fault, Observer, connect, wire};

impl Observer {
    /// Sends octets on a TLS connection of their own; gives the first answer, and whether the connection ended with it.
    pub(crate) async fn throw(
        &self,
        call: &Call,
        octets: &[u8],
        connection: &mut Option<Connection>,
    ) -> Result<(Answer, bool), Fault> {
        let stream = self.secure(call, connection).await?;
        wire::Wire::new(stream).throw(octets).await
    }

    /// Sends a first message of TLS; gives the record that comes back, empty when the connection just ends.
    pub(crate) async fn hail(&self, to: SocketAddr, from: Option<IpAddr>, hello: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut stream = connect(to, from).await?;
        stream.write_all(hello).await.map_err(|_| Fault::Ended)?;
        let mut head = [0; 11];
        let mut read = 0;
        while read < head.len() {
            match stream.read(&mut head[read..]).await {
                Ok(0) | Err(_) => break,
                Ok(more) => read += more,
            }
        }
        Ok(head[..read].to_vec())
    }
}
