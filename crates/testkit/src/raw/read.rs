//! Reading answers off a connection, by their framing (RFC 9112 §6).

use std::io;
use std::time::Duration;

use super::{RawClient, Reply};

/// Why there was no whole answer.
#[derive(Debug)]
pub enum ReadFault {
    /// The other side closed before the first octet.
    Closed,
    /// The other side closed in the middle; what came so far.
    Cut(Vec<u8>),
    /// Nothing came in time; what came so far.
    Silence(Vec<u8>),
    /// What came is no HTTP/1.1 answer.
    Malformed(String),
}

impl RawClient {
    /// The next answer to a request that was not HEAD; interim answers (1xx) are passed over.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read_reply(&mut self) -> Result<Reply, ReadFault> {
        self.read_reply_to("GET")
    }

    /// The next answer to a request of this method.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read_reply_to(&mut self, method: &str) -> Result<Reply, ReadFault> {
        loop {
            let mut reply = self.read_head()?;
            if reply.status != 101 && reply.status / 100 == 1 {
                continue;
            }
            self.read_body(method, &mut reply)?;
            return Ok(reply);
        }
    }

    /// The next answer, which has to be there.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.read_reply().unwrap_or_else(|fault| panic!("no answer: {fault:?}"))
    }

    /// Sends and reads one answer.
    #[track_caller]
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request);
        self.reply()
    }

    /// Every answer until the other side closes or is silent, and whether it closed.
    pub fn replies_until_closed(&mut self) -> (Vec<Reply>, bool) {
        let mut replies = Vec::new();
        loop {
            match self.read_reply() {
                Ok(reply) => replies.push(reply),
                Err(ReadFault::Silence(_)) => return (replies, false),
                Err(_) => return (replies, true),
            }
        }
    }

    /// Whether the other side closes within the time, sending nothing more.
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        if !self.pending.is_empty() {
            return false;
        }
        self.set_patience(time);
        let end = self.fill();
        self.set_patience(super::PATIENCE);
        matches!(end, Ok(0)) || matches!(end, Err(ref error) if !is_silence(error))
    }

    /// Everything until the end, or until silence.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while matches!(self.fill(), Ok(n) if n > 0) {}
        std::mem::take(&mut self.pending)
    }

    /// Exactly `length` octets.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read_exact(&mut self, length: usize) -> Result<Vec<u8>, ReadFault> {
        while self.pending.len() < length {
            self.more()?;
        }
        Ok(self.pending.drain(..length).collect())
    }

    /// The head of the next answer alone; its body is left on the connection.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read_head_of_reply(&mut self) -> Result<Reply, ReadFault> {
        self.read_head()
    }

    /// Whatever comes next, one octet at least.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read_some(&mut self) -> Result<Vec<u8>, ReadFault> {
        if self.pending.is_empty() {
            self.more()?;
        }
        Ok(std::mem::take(&mut self.pending))
    }

    fn more(&mut self) -> Result<(), ReadFault> {
        match self.fill() {
            Ok(0) if self.pending.is_empty() => Err(ReadFault::Closed),
            Ok(0) => Err(ReadFault::Cut(std::mem::take(&mut self.pending))),
            Ok(_) => Ok(()),
            Err(error) if is_silence(&error) => Err(ReadFault::Silence(self.pending.clone())),
            Err(_) if self.pending.is_empty() => Err(ReadFault::Closed),
            Err(_) => Err(ReadFault::Cut(std::mem::take(&mut self.pending))),
        }
    }

    fn take_until(&mut self, end: &[u8]) -> Result<Vec<u8>, ReadFault> {
        loop {
            if let Some(at) = self.pending.windows(end.len()).position(|window| window == end) {
                return Ok(self.pending.drain(..at + end.len()).collect());
            }
            self.more()?;
        }
    }

    fn read_head(&mut self) -> Result<Reply, ReadFault> {
        let raw = self.take_until(b"\r\n\r\n")?;
        Reply::parse_head(raw).map_err(ReadFault::Malformed)
    }

    fn read_body(&mut self, method: &str, reply: &mut Reply) -> Result<(), ReadFault> {
        if method == "HEAD" || reply.status / 100 == 1 || matches!(reply.status, 204 | 304) {
            return Ok(());
        }
        if reply.header("transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks(reply);
        }
        let lengths = reply.all("content-length");
        match lengths.as_slice() {
            [] => {
                while self.fill().map_err(|_| ReadFault::Silence(self.pending.clone()))? > 0 {}
                reply.body = std::mem::take(&mut self.pending);
                Ok(())
            }
            [length] => {
                let length = length.parse().map_err(|_| ReadFault::Malformed(format!("content-length {length}")))?;
                reply.body = self.read_exact(length)?;
                Ok(())
            }
            _ => Err(ReadFault::Malformed("more than one content-length".into())),
        }
    }

    fn read_chunks(&mut self, reply: &mut Reply) -> Result<(), ReadFault> {
        loop {
            let line = self.take_until(b"\r\n")?;
            let text = String::from_utf8_lossy(&line);
            let size = text.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(|_| ReadFault::Malformed(format!("chunk size {text:?}")))?;
            if size == 0 {
                break;
            }
            let mut data = self.read_exact(size + 2)?;
            data.truncate(size);
            reply.body.extend_from_slice(&data);
        }
        loop {
            let line = self.take_until(b"\r\n")?;
            if line == b"\r\n" {
                return Ok(());
            }
            reply.trailers.push(super::reply::field(&line).map_err(ReadFault::Malformed)?);
        }
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
