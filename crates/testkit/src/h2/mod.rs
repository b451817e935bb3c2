//! An HTTP/2 client made of frames, so that it can send what no library would (RFC 9113).

mod hpack;

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::raw::{Alpn, RawClient, ReadFault, Reply, Tls};

pub use hpack::{Decoder, literal};

/// DATA (§6.1).
pub const DATA: u8 = 0;
/// HEADERS (§6.2).
pub const HEADERS: u8 = 1;
/// RST_STREAM (§6.4).
pub const RST_STREAM: u8 = 3;
/// SETTINGS (§6.5).
pub const SETTINGS: u8 = 4;
/// PING (§6.7).
pub const PING: u8 = 6;
/// GOAWAY (§6.8).
pub const GOAWAY: u8 = 7;
/// WINDOW_UPDATE (§6.9).
pub const WINDOW_UPDATE: u8 = 8;
/// CONTINUATION (§6.10).
pub const CONTINUATION: u8 = 9;
/// Flag of DATA and HEADERS: nothing more comes on this stream.
pub const END_STREAM: u8 = 1;
/// Flag of SETTINGS and PING: an answer.
pub const ACK: u8 = 1;
/// Flag of HEADERS and CONTINUATION: the block is whole.
pub const END_HEADERS: u8 = 4;
/// The error code PROTOCOL_ERROR (§7).
pub const PROTOCOL_ERROR: u32 = 1;

/// One frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Kind.
    pub kind: u8,
    /// Flags.
    pub flags: u8,
    /// Stream.
    pub stream: u32,
    /// Payload.
    pub payload: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answer(Reply),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection was given up with this code.
    GoAway(u32),
    /// The connection was closed without a word.
    Closed,
    /// Nothing came.
    Silence,
}

impl Outcome {
    /// The answer, which has to be there.
    #[track_caller]
    #[must_use]
    pub fn answer(self) -> Reply {
        match self {
            Self::Answer(reply) => reply,
            other => panic!("no answer but {other:?}"),
        }
    }

    /// Whether the request was called malformed in one of the ways that RFC 9113 §8.1.1 allows: a stream or connection
    /// error of type PROTOCOL_ERROR, or an answer 400 (421 where only the authority is odd) before it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Answer(reply) => matches!(reply.status, 400 | 421),
            Self::Reset(code) | Self::GoAway(code) => *code == PROTOCOL_ERROR,
            Self::Closed | Self::Silence => false,
        }
    }
}

/// One connection.
pub struct H2Frames {
    raw: RawClient,
    decoder: Decoder,
    /// Streams that ended while another was waited for.
    next_stream: u32,
}

impl H2Frames {
    /// Connects, sends preface and settings, waits for the other side's.
    ///
    /// Our settings allow no dynamic table (§6.5.2), so that every field of an answer can be read by itself.
    ///
    /// # Errors
    /// When the handshake fails or the other side does not choose `h2`.
    pub fn connect(to: SocketAddr, from: IpAddr, sni: &str) -> io::Result<Self> {
        let raw = RawClient::tls(to, from, &Tls::to(sni).alpn(Alpn::H2))?;
        let chosen = raw.session().and_then(|session| session.alpn_protocol().map(<[u8]>::to_vec));
        if chosen.as_deref() != Some(b"h2") {
            return Err(io::Error::other("h2 was not chosen"));
        }
        let mut client = Self { raw, decoder: Decoder, next_stream: 1 };
        client.raw.try_send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        // SETTINGS_HEADER_TABLE_SIZE = 0, SETTINGS_ENABLE_PUSH = 0
        client.send(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
        Ok(client)
    }

    /// Sends a frame.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.raw.send_what_it_takes(&frame);
    }

    /// Changes how long a read waits.
    pub fn set_patience(&self, patience: std::time::Duration) {
        self.raw.set_patience(patience);
    }

    /// A stream number that was not used yet.
    pub fn open(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// Sends a HEADERS frame with these fields, as they are.
    pub fn headers(&mut self, stream: u32, fields: &[(&str, &str)], flags: u8) {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect();
        self.send(HEADERS, END_HEADERS | flags, stream, &block);
    }

    /// A request without a body on a new stream.
    pub fn ask(&mut self, fields: &[(&str, &str)]) -> Outcome {
        let stream = self.open();
        self.headers(stream, fields, END_STREAM);
        self.outcome(stream)
    }

    /// GET of an authority and path.
    pub fn get(&mut self, authority: &str, path: &str) -> Outcome {
        self.ask(&[(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", path)])
    }

    /// The next frame.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn read(&mut self) -> Result<Frame, ReadFault> {
        let head = self.raw.read_exact(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let payload = self.raw.read_exact(length)?;
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Reads until this stream has its end, one way or another.
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        let mut reply = Reply::default();
        let mut block = Vec::new();
        loop {
            let frame = match self.read() {
                Ok(frame) => frame,
                Err(ReadFault::Silence(_)) => return Outcome::Silence,
                Err(_) => return Outcome::Closed,
            };
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]),
                PING if frame.flags & ACK == 0 => self.send(PING, ACK, 0, &frame.payload),
                GOAWAY => match code(&frame.payload[4..]) {
                    // No error: streams that were begun are still answered (§6.8).
                    0 => {}
                    code => return Outcome::GoAway(code),
                },
                _ if frame.stream != stream => {}
                RST_STREAM => match code(&frame.payload) {
                    // Told to stop sending after a whole answer (§8.1).
                    0 if reply.status != 0 => return Outcome::Answer(reply),
                    code => return Outcome::Reset(code),
                },
                HEADERS | CONTINUATION => {
                    block.extend_from_slice(&frame.payload);
                    if frame.flags & END_HEADERS != 0 {
                        self.take_fields(&block, &mut reply);
                        block.clear();
                    }
                }
                DATA => reply.body.extend_from_slice(&frame.payload),
                _ => {}
            }
            let has_end = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
            if frame.stream == stream && has_end && reply.status != 0 {
                return Outcome::Answer(reply);
            }
        }
    }

    pub(crate) fn take_fields(&self, block: &[u8], reply: &mut Reply) {
        let fields = self.decoder.decode(block).unwrap_or_else(|| panic!("a header block that cannot be read: {block:02x?}"));
        let is_trailer = reply.status != 0;
        for (name, value) in fields {
            if name == ":status" {
                let status = value.parse().unwrap();
                // Interim answers are passed over.
                reply.status = if status < 200 { 0 } else { status };
            } else if is_trailer {
                reply.trailers.push((name, value));
            } else {
                reply.headers.push((name, value));
            }
        }
        if reply.status == 0 {
            reply.headers.clear();
        }
    }
}

fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
