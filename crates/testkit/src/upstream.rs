//! An upstream that records every octet it gets, tells what it got, and lies when a test says so.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::address::INSIDE;

/// One request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Head and body, framing included.
    pub raw: Vec<u8>,
    /// Method.
    pub method: String,
    /// Target, exactly.
    pub target: String,
    /// Fields in wire order, names as sent.
    pub headers: Vec<(String, String)>,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Which connection it came on, counted from one.
    pub connection: usize,
}

impl Recorded {
    /// Every value of a field.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// The value of a field that must not occur twice.
    #[track_caller]
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} occurs {} times: {:?}", all.len(), self.headers);
        all.first().copied()
    }
}

/// What the upstream does instead of telling what it got.
#[derive(Debug, Clone)]
pub enum Act {
    /// Writes these octets as they are and goes on.
    Raw(Vec<u8>),
    /// Writes these octets as they are and closes.
    RawThenClose(Vec<u8>),
    /// Closes without an answer.
    Close,
    /// Says nothing at all.
    Silence,
}

impl Act {
    /// An answer with status, fields and body, framed by `Content-Length`.
    #[must_use]
    pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut text = format!("HTTP/1.1 {status} Said\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !matches!(status, 204 | 304) {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        Self::Raw(format!("{text}\r\n{body}").into_bytes())
    }
}

#[derive(Default)]
struct Book {
    requests: Mutex<Vec<Recorded>>,
    /// Every octet of every connection, whether it made a request or not.
    octets: Mutex<Vec<Vec<u8>>>,
    acts: Mutex<HashMap<String, Act>>,
    open: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// A server on a port of its own.
pub struct EchoUpstream {
    name: String,
    address: SocketAddr,
    book: Arc<Book>,
}

impl EchoUpstream {
    /// Starts one.
    #[must_use]
    pub fn start(name: &str) -> Self {
        Self::start_at(name, SocketAddr::new(INSIDE, 0))
    }

    /// Starts one at an address, such as that of one that was stopped.
    #[must_use]
    pub fn start_at(name: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Book::default());
        let (served, label) = (book.clone(), name.to_owned());
        std::thread::spawn(move || accept(&listener, &served, &label));
        Self { name: name.to_owned(), address, book }
    }

    /// Its name in a configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL in a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests for this path, whatever their query, are answered so from now on.
    pub fn act(&self, path: &str, act: Act) {
        self.book.acts.lock().unwrap().insert(path.to_owned(), act);
    }

    /// What came so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.book.requests.lock().unwrap().clone()
    }

    /// The last request.
    #[track_caller]
    #[must_use]
    pub fn last(&self) -> Recorded {
        self.requests().pop().unwrap_or_else(|| panic!("{} got no request", self.name))
    }

    /// How many requests came so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.book.requests.lock().unwrap().len()
    }

    /// Every octet that came, connection by connection.
    #[must_use]
    pub fn octets(&self) -> Vec<Vec<u8>> {
        self.book.octets.lock().unwrap().clone()
    }

    /// Forgets what came.
    pub fn clear(&self) {
        self.book.requests.lock().unwrap().clear();
        self.book.octets.lock().unwrap().iter_mut().for_each(Vec::clear);
    }

    /// Stops listening and cuts every connection: the upstream is down.
    pub fn stop(&self) {
        self.book.is_over.store(true, Ordering::SeqCst);
        // The accept loop looks at the flag when somebody comes.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        for stream in self.book.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for EchoUpstream {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, book: &Arc<Book>, name: &str) {
    for (index, stream) in listener.incoming().enumerate() {
        if book.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        book.open.lock().unwrap().extend(stream.try_clone());
        book.octets.lock().unwrap().push(Vec::new());
        let (book, name) = (book.clone(), name.to_owned());
        std::thread::spawn(move || Connection { stream, book, index, pending: Vec::new() }.serve(&name));
    }
}

struct Connection {
    stream: TcpStream,
    book: Arc<Book>,
    index: usize,
    pending: Vec<u8>,
}

impl Connection {
    fn serve(mut self, name: &str) {
        while let Some(request) = self.read_request() {
            let path = request.target.split('?').next().unwrap_or_default().to_owned();
            let told = tell(name, &request);
            let is_head = request.method == "HEAD";
            self.book.requests.lock().unwrap().push(request);
            let act = self.book.acts.lock().unwrap().get(&path).cloned();
            let goes_on = match act {
                None => self.say(&told, is_head),
                Some(Act::Raw(bytes)) => self.stream.write_all(&bytes).is_ok(),
                Some(Act::RawThenClose(bytes)) => {
                    let _ = self.stream.write_all(&bytes);
                    false
                }
                Some(Act::Close) => false,
                Some(Act::Silence) => {
                    while self.more().is_some() {}
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn say(&mut self, body: &str, is_head: bool) -> bool {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let text = if is_head { head } else { head + body };
        self.stream.write_all(text.as_bytes()).is_ok()
    }

    fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk).ok().filter(|n| *n > 0)?;
        self.pending.extend_from_slice(&chunk[..read]);
        self.book.octets.lock().unwrap()[self.index].extend_from_slice(&chunk[..read]);
        Some(())
    }

    fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.pending.windows(end.len()).position(|window| window == end) {
                return Some(self.pending.drain(..at + end.len()).collect());
            }
            self.more()?;
        }
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.pending.len() < length {
            self.more()?;
        }
        Some(self.pending.drain(..length).collect())
    }

    fn read_request(&mut self) -> Option<Recorded> {
        let head = self.take_until(b"\r\n\r\n")?;
        let mut request = parse(&head);
        request.connection = self.index + 1;
        request.raw = head;
        let is_chunked = request.all("transfer-encoding").iter().any(|te| te.eq_ignore_ascii_case("chunked"));
        let length = request.all("content-length").first().and_then(|text| text.parse().ok());
        if is_chunked {
            self.read_chunks(&mut request)?;
        } else if let Some(length) = length {
            request.body = self.take(length)?;
            request.raw.extend_from_slice(&request.body);
        }
        Some(request)
    }

    fn read_chunks(&mut self, request: &mut Recorded) -> Option<()> {
        loop {
            let line = self.take_until(b"\r\n")?;
            request.raw.extend_from_slice(&line);
            let text = String::from_utf8_lossy(&line).into_owned();
            let size = usize::from_str_radix(text.trim().split(';').next()?, 16).ok()?;
            if size == 0 {
                break;
            }
            let data = self.take(size + 2)?;
            request.raw.extend_from_slice(&data);
            request.body.extend_from_slice(&data[..size]);
        }
        loop {
            let line = self.take_until(b"\r\n")?;
            request.raw.extend_from_slice(&line);
            if line == b"\r\n" {
                return Some(());
            }
        }
    }
}

fn parse(head: &[u8]) -> Recorded {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    Recorded { method, target, headers: lines.filter_map(field).collect(), ..Recorded::default() }
}

fn tell(name: &str, request: &Recorded) -> String {
    json!({
        "upstream": name,
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
    })
    .to_string()
}
