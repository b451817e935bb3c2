//! One head, line by line, as it arrives. What is decided depends on the octets alone, never on how they were cut into reads.

use std::ops::Range;

use doorward_kit::net::{Authority, Scheme};
use doorward_policy::SizePolicy;

use super::FramingFault;
use super::octet;

/// Longest method; the longest registered one has 17 octets.
const METHOD_MAX: usize = 32;

/// Fields in whose values octets beyond ASCII are refused: they frame, route or authorise, and parsers differ about such octets.
const STRICT_FIELDS: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "authorization",
    "proxy-authorization",
    "origin",
    "forwarded",
    "content-type",
    "x-csrf-token",
];

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// No body: the next octet belongs to the next head.
    None,
    /// This many octets, at least one.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// A head that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Octets before it that belong to nothing: one empty line at most (RFC 9112 §2.2).
    pub(super) skip: usize,
    /// Its end, counted from the same start as `skip`.
    pub(super) end: usize,
    pub(super) body: BodyFraming,
    /// Whether it asks to leave HTTP.
    pub(super) upgrade: bool,
}

/// What a look at the octets gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    Partial,
    Whole(Head),
    Refused(FramingFault),
}

/// The state between two reads. Offsets count from the head's first octet.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    skip: usize,
    line_start: usize,
    searched: usize,
    fields: usize,
    request: Option<RequestLine>,
    host: Option<Range<usize>>,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

#[derive(Debug)]
struct RequestLine {
    /// Where the target's authority is, for an absolute target.
    authority: Option<Range<usize>>,
    is_http_1_1: bool,
}

impl HeadScan {
    /// Looks at all octets that are there; `bytes` starts where the head starts and only ever grows between calls.
    pub(super) fn look(&mut self, bytes: &[u8], sizes: &SizePolicy, scheme: Scheme) -> Scan {
        loop {
            let Some(found) = memchr::memchr(b'\n', &bytes[self.searched..]) else {
                self.searched = bytes.len();
                return self.over_limit(bytes.len(), sizes).map_or(Scan::Partial, Scan::Refused);
            };
            let end = self.searched + found + 1;
            if let Some(fault) = self.over_limit(end, sizes) {
                return Scan::Refused(fault);
            }
            match self.line(bytes, end, sizes, scheme) {
                Ok(None) => {}
                Ok(Some(head)) => return Scan::Whole(head),
                Err(fault) => return Scan::Refused(fault),
            }
            self.line_start = end;
            self.searched = end;
        }
    }

    /// Whether there is anything to look at that was not looked at before.
    pub(super) fn has_unseen(&self, total: usize) -> bool {
        total > self.searched
    }

    fn over_limit(&self, seen: usize, sizes: &SizePolicy) -> Option<FramingFault> {
        if self.request.is_none() && seen - self.skip > sizes.request_line {
            Some(FramingFault::LineTooLong)
        } else if seen - self.skip > sizes.head {
            Some(FramingFault::HeadTooLarge)
        } else {
            None
        }
    }

    fn line(&mut self, bytes: &[u8], end: usize, sizes: &SizePolicy, scheme: Scheme) -> Result<Option<Head>, FramingFault> {
        let whole = &bytes[self.line_start..end];
        let line = whole.strip_suffix(b"\r\n").ok_or(FramingFault::LineEnd)?;
        if memchr::memchr(b'\r', line).is_some() {
            return Err(FramingFault::LineEnd);
        }
        if self.request.is_none() {
            if line.is_empty() && end == 2 {
                self.skip = end;
                return Ok(None);
            }
            self.request = Some(request_line(line, self.line_start, scheme)?);
            return Ok(None);
        }
        if line.is_empty() {
            return self.finish(bytes, end).map(Some);
        }
        self.fields += 1;
        if self.fields > sizes.fields {
            return Err(FramingFault::HeadTooLarge);
        }
        self.field(line)?;
        Ok(None)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), FramingFault> {
        let colon = memchr::memchr(b':', line).ok_or(FramingFault::Field)?;
        let (name, raw) = (&line[..colon], &line[colon + 1..]);
        // A folded line starts with a space and so has no token for a name; neither has `Host :`.
        if !octet::is_token(name) {
            return Err(FramingFault::Field);
        }
        let value = trim(raw);
        if !is_legal_value(name, value) {
            return Err(FramingFault::Field);
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host_field(line, value),
            6 if name.eq_ignore_ascii_case(b"expect") => expectation(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length_field(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.coding_field(value),
            _ => Ok(()),
        }
    }

    fn host_field(&mut self, line: &[u8], value: &[u8]) -> Result<(), FramingFault> {
        if self.host.is_some() || !octet::is_host(value) {
            return Err(FramingFault::Host);
        }
        let before = line.len() - trim_start(&line[5..]).len();
        let start = self.line_start + before;
        self.host = Some(start..start + value.len());
        Ok(())
    }

    /// One plain decimal number; 18 digits are more than anybody stores and never overflow.
    fn length_field(&mut self, value: &[u8]) -> Result<(), FramingFault> {
        let plain = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        if self.length.is_some() || self.chunked || !plain {
            return Err(FramingFault::Length);
        }
        self.length = Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    fn coding_field(&mut self, value: &[u8]) -> Result<(), FramingFault> {
        if self.length.is_some() {
            return Err(FramingFault::Length);
        }
        let is_http_1_1 = self.request.as_ref().is_some_and(|request| request.is_http_1_1);
        if self.chunked || !is_http_1_1 || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(FramingFault::Coding);
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(&self, bytes: &[u8], end: usize) -> Result<Head, FramingFault> {
        let host = self.host.clone().ok_or(FramingFault::Host)?;
        if let Some(authority) = self.request.as_ref().and_then(|request| request.authority.clone())
            && !agree(&bytes[authority], &bytes[host])
        {
            return Err(FramingFault::Host);
        }
        let body = match (self.length, self.chunked) {
            (_, true) => BodyFraming::Chunked,
            (None | Some(0), false) => BodyFraming::None,
            (Some(length), false) => BodyFraming::Length(length),
        };
        Ok(Head { skip: self.skip, end, body, upgrade: self.upgrade })
    }
}

fn request_line(line: &[u8], start: usize, scheme: Scheme) -> Result<RequestLine, FramingFault> {
    let mut parts = line.split(|octet| *octet == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(FramingFault::RequestLine);
    };
    if !octet::is_token(method) || method.len() > METHOD_MAX {
        return Err(FramingFault::RequestLine);
    }
    let is_http_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ if version.starts_with(b"HTTP/") => return Err(FramingFault::Version),
        _ => return Err(FramingFault::RequestLine),
    };
    if method == b"CONNECT" {
        return Err(FramingFault::Tunnel);
    }
    let authority = target_form(method, target, scheme)?.map(|range| {
        let offset = start + method.len() + 1;
        range.start + offset..range.end + offset
    });
    Ok(RequestLine { authority, is_http_1_1 })
}

/// Accepts origin form, `OPTIONS *`, and absolute form of the connection's own scheme, whose authority's place is returned.
fn target_form(method: &[u8], target: &[u8], scheme: Scheme) -> Result<Option<Range<usize>>, FramingFault> {
    if target == b"*" {
        return if method == b"OPTIONS" { Ok(None) } else { Err(FramingFault::Target) };
    }
    if target.starts_with(b"/") {
        return if octet::is_legal_target(target) { Ok(None) } else { Err(FramingFault::Target) };
    }
    let prefix: &[u8] = match scheme {
        Scheme::Http => b"http://",
        Scheme::Https => b"https://",
    };
    let rest = target.strip_prefix(prefix).ok_or(FramingFault::Target)?;
    let authority_len = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_len);
    // Userinfo needs an `@`, which is no octet of a host.
    if !octet::is_host(authority) || !(path.is_empty() || octet::is_legal_target(path)) {
        return Err(FramingFault::Target);
    }
    Ok(Some(prefix.len()..prefix.len() + authority_len))
}

fn agree(target: &[u8], host: &[u8]) -> bool {
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<Authority>().ok();
    match (parse(target), parse(host)) {
        (Some(target), Some(host)) => target == host,
        _ => false,
    }
}

fn expectation(value: &[u8]) -> Result<(), FramingFault> {
    if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err(FramingFault::Expectation) }
}

/// Whether a field may hold this value, which is already trimmed.
fn is_legal_value(name: &[u8], value: &[u8]) -> bool {
    octet::is_strict_value(value) || octet::is_value(value) && !is_strict_field(name)
}

/// The same for HTTP/2, whose library lets any octet beyond ASCII pass, and where nothing is trimmed (RFC 9113 §8.2.1).
pub(crate) fn is_legal_field(name: &[u8], value: &[u8]) -> bool {
    trim(value).len() == value.len() && is_legal_value(name, value)
}

fn is_strict_field(name: &[u8]) -> bool {
    STRICT_FIELDS.iter().any(|strict| name.eq_ignore_ascii_case(strict.as_bytes()))
        || name.len() > 11 && name[..11].eq_ignore_ascii_case(b"x-forwarded")
}

fn is_ows(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|octet| !is_ows(*octet)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = trim_start(bytes);
    let end = bytes.iter().rposition(|octet| !is_ows(*octet)).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Whether a line of a trailer section is a field line at all.
pub(super) fn is_field_line(line: &[u8]) -> bool {
    memchr::memchr(b':', line).is_some_and(|colon| octet::is_token(&line[..colon]) && octet::is_value(&line[colon + 1..]))
}
