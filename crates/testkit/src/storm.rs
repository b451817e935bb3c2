//! Many requests at one instant, over as many connections or streams.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Barrier;

use crate::address::INSIDE;
use crate::h2::{ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, H2Frames, HEADERS, PING, SETTINGS};
use crate::raw::{RawClient, Reply, Tls};

/// Streams of one HTTP/2 connection; as many as the door allows.
const STREAMS: usize = 100;

/// What carries the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP/1.1, each on a connection of its own.
    Connections,
    /// HTTP/1.1, all on one connection for each node, one behind the other without waiting for answers.
    Pipeline,
    /// HTTP/2, a hundred to a connection.
    Streams,
}

/// Every carrier.
pub const CARRIERS: [Carrier; 3] = [Carrier::Connections, Carrier::Pipeline, Carrier::Streams];

/// POSTs of JSON to one site, all sent before the first answer is read.
pub struct Storm<'a> {
    /// Where the nodes listen; requests go round.
    pub nodes: &'a [SocketAddr],
    /// The site with its port.
    pub authority: &'a str,
    /// Where to.
    pub path: &'a str,
}

impl Storm<'_> {
    /// Sends the bodies; the answers in no order.
    #[track_caller]
    #[must_use]
    pub fn post(&self, carrier: Carrier, bodies: &[String]) -> Vec<Reply> {
        let part = |node: usize| bodies.iter().skip(node).step_by(self.nodes.len()).cloned().collect::<Vec<_>>();
        let loads: Vec<(SocketAddr, Vec<String>)> = self.nodes.iter().enumerate().map(|(n, to)| (*to, part(n))).collect();
        let size = match carrier {
            Carrier::Connections => 1,
            Carrier::Pipeline => usize::MAX,
            Carrier::Streams => STREAMS,
        };
        let loads: Vec<(SocketAddr, &[String])> =
            loads.iter().flat_map(|(to, bodies)| bodies.chunks(size.min(bodies.len().max(1))).map(|part| (*to, part))).collect();
        let ready = Barrier::new(loads.len());
        std::thread::scope(|scope| {
            let run = |to, part| {
                if carrier == Carrier::Streams { self.streams(to, part, &ready) } else { self.pipeline(to, part, &ready) }
            };
            let threads: Vec<_> = loads.iter().map(|(to, part)| scope.spawn(move || run(*to, part))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn sni(&self) -> &str {
        self.authority.split(':').next().unwrap_or(self.authority)
    }

    fn pipeline(&self, to: SocketAddr, bodies: &[String], ready: &Barrier) -> Vec<Reply> {
        let request = |body: &String| {
            format!(
                "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                self.path,
                self.authority,
                body.len()
            )
        };
        let text: String = bodies.iter().map(request).collect();
        let mut raw = RawClient::tls(to, INSIDE, &Tls::to(self.sni())).expect("the door opens");
        raw.set_patience(std::time::Duration::from_secs(60));
        ready.wait();
        raw.send(text);
        bodies.iter().map(|_| raw.read_reply_to("POST").expect("an answer")).collect()
    }

    fn streams(&self, to: SocketAddr, bodies: &[String], ready: &Barrier) -> Vec<Reply> {
        let mut h2 = H2Frames::connect(to, INSIDE, self.sni()).expect("the door opens");
        ready.wait();
        let mut open = BTreeMap::new();
        for body in bodies {
            let stream = h2.open();
            let length = body.len().to_string();
            let fields = [
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", self.authority),
                (":path", self.path),
                ("content-type", "application/json"),
                ("content-length", &length),
            ];
            h2.headers(stream, &fields, 0);
            h2.send(DATA, END_STREAM, stream, body.as_bytes());
            open.insert(stream, Reply::default());
        }
        gather(&mut h2, open)
    }
}

/// Reads until every stream is answered.
fn gather(h2: &mut H2Frames, mut open: BTreeMap<u32, Reply>) -> Vec<Reply> {
    let mut done = Vec::new();
    while !open.is_empty() {
        let frame = h2.read().expect("an answer on every stream");
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => h2.send(SETTINGS, ACK, 0, &[]),
            PING if frame.flags & ACK == 0 => h2.send(PING, ACK, 0, &frame.payload),
            HEADERS => {
                assert!(frame.flags & END_HEADERS != 0, "a head in one frame");
                let reply = open.get_mut(&frame.stream).expect("a stream of ours");
                h2.take_fields(&frame.payload, reply);
            }
            DATA => open.get_mut(&frame.stream).expect("a stream of ours").body.extend_from_slice(&frame.payload),
            CONTINUATION => panic!("a head in one frame"),
            _ => {}
        }
        if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
            done.extend(open.remove(&frame.stream));
        }
    }
    done
}
