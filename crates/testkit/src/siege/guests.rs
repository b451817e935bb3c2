//! Those who want nothing but to be served: a request every few milliseconds, each from another address in turn.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Siege, address};
use crate::raw::{RawClient, Tls};

/// Addresses that take turns; each stays far below the quota of a line.
const GUESTS: u8 = 16;
/// A connection is replaced before the door ends it (HTTP-10).
const REQUESTS_MAX: usize = 900;
const PACE: Duration = Duration::from_millis(4);

/// Kept connections that are used again and again.
pub(super) struct Guests {
    https: SocketAddr,
    tls: Tls,
    request: String,
    open: Vec<(RawClient, usize)>,
    turn: usize,
}

impl Guests {
    pub(super) fn new(siege: &Siege) -> Self {
        let mut guests =
            Self { https: siege.https, tls: Tls::to(siege.host()), request: siege.request(), open: Vec::new(), turn: 0 };
        guests.open = (0..GUESTS).map(|number| (guests.connect(number), 0)).collect();
        guests
    }

    fn connect(&self, number: u8) -> RawClient {
        RawClient::tls(self.https, address(3, number + 1), &self.tls).expect("a guest is let in")
    }

    /// Asks for as long as told; how long each answer took.
    pub(super) fn visit(&mut self, long: Duration) -> Vec<Duration> {
        let (begun, mut waits) = (Instant::now(), Vec::new());
        while begun.elapsed() < long {
            let due = begun + PACE * u32::try_from(waits.len()).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            waits.push(self.ask());
        }
        waits
    }

    fn ask(&mut self) -> Duration {
        self.turn = (self.turn + 1) % self.open.len();
        if self.open[self.turn].1 >= REQUESTS_MAX {
            self.open[self.turn] = (self.connect(self.turn as u8), 0);
        }
        let (guest, asked) = &mut self.open[self.turn];
        *asked += 1;
        let begun = Instant::now();
        guest.send(&self.request);
        let status = guest.read_reply().expect("a guest is answered").status;
        assert_eq!(status, 200, "a guest is served");
        begun.elapsed()
    }
}
