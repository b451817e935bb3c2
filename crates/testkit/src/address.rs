//! Where clients come from, and ports that nobody else has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// In every allowlist of the tests.
pub const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
/// In no allowlist.
pub const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// A trusted hop, where a test configures one.
pub const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// In no list at all; a third caller with limits of its own.
pub const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));

/// The first port that is tried; all lie below the range from which the kernel gives ports to outgoing connections.
const FIRST: u16 = 10_000;
const SPAN: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that was free a moment ago.
///
/// A configuration has to name its port before anything listens there. Test processes start at places that depend on
/// their process id, so that two of them seldom look at the same port.
#[must_use]
pub fn free_port() -> u16 {
    let own = (std::process::id() % 1_000) as u16 * 17;
    for _ in 0..SPAN {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + own.wrapping_add(step) % SPAN;
        if TcpListener::bind(SocketAddr::new(INSIDE, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free between {FIRST} and {}", FIRST + SPAN);
}
