//! An upstream that keeps every octet it gets and answers what it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Told to a script's caller: answer nothing and keep the connection.
pub(crate) const SILENCE: &[u8] = b"silence";

type Script = dyn Fn(&str) -> Vec<u8> + Send + Sync;

/// One listening upstream.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    script: Arc<Mutex<Arc<Script>>>,
    end: Arc<tokio::sync::Notify>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let script: Arc<Script> =
            Arc::new(|_: &str| b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok".to_vec());
        let upstream = Self { address, seen: Arc::default(), script: Arc::new(Mutex::new(script)), end: Arc::default() };
        let served = upstream.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        upstream
    }

    /// Answers each request by what `script` makes of its target.
    pub(crate) fn answer(&self, script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) {
        *self.script.lock().expect("lock") = Arc::new(script);
    }

    /// Closes every connection that waits for a request.
    pub(crate) fn hang_up(&self) {
        self.end.notify_waiters();
    }

    /// Requests so far, octet by octet.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("lock").iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Targets of the requests so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        loop {
            let read = tokio::select! {
                read = read_request(&mut stream, &mut buffer) => read,
                () = self.end.notified() => return,
            };
            let Some(request) = read else { return };
            let target = String::from_utf8_lossy(&request).split(' ').nth(1).unwrap_or_default().to_owned();
            self.seen.lock().expect("lock").push(request);
            let script = self.script.lock().expect("lock").clone();
            let answer = script(&target);
            if answer == SILENCE {
                std::future::pending::<()>().await;
            }
            if answer.is_empty() || stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// Head and body of one request, by the framing that the edge wrote; what is cut off is recorded as it is.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(length) = request_length(buffer) {
            let rest = buffer.split_off(length);
            return Some(std::mem::replace(buffer, rest));
        }
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return (!buffer.is_empty()).then(|| std::mem::take(buffer));
        }
    }
}

fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked\r\n") {
        return Some(head + chunked_end(&bytes[head..])?);
    }
    let length = text.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
    let total = head + length.unwrap_or(0);
    (bytes.len() >= total).then_some(total)
}

/// Where a chunked body ends, trailers included; `None` while it does not, and for what is no chunked body. It goes from size to size: what
/// looks like an end within the data of a chunk is data.
pub(crate) fn chunked_end(octets: &[u8]) -> Option<usize> {
    let mut rest = octets;
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(rest) else { return None };
        rest = &rest[line..];
        if size == 0 {
            break;
        }
        rest = rest.get(usize::try_from(size).ok()?..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        rest = &rest[line + 2..];
        if line == 0 {
            return Some(octets.len() - rest.len());
        }
    }
}
