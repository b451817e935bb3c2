//! As much of HPACK (RFC 7541) as a client needs that allows no dynamic table.

/// Appendix A, in order; index one is the first.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Octets of the Huffman code by the length of their code word (Appendix B). The code is canonical (§5.2): within a
/// length the words are consecutive, and each length goes on where the shorter one ended. Longer words than 15 bits stand
/// for octets that no header of ours holds.
const HUFFMAN: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];

/// A literal field without indexing (§6.2.2), without Huffman code: any octets at all.
#[must_use]
pub fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    for text in [name, value] {
        integer(text.len(), 7, &mut out);
        out.extend_from_slice(text);
    }
    out
}

/// §5.1, with the bits before the prefix zero.
fn integer(value: usize, prefix: u32, out: &mut Vec<u8>) {
    let limit = (1 << prefix) - 1;
    if value < limit {
        out.push(value as u8);
        return;
    }
    out.push(limit as u8);
    let mut rest = value - limit;
    while rest >= 128 {
        out.push((rest % 128 + 128) as u8);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// Reads header blocks of a peer that uses no dynamic table.
#[derive(Debug, Clone, Copy)]
pub struct Decoder;

impl Decoder {
    /// The fields of a block; `None` when it cannot be read.
    #[must_use]
    pub fn decode(&self, block: &[u8]) -> Option<Vec<(String, String)>> {
        let mut reader = Reader { rest: block };
        let mut fields = Vec::new();
        while let Some(&first) = reader.rest.first() {
            if first & 0x80 != 0 {
                let (name, value) = STATIC.get(reader.integer(7)?.checked_sub(1)?)?;
                fields.push(((*name).to_owned(), (*value).to_owned()));
            } else if first & 0xe0 == 0x20 {
                // A table of size zero, as we asked.
                reader.integer(5)?;
            } else {
                let index = reader.integer(if first & 0x40 != 0 { 6 } else { 4 })?;
                let name = match index {
                    0 => reader.text()?,
                    _ => STATIC.get(index - 1)?.0.to_owned(),
                };
                fields.push((name, reader.text()?));
            }
        }
        Some(fields)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn integer(&mut self, prefix: u32) -> Option<usize> {
        let limit = (1 << prefix) - 1;
        let mut value = usize::from(self.byte()?) & limit;
        if value < limit {
            return Some(value);
        }
        for shift in (0..28).step_by(7) {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let is_coded = self.rest.first()? & 0x80 != 0;
        let length = self.integer(7)?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        let bytes = if is_coded { unhuffman(bytes)? } else { bytes.to_vec() };
        String::from_utf8(bytes).ok()
    }
}

fn unhuffman(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut word, mut length) = (0_u32, 0_u32);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        (word, length) = (word << 1 | bit, length + 1);
        if let Some(octet) = lookup(word, length) {
            out.push(octet);
            (word, length) = (0, 0);
        } else if length > 15 {
            return None;
        }
    }
    // What is left is padding: fewer than eight ones.
    (length < 8 && word == (1 << length) - 1).then_some(out)
}

fn lookup(word: u32, length: u32) -> Option<u8> {
    let (mut first, mut at) = (0, 0);
    for (bits, octets) in HUFFMAN {
        first <<= bits - at;
        at = bits;
        if bits == length {
            return octets.get(word.checked_sub(first)? as usize).copied();
        }
        first += octets.len() as u32;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Decoder, literal, unhuffman};

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 7541, C.4.1 and C.6.1
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(unhuffman(&coded).unwrap(), b"www.example.com");
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b, 0x81, 0x66, 0xe0, 0x82, 0xa6,
            0x2d, 0x1b, 0xff,
        ];
        assert_eq!(unhuffman(&date).unwrap(), b"Mon, 21 Oct 2013 20:13:21 GMT");
    }

    #[test]
    fn what_we_write_we_read() {
        let long = "v".repeat(5_000);
        let block = [literal(b":path", b"/"), literal(b"x-long", long.as_bytes())].concat();
        let fields = Decoder.decode(&block).unwrap();
        assert_eq!(fields, [(":path".to_owned(), "/".to_owned()), ("x-long".to_owned(), long)]);
    }

    #[test]
    fn a_static_status_is_read() {
        assert_eq!(Decoder.decode(&[0x8d]).unwrap(), [(":status".to_owned(), "404".to_owned())]);
    }
}
