//! A scripted upstream on a real socket: it records the exact octets of every request and says what the script says, valid or not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use crate::support::upstream::chunked_end;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Which connection, counted from 0.
    pub connection: usize,
    /// Which request on it, counted from 0.
    pub index: usize,
    /// Everything up to and with the empty line.
    pub head: String,
    /// Everything behind it, framing included.
    pub body: Vec<u8>,
}

impl Arrival {
    pub(crate) fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Values of a field, in order; `name` is compared exactly as written in lower case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| *key == name)
            .map(|(_, v)| v)
            .collect()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(key, _)| key).collect()
    }
}

/// What the upstream does after a request.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// Sends these octets and waits for the next request.
    Say(Vec<u8>),
    /// Sends these octets and closes.
    SayAndClose(Vec<u8>),
    /// Sends these octets, and closes when it is told, as servers do with connections that nobody uses.
    SayAndCloseWhen(Vec<u8>, Arc<Notify>),
    /// Says nothing until the other side goes.
    Hang,
    /// Sends these octets, then what comes in from then on goes back out.
    Echo(Vec<u8>),
    /// Sends the first octets, then the second again and again until the other side goes or 1 GiB is out.
    Flood(Vec<u8>, Vec<u8>),
}

/// A plain answer with a length.
pub(crate) fn ok(body: &str) -> Turn {
    Turn::Say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// A running upstream.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    /// Connections that the other side closed, by number.
    closed: mpsc::UnboundedReceiver<usize>,
}

impl Upstream {
    /// Starts on a free port; the script sees every request and decides.
    pub(crate) async fn start(script: impl Fn(&Arrival) -> Turn + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let (closing, closed) = mpsc::unbounded_channel();
        let (script, seen) = (Arc::new(script), arrivals.clone());
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (script, seen, closing) = (script.clone(), seen.clone(), closing.clone());
                tokio::spawn(async move {
                    serve(stream, connection, &*script, &seen).await;
                    let _ = closing.send(connection);
                });
            }
        });
        Self { address, arrivals, closed }
    }

    /// Everything that arrived so far.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().expect("no panic while recording").clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Arrival {
        self.arrivals().pop().expect("something arrived")
    }

    /// Waits until the other side has closed some connection.
    pub(crate) async fn closed(&mut self) -> usize {
        self.closed.recv().await.expect("the upstream runs")
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: &(dyn Fn(&Arrival) -> Turn + Send + Sync),
    seen: &Mutex<Vec<Arrival>>,
) {
    let mut buffer = Vec::new();
    for index in 0.. {
        let Some((head, body)) = read_request(&mut stream, &mut buffer).await else { return };
        let arrival = Arrival { connection, index, head, body };
        let turn = script(&arrival);
        seen.lock().expect("no panic while recording").push(arrival);
        let goes_on = match turn {
            Turn::Say(octets) => stream.write_all(&octets).await.is_ok(),
            Turn::SayAndClose(octets) => {
                let _ = stream.write_all(&octets).await;
                false
            }
            Turn::SayAndCloseWhen(octets, told) => {
                let _ = stream.write_all(&octets).await;
                told.notified().await;
                false
            }
            Turn::Hang => {
                let _ = stream.read(&mut [0; 1]).await;
                false
            }
            Turn::Echo(octets) => {
                let _ = stream.write_all(&octets).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                false
            }
            Turn::Flood(first, again) => {
                let mut left = 1024 * 1024 * 1024_usize;
                let mut open = stream.write_all(&first).await.is_ok();
                while open && left > 0 {
                    open = stream.write_all(&again).await.is_ok();
                    left = left.saturating_sub(again.len());
                }
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// One request by its framing; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let head_end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let lower = head.to_ascii_lowercase();
    let length =
        lower.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|v| v.parse::<usize>().expect("a length"));
    let chunked = lower.lines().any(|line| line == "transfer-encoding: chunked");
    let body_end = loop {
        let body = &buffer[head_end..];
        match (chunked, length) {
            (true, _) => {
                if let Some(end) = chunked_end(body) {
                    break head_end + end;
                }
            }
            (false, Some(length)) if body.len() < length => {}
            (false, length) => break head_end + length.unwrap_or(0),
        }
        more(stream, buffer).await?;
    };
    let body = buffer[head_end..body_end].to_vec();
    buffer.drain(..body_end);
    Some((head, body))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    let read = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
    buffer.extend_from_slice(&chunk[..read]);
    Some(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
