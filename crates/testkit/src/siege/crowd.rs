//! Slow clients: they hold connections and hardly say anything, from many addresses.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Siege, address};
use crate::raw::{RawClient, ReadFault, Tls, connect};

/// Of one address; more would be stopped by the share of a line (HTTP-11).
const OF_ONE: usize = 100;
/// One in so many has finished its handshake first.
const TLS_EVERY: usize = 20;

/// Open connections.
pub(super) struct Crowd {
    plain: Vec<TcpStream>,
    secure: Vec<RawClient>,
}

impl Crowd {
    /// Opens them all.
    pub(super) fn gather(siege: &Siege) -> Self {
        let (mut plain, mut secure, tls) = (Vec::new(), Vec::new(), Tls::to(siege.host()));
        for number in 0..siege.slow {
            let from = address(5, u8::try_from(number / OF_ONE + 1).expect("few addresses"));
            if number % TLS_EVERY == 0 {
                let mut client = RawClient::tls(siege.https, from, &tls).expect("a slow client is let in");
                client.send("GET /slow HTTP/1.1\r\nHost: ");
                secure.push(client);
                continue;
            }
            // The beginning of a hello, the beginning of a head, or nothing.
            let (to, first): (_, &[u8]) = match number % 3 {
                0 => (siege.https, &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]),
                1 => (siege.http, b"GET /slow HTTP/1.1\r\nHost: "),
                _ => (siege.https, &[]),
            };
            let mut stream = connect(to, from).expect("a slow client is let in");
            stream.write_all(first).expect("it says a little");
            plain.push(stream);
        }
        Self { plain, secure }
    }

    /// How many have not been ended by the other side.
    pub(super) fn standing(&mut self) -> usize {
        let is_open = |mut stream: &TcpStream| {
            let _ = stream.set_nonblocking(true);
            matches!(stream.read(&mut [0; 16]), Err(error) if error.kind() == ErrorKind::WouldBlock)
        };
        let is_silent = |client: &mut RawClient| {
            client.set_patience(Duration::from_millis(1));
            matches!(client.read_exact(1), Err(ReadFault::Silence(_)))
        };
        let secure = self.secure.iter_mut().map(is_silent).filter(|is_silent| *is_silent).count();
        self.plain.iter().filter(|stream| is_open(stream)).count() + secure
    }
}
