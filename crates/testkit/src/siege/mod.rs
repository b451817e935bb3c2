//! Is one client still served when others mean harm? (EDGE-RL-10) Quiet windows and windows under attack take turns, so that whatever the
//! machine does besides falls on both alike; the guests' 99th percentiles are compared.
//!
//! Attackers run at the lowest priority of the machine: their own work would be done elsewhere and must not be taken for the door's.

mod abuser;
mod crowd;
mod guests;
mod verdict;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use abuser::Harm;
pub use verdict::Verdict;

use abuser::Abusers;
use crowd::Crowd;
use guests::Guests;

/// Time for threads to start, and for what was left of the last window to end.
const SETTLE: Duration = Duration::from_millis(300);

/// A site under siege.
#[derive(Debug, Clone)]
pub struct Siege {
    /// Its TLS listener.
    pub https: SocketAddr,
    /// Its plain listener.
    pub http: SocketAddr,
    /// Its host with its port.
    pub authority: String,
    /// Connections that are held and hardly used.
    pub slow: usize,
    /// Addresses at full speed.
    pub abusers: u8,
    /// Length of a window.
    pub window: Duration,
    /// Least and most pairs of windows.
    pub pairs: (usize, usize),
}

/// What it came to.
#[derive(Debug)]
pub struct Outcome {
    /// Of the guests.
    pub verdict: Verdict,
    /// What the attackers got done in all.
    pub harm: Harm,
    /// Slow connections that were open at the end of a window, at least.
    pub slow_left: usize,
}

impl Siege {
    /// Measures until the ratio is surely below `limit`, or to the last pair.
    #[must_use]
    pub fn run(&self, limit: f64) -> Outcome {
        take_all_files();
        let mut guests = Guests::new(self);
        guests.visit(SETTLE);
        let (mut windows, mut harm, mut slow_left) = (Vec::new(), Harm::default(), usize::MAX);
        loop {
            let quiet = guests.visit(self.window);
            let mut crowd = Crowd::gather(self);
            let abusers = Abusers::start(self);
            std::thread::sleep(SETTLE);
            let besieged = guests.visit(self.window);
            harm += abusers.stop();
            slow_left = slow_left.min(crowd.standing());
            drop(crowd);
            windows.push((quiet, besieged));
            std::thread::sleep(SETTLE);
            if windows.len() >= self.pairs.0 {
                let verdict = Verdict::of(&windows);
                if verdict.at_most < limit || windows.len() >= self.pairs.1 {
                    return Outcome { verdict, harm, slow_left };
                }
            }
        }
    }

    fn host(&self) -> &str {
        self.authority.split(':').next().unwrap_or(&self.authority)
    }

    fn request(&self) -> String {
        format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", self.authority)
    }
}

/// An address of the loopback network, by who uses it.
fn address(group: u8, number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, group, number))
}

/// A crowd needs more files than shells give to begin with.
pub fn take_all_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is not allowed, gathering the crowd says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// The calling thread gives way to everybody from now on.
fn step_back() {
    // Where that is not allowed the measurement is only harder.
    let _ = rustix::process::setpriority_process(None, 19);
}
