//! Chunked framing (RFC 9112 §7.1), followed and written anew: extensions and trailers go no further.

use bytes::{Buf as _, BytesMut};

use super::BodyFault;
use super::head::is_field_line;

/// Digits of a chunk size; 16 fill a `u64`.
const SIZE_DIGITS_MAX: usize = 16;
/// Octets of a chunk extension, the semicolon included.
const EXTENSION_MAX: usize = 256;
/// Octets of a trailer section.
const TRAILERS_MAX: usize = 4096;

/// Where in a chunked body the next octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In a size line.
    Size,
    /// Before this many octets of data, at least one.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// In the trailer section, of which this many octets are gone.
    Trailers(usize),
    /// Behind it all.
    Done,
}

/// What [`Chunked::step`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// More octets are needed.
    Starved,
    /// Something was decided; look again.
    Moved,
}

impl Chunked {
    /// Takes framing octets from `input` and writes their canonical spelling to `out`. Never called before data.
    pub(super) fn step(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Result<Step, BodyFault> {
        match *self {
            Self::Size => self.size_line(input, out),
            Self::DataEnd => self.data_end(input, out),
            Self::Trailers(gone) => self.trailer_line(gone, input, out),
            Self::Data(_) | Self::Done => Ok(Step::Moved),
        }
    }

    fn size_line(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Result<Step, BodyFault> {
        const LINE_MAX: usize = SIZE_DIGITS_MAX + EXTENSION_MAX + 2;
        let Some(line_len) = line_length(input, LINE_MAX)? else { return Ok(Step::Starved) };
        let size = parse_size(&input[..line_len])?;
        input.advance(line_len + 2);
        if size == 0 {
            *self = Self::Trailers(0);
        } else {
            out.extend_from_slice(format!("{size:x}\r\n").as_bytes());
            *self = Self::Data(size);
        }
        Ok(Step::Moved)
    }

    fn data_end(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Result<Step, BodyFault> {
        let wanted = &b"\r\n"[..input.len().min(2)];
        if !input.starts_with(wanted) {
            return Err(BodyFault::Chunk);
        }
        if wanted.len() < 2 {
            return Ok(Step::Starved);
        }
        input.advance(2);
        out.extend_from_slice(b"\r\n");
        *self = Self::Size;
        Ok(Step::Moved)
    }

    fn trailer_line(&mut self, gone: usize, input: &mut BytesMut, out: &mut BytesMut) -> Result<Step, BodyFault> {
        let Some(line_len) = line_length(input, TRAILERS_MAX - gone)? else { return Ok(Step::Starved) };
        if line_len > 0 && !is_field_line(&input[..line_len]) {
            return Err(BodyFault::Chunk);
        }
        input.advance(line_len + 2);
        if line_len == 0 {
            out.extend_from_slice(b"0\r\n\r\n");
            *self = Self::Done;
        } else {
            *self = Self::Trailers(gone + line_len + 2);
        }
        Ok(Step::Moved)
    }
}

/// Octets of the first line without its CR LF; `None` while it is not whole. A line takes at most `max` octets, its end included.
fn line_length(input: &[u8], max: usize) -> Result<Option<usize>, BodyFault> {
    let Some(feed) = memchr::memchr(b'\n', &input[..input.len().min(max)]) else {
        return if input.len() >= max { Err(BodyFault::Chunk) } else { Ok(None) };
    };
    // A CR that is not the last octet before the LF would be a line end to some.
    match memchr::memchr(b'\r', &input[..feed]) {
        Some(carriage) if carriage + 1 == feed => Ok(Some(carriage)),
        _ => Err(BodyFault::Chunk),
    }
}

fn parse_size(line: &[u8]) -> Result<u64, BodyFault> {
    let digits = line.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
    let extension = &line[digits..];
    let plain_extension = extension.iter().all(|octet| matches!(octet, b'\t' | b' '..=b'~'));
    let framed = extension.is_empty() || extension.len() <= EXTENSION_MAX && extension[0] == b';' && plain_extension;
    if !(1..=SIZE_DIGITS_MAX).contains(&digits) || !framed {
        return Err(BodyFault::Chunk);
    }
    let text = std::str::from_utf8(&line[..digits]).map_err(|_| BodyFault::Chunk)?;
    u64::from_str_radix(text, 16).map_err(|_| BodyFault::Chunk)
}
