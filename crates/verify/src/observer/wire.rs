//! HTTP/1.1 by hand (RFC 9112): a library that folds or sorts fields would report its own idea of the answer (VER-01).

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Call, Fault, Field};

const HEAD_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 256;
const INTERIM_MAX: usize = 8;
/// How long an end of the connection may be behind the answer that it belongs to.
const END_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
/// A page's own references and an error's text are in its first octets; the rest is not read.
pub(super) const BODY_MAX: usize = 512 * 1024;

/// An answer as it was on the wire: names in lower case, order and duplicates kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<Field>,
    pub(crate) trailers: Vec<Field>,
    pub(crate) body: Vec<u8>,
    pub(super) ends_connection: bool,
}

impl Answer {
    pub(super) fn new(status: u16, fields: Vec<Field>) -> Self {
        Self { status, fields, trailers: Vec::new(), body: Vec::new(), ends_connection: true }
    }

    /// Values of a field, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(seen, _)| seen == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// One exchange on a connection that ends with it.
pub(super) async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, call: &Call) -> Result<Answer, Fault> {
    Wire::new(stream).exchange(call, false).await
}

/// A connection and what was read from it but not yet used.
pub(super) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
}

/// How a body ends (RFC 9112 §6.3).
enum Framing {
    None,
    Length(usize),
    Chunked,
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(super) async fn exchange(&mut self, call: &Call, keep: bool) -> Result<Answer, Fault> {
        let head = write_head(call, keep);
        self.stream.write_all(&head).await.map_err(|_| Fault::Ended)?;
        self.stream.flush().await.map_err(|_| Fault::Ended)?;
        let mut answer = self.answer(call.method).await?;
        answer.ends_connection |= !keep || has_word(&answer.values("connection"), "close");
        Ok(answer)
    }

    /// Sends octets as they are; gives the first answer, and whether the connection ended with it.
    pub(super) async fn throw(mut self, octets: &[u8]) -> Result<(Answer, bool), Fault> {
        self.stream.write_all(octets).await.map_err(|_| Fault::Ended)?;
        self.stream.flush().await.map_err(|_| Fault::Ended)?;
        let answer = self.answer("GET").await?;
        // An open connection says nothing, however long one waits: that is an observation, not a fault.
        let silence = tokio::time::timeout(END_PATIENCE, self.fill()).await;
        let ended = self.buffer.is_empty() && matches!(silence, Ok(Err(_)));
        Ok((answer, ended))
    }

    async fn answer(&mut self, method: &str) -> Result<Answer, Fault> {
        let mut answer = self.final_head().await?;
        answer.ends_connection = false;
        match framing(method, &answer)? {
            Framing::None => {}
            Framing::Length(length) => self.read_length(length, &mut answer).await?,
            Framing::Chunked => self.read_chunks(&mut answer).await?,
            Framing::Close => self.read_to_end(&mut answer).await?,
        }
        Ok(answer)
    }

    async fn final_head(&mut self) -> Result<Answer, Fault> {
        for _ in 0..INTERIM_MAX {
            let answer = self.head().await?;
            if !(100..200).contains(&answer.status) || answer.status == 101 {
                return Ok(answer);
            }
        }
        Err(Fault::Parse("too many interim answers"))
    }

    async fn head(&mut self) -> Result<Answer, Fault> {
        loop {
            if let Some((answer, used)) = parse_head(&self.buffer)? {
                self.buffer.drain(..used);
                return Ok(answer);
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Fault::Parse("the head is longer than 64 KiB"));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Fault::Ended),
            Ok(_) => Ok(()),
        }
    }

    /// Moves `length` octets into the body, or as many as are kept.
    async fn read_length(&mut self, mut length: usize, answer: &mut Answer) -> Result<(), Fault> {
        while length > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let part = length.min(self.buffer.len());
            answer.body.extend(self.buffer.drain(..part));
            length -= part;
            if answer.body.len() > BODY_MAX {
                answer.ends_connection = true;
                answer.body.truncate(BODY_MAX);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn read_chunks(&mut self, answer: &mut Answer) -> Result<(), Fault> {
        loop {
            let length = self.chunk_size().await?;
            if length == 0 {
                answer.trailers = self.trailers().await?;
                return Ok(());
            }
            self.read_length(length, answer).await?;
            if answer.body.len() >= BODY_MAX {
                answer.ends_connection = true;
                return Ok(());
            }
            while self.buffer.len() < 2 {
                self.fill().await?;
            }
            if self.buffer.drain(..2).as_slice() != b"\r\n" {
                return Err(Fault::Parse("a chunk does not end with CRLF"));
            }
        }
    }

    async fn chunk_size(&mut self) -> Result<usize, Fault> {
        loop {
            let status = httparse::parse_chunk_size(&self.buffer).map_err(|_| Fault::Parse("a chunk size is not hexadecimal"))?;
            if let httparse::Status::Complete((used, length)) = status {
                self.buffer.drain(..used);
                return usize::try_from(length).map_err(|_| Fault::Parse("a chunk is too long"));
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Fault::Parse("a chunk size line is too long"));
            }
            self.fill().await?;
        }
    }

    async fn trailers(&mut self) -> Result<Vec<Field>, Fault> {
        loop {
            if let Some((fields, used)) = parse_trailers(&self.buffer)? {
                self.buffer.drain(..used);
                return Ok(fields);
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Fault::Parse("the trailers are longer than 64 KiB"));
            }
            self.fill().await?;
        }
    }

    /// Many servers end TLS without `close_notify` here; there is no length that could be short, so the end is the end.
    async fn read_to_end(&mut self, answer: &mut Answer) -> Result<(), Fault> {
        answer.ends_connection = true;
        while self.buffer.len() < BODY_MAX && self.fill().await.is_ok() {}
        answer.body.append(&mut self.buffer);
        answer.body.truncate(BODY_MAX);
        Ok(())
    }
}

fn write_head(call: &Call, keep: bool) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", call.method, call.target, call.authority);
    for (name, value) in &call.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(value) = &call.authorization {
        head.push_str(&format!("authorization: {}\r\n", value.expose()));
    }
    for (name, value) in &call.secrets {
        head.push_str(&format!("{name}: {}\r\n", value.expose()));
    }
    head.push_str(if keep { "connection: keep-alive\r\n\r\n" } else { "connection: close\r\n\r\n" });
    head.push_str(call.body.expose());
    head.into_bytes()
}

/// The head of an answer and its length in octets, once it is whole.
fn parse_head(buffer: &[u8]) -> Result<Option<(Answer, usize)>, Fault> {
    let mut space = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut space);
    match response.parse(buffer) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(used)) => {
            let status =
                response.code.filter(|code| (100..=599).contains(code)).ok_or(Fault::Parse("the status is out of range"))?;
            Ok(Some((Answer::new(status, response.headers.iter().map(field).collect()), used)))
        }
        Err(httparse::Error::TooManyHeaders) => Err(Fault::Parse("more than 256 fields")),
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => Err(Fault::Parse("a field is malformed")),
        Err(_) => Err(Fault::Parse("the status line is malformed")),
    }
}

fn parse_trailers(buffer: &[u8]) -> Result<Option<(Vec<Field>, usize)>, Fault> {
    let mut space = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(buffer, &mut space) {
        Ok(httparse::Status::Complete((used, fields))) => Ok(Some((fields.iter().map(field).collect(), used))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Fault::Parse("a trailer is malformed")),
    }
}

fn field(header: &httparse::Header<'_>) -> Field {
    (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
}

/// RFC 9112 §6.3, without the leniency that it allows: what two readers could frame differently is no answer.
fn framing(method: &str, answer: &Answer) -> Result<Framing, Fault> {
    if method == "HEAD" || matches!(answer.status, 101 | 204 | 304) {
        return Ok(Framing::None);
    }
    let codings = answer.values("transfer-encoding");
    let lengths = answer.values("content-length");
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(Framing::Close),
        ([coding], []) if coding.trim().eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Framing::Length(length.parse().map_err(|_| Fault::Parse("the content length is out of range"))?))
        }
        ([], [_]) => Err(Fault::Parse("the content length is not a number")),
        ([], _) => Err(Fault::Parse("more than one content length")),
        (_, []) => Err(Fault::Parse("an unknown transfer coding")),
        _ => Err(Fault::Parse("both a transfer coding and a content length")),
    }
}

fn has_word(values: &[&str], word: &str) -> bool {
    values.iter().flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observer::Transport;

    fn call(method: &'static str) -> Call {
        Call {
            to: ([127, 0, 0, 1], 1).into(),
            from: None,
            host: "app.test".parse().expect("a host"),
            authority: "app.test".into(),
            transport: Transport::Plain,
            method,
            target: "/".into(),
            fields: Vec::new(),
            authorization: None,
            secrets: Vec::new(),
            body: doorward_kit::Secret::new(String::new()),
        }
    }

    fn read(bytes: &[u8]) -> Result<Answer, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(exchange(tokio::io::join(bytes, tokio::io::sink()), &call("GET")))
    }

    #[test]
    fn interim_answers_are_passed_over_and_not_counted_as_the_answer() {
        let answer = read(b"HTTP/1.1 103 Early\r\nlink: </x>\r\n\r\nHTTP/1.1 204 No\r\nx: 1\r\n\r\n").expect("an answer");
        assert_eq!((answer.status, answer.fields.len()), (204, 1));
        assert_eq!(read(&b"HTTP/1.1 100 C\r\n\r\n".repeat(20)), Err(Fault::Parse("too many interim answers")));
    }

    #[test]
    fn a_body_that_is_too_long_to_keep_is_cut() {
        let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY_MAX * 2).into_bytes();
        bytes.resize(bytes.len() + BODY_MAX * 2, b'x');
        assert_eq!(read(&bytes).expect("an answer").body.len(), BODY_MAX);
    }

    proptest! {
        #[test]
        fn no_octets_can_make_it_panic(start in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]),
                                       rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[start.as_bytes(), &rest].concat());
        }

        #[test]
        fn a_well_formed_answer_is_read_as_it_is(
            fields in prop::collection::vec(("x-[a-z]{1,6}", "[!-~]([ -~]{0,20}[!-~])?"), 0..12),
            body in prop::collection::vec(any::<u8>(), 0..200),
            cut in 1usize..50,
        ) {
            let mut bytes = String::from("HTTP/1.1 200 OK\r\n");
            for (name, value) in &fields {
                bytes.push_str(&format!("{name}: {value}\r\n"));
            }
            bytes.push_str("transfer-encoding: chunked\r\n\r\n");
            let mut bytes = bytes.into_bytes();
            for chunk in body.chunks(cut) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            let answer = read(&bytes).expect("an answer");
            prop_assert_eq!(&answer.fields[..fields.len()], &fields[..]);
            prop_assert_eq!(answer.body, body);
        }
    }
}
