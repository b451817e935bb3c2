//! An upstream whose answer is longer than any memory, and that counts what it got rid of.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::address::INSIDE;

/// Octets of one write; the test's clients know their pattern.
const PIECE: usize = 64 * 1024;

#[derive(Default)]
struct Counts {
    given: AtomicU64,
    begun: AtomicUsize,
    whole: AtomicUsize,
    cut: AtomicUsize,
    is_over: AtomicBool,
}

/// Answers every request with so many octets; the octet at place `n` is `n % 251`.
pub struct Faucet {
    address: SocketAddr,
    counts: Arc<Counts>,
}

impl Faucet {
    /// Starts one that promises `length` octets with each answer.
    #[must_use]
    pub fn start(length: u64) -> Self {
        let listener = TcpListener::bind(SocketAddr::new(INSIDE, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let counts = shared.clone();
                std::thread::spawn(move || serve(stream, length, &counts));
            }
        });
        Self { address, counts }
    }

    /// Its URL in a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The octet at a place of an answer.
    #[must_use]
    pub fn octet(place: u64) -> u8 {
        u8::try_from(place % 251).unwrap_or(0)
    }

    /// Octets of answers that were taken off its hands so far.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.counts.given.load(Ordering::SeqCst)
    }

    /// Answers that were begun, that were taken to their end, and that were cut off.
    #[must_use]
    pub fn answers(&self) -> [usize; 3] {
        [&self.counts.begun, &self.counts.whole, &self.counts.cut].map(|count| count.load(Ordering::SeqCst))
    }
}

impl Drop for Faucet {
    fn drop(&mut self) {
        self.counts.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, length: u64, counts: &Counts) {
    while read_head(&mut stream).is_ok() {
        counts.begun.fetch_add(1, Ordering::SeqCst);
        let told = pour(&mut stream, length, counts);
        let count = if told.is_ok() { &counts.whole } else { &counts.cut };
        count.fetch_add(1, Ordering::SeqCst);
        if told.is_err() {
            return;
        }
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        head.push(octet[0]);
    }
    Ok(())
}

fn pour(stream: &mut TcpStream, length: u64, counts: &Counts) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let pattern: Vec<u8> = (0..PIECE as u64 + 251).map(Faucet::octet).collect();
    let mut place = 0;
    while place < length {
        let start = usize::from(Faucet::octet(place));
        let piece = usize::try_from(length - place).map_or(PIECE, |left| left.min(PIECE));
        stream.write_all(&pattern[start..start + piece])?;
        place += piece as u64;
        counts.given.fetch_add(piece as u64, Ordering::SeqCst);
    }
    Ok(())
}
