//! HTTP/2 frame by frame, as no library would send it (RFC 9113 §4).

use super::SITE;
use super::client::{Client, tls_config};
use super::house::House;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame on its own, for what no honest client sends.
pub(crate) fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(kind, flags, stream, payload)
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response head came.
    Status(u16),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection was given up with this code.
    GoAway(u32),
    /// It ended without a word.
    Closed,
}

impl Outcome {
    /// Whether the other side called it a protocol error.
    pub(crate) fn is_protocol_error(self) -> bool {
        matches!(self, Self::Reset(1) | Self::GoAway(1))
    }
}

/// A connection after the preface.
pub(crate) struct FrameClient {
    client: Client,
    next_stream: u32,
}

impl FrameClient {
    pub(crate) async fn connect(house: &House) -> Self {
        Self::connect_with(house, &[]).await
    }

    /// Says that no octet of any body is to be sent.
    pub(crate) async fn connect_without_window(house: &House) -> Self {
        Self::connect_with(house, &[0, 4, 0, 0, 0, 0]).await
    }

    async fn connect_with(house: &House, settings: &[u8]) -> Self {
        let config = tls_config(&house.certificate, &["h2"], rustls::ALL_VERSIONS);
        let mut client = Client::tls(house.https, "127.0.0.1", SITE, config).await.expect("a connection");
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        // No table of fields in answers: each head can be read by itself.
        client.send(frame(SETTINGS, 0, 0, &[&[0, 1, 0, 0, 0, 0], settings].concat())).await;
        Self { client, next_stream: 1 }
    }

    /// Sends a head, and a body if there is one, and says what became of it.
    pub(crate) async fn ask(&mut self, fields: &[(&[u8], &[u8])], body: Option<&[u8]>) -> Outcome {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let flags = if body.is_some() { END_HEADERS } else { END_HEADERS | END_STREAM };
        let mut bytes = frame(HEADERS, flags, stream, &block);
        if let Some(body) = body {
            bytes.extend(frame(DATA, END_STREAM, stream, body));
        }
        self.client.send(bytes).await;
        self.outcome(stream).await
    }

    /// Sends a head, waits for the answer, then sends the body after all; says the status and how the stream was reset, if it was.
    pub(crate) async fn ask_then_send(&mut self, fields: &[(&[u8], &[u8])], body: &[u8]) -> (Outcome, Option<u32>) {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        self.client.send(frame(HEADERS, END_HEADERS, stream, &block)).await;
        let outcome = self.outcome(stream).await;
        // The echo of a ping comes behind whatever the body brought about.
        self.client.send([frame(DATA, END_STREAM, stream, body), frame(PING, 0, 0, &[7; 8])].concat()).await;
        while let Some(head) = self.client.take(9).await {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let on = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            let Some(payload) = self.client.take(length).await else { break };
            match head[3] {
                RST_STREAM if on == stream => return (outcome, Some(number(&payload))),
                PING => return (outcome, None),
                _ => {}
            }
        }
        (Outcome::Closed, None)
    }

    /// Answers pings until the other side ends, and says whether it took its leave.
    pub(crate) async fn hold(&mut self) -> bool {
        let mut took_leave = false;
        while let Some(head) = self.client.take(9).await {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some(payload) = self.client.take(length).await else { break };
            took_leave |= head[3] == GOAWAY;
            if head[3] == PING && head[4] & 1 == 0 {
                self.client.send(frame(PING, 1, 0, &payload)).await;
            }
        }
        took_leave
    }

    /// Fetches an answer, and gives each octet of it back at once, to the stream and to the connection; says how many came.
    pub(crate) async fn download(&mut self, fields: &[(&[u8], &[u8])]) -> usize {
        let stream = self.next_stream;
        let request = self.request(fields, false);
        self.client.send(request).await;
        let mut octets = 0;
        while let Some(head) = self.client.take(9).await {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let Some(_) = self.client.take(length as usize).await else { break };
            if head[3] == DATA && length > 0 {
                octets += length as usize;
                let back = length.to_be_bytes();
                self.client.send([frame(WINDOW_UPDATE, 0, stream, &back), frame(WINDOW_UPDATE, 0, 0, &back)].concat()).await;
            }
            if matches!(head[3], HEADERS | DATA) && head[4] & END_STREAM != 0 {
                break;
            }
        }
        octets
    }

    /// A head whose first part is followed by so many others.
    pub(crate) fn head_in_parts(&mut self, fields: &[(&[u8], &[u8])], parts: usize) -> Vec<u8> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let mut bytes = frame(HEADERS, END_STREAM, stream, &block);
        for part in 1..=parts {
            bytes.extend(frame(CONTINUATION, if part == parts { END_HEADERS } else { 0 }, stream, &[]));
        }
        bytes
    }

    /// A head that announces a body, and the number of its stream.
    pub(crate) fn open(&mut self, fields: &[(&[u8], &[u8])]) -> (Vec<u8>, u32) {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        (frame(HEADERS, END_HEADERS, stream, &block), stream)
    }

    /// The frames of one request's head with whatever follows them; nothing is waited for.
    pub(crate) fn request(&mut self, fields: &[(&[u8], &[u8])], is_reset: bool) -> Vec<u8> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        if is_reset {
            bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        }
        bytes
    }

    /// A head that never ends: each of its parts is as short as parts can be.
    pub(crate) fn endless_head(&mut self, parts: usize) -> Vec<u8> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let parts = (0..parts).flat_map(|_| frame(CONTINUATION, 0, stream, &[]));
        frame(HEADERS, END_STREAM, stream, &[]).into_iter().chain(parts).collect()
    }

    /// A head that refers to one long field of the table again and again.
    pub(crate) fn bomb(&mut self, fields: &[(&[u8], &[u8])], references: usize) -> Vec<u8> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let mut block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        // With incremental indexing, then index 62: the newest entry of the dynamic table (RFC 7541 §6.2.1, §2.3.3).
        block.extend([&[0x40], string(b"x-long").as_slice(), &string(&[b'a'; 3000])].concat());
        block.extend(std::iter::repeat_n(0x80 | 62, references));
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    }

    /// Sends octets, then reads until the other side gives the connection up; says how.
    pub(crate) async fn flood(&mut self, bytes: Vec<u8>) -> Outcome {
        self.client.send(bytes).await;
        // No stream has this number, so that only the connection's own end is an outcome.
        self.outcome(u32::MAX).await
    }

    /// Sends octets and collects the statuses of so many answers, in the order in which they come.
    pub(crate) async fn statuses(&mut self, bytes: Vec<u8>, expected: usize) -> Vec<u16> {
        self.client.send(bytes).await;
        let mut statuses = Vec::new();
        while statuses.len() < expected {
            let Some(head) = self.client.take(9).await else { break };
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some(payload) = self.client.take(length).await else { break };
            if head[3] == HEADERS {
                statuses.push(status(&payload));
            }
        }
        statuses
    }

    /// Sends a head, waits until the other side has certainly read it, then resets the stream.
    pub(crate) async fn ask_and_reset(&mut self, fields: &[(&[u8], &[u8])]) {
        let stream = self.next_stream;
        let request = self.request(fields, false);
        self.client.send([request, frame(PING, 0, 0, &[7; 8])].concat()).await;
        while let Some(head) = self.client.take(9).await {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some(_) = self.client.take(length).await else { break };
            if head[3] == PING {
                break;
            }
        }
        self.client.send(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).await;
    }

    /// Reads, and answers nothing, until the other side has closed.
    pub(crate) async fn until_closed(&mut self) {
        while self.client.take(1).await.is_some() {}
    }

    async fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            let Some(head) = self.client.take(9).await else { return Outcome::Closed };
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let on = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            let Some(payload) = self.client.take(length).await else { return Outcome::Closed };
            match head[3] {
                HEADERS if on == stream => return Outcome::Status(status(&payload)),
                RST_STREAM if on == stream => return Outcome::Reset(number(&payload)),
                GOAWAY if number(&payload[4..]) != 0 => return Outcome::GoAway(number(&payload[4..])),
                SETTINGS if head[4] & 1 == 0 => self.client.send(frame(SETTINGS, 1, 0, &[])).await,
                _ => {}
            }
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal field without indexing and without Huffman coding (RFC 7541 §6.2.2).
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0], string(name).as_slice(), &string(value)].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if text.len() < 127 {
        out.push(u8::try_from(text.len()).expect("short"));
    } else {
        out.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128 + 128).expect("an octet"));
            rest /= 128;
        }
        out.push(u8::try_from(rest).expect("an octet"));
    }
    out.extend(text);
    out
}

/// `:status` is always the first field; its values are table entries or three digits.
fn status(block: &[u8]) -> u16 {
    let block = match block {
        // A change of the table's size may come before.
        [first, rest @ ..] if first & 0xe0 == 0x20 => rest,
        _ => block,
    };
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ => digits(block),
    }
}

fn digits(block: &[u8]) -> u16 {
    let length = usize::from(block[1] & 0x7f);
    let text = &block[2..2 + length];
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("digits");
    }
    // Huffman codes of digits: 0, 1, 2 have five bits, the others six (RFC 7541, appendix B).
    let bits: Vec<u8> = text.iter().flat_map(|octet| (0..8).rev().map(move |shift| octet >> shift & 1)).collect();
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let take = |count: usize| bits[at..at + count].iter().fold(0_u16, |sum, bit| sum * 2 + u16::from(*bit));
        let five = take(5);
        let (digit, used) = if five < 3 { (five, 5) } else { (take(6) - 0x19 + 3, 6) };
        at += used;
        value = value * 10 + digit;
    }
    value
}
