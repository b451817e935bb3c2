//! Which octets may stand where: one table, one look per octet.

/// `tchar` (RFC 9110 §5.6.2): methods and field names.
const TOKEN: u8 = 1;
/// Field values: HTAB, SP, VCHAR.
const VALUE: u8 = 2;
/// Field values: 0x80–0xFF.
const OBS_TEXT: u8 = 4;
/// Paths (RFC 3986 §3.3), `%` and `;` included: what they mean is judged later.
const PATH: u8 = 8;
/// Queries: as paths, `?`, and what browsers send unescaped (URL standard, query percent-encode set).
const QUERY: u8 = 16;
/// Names, addresses and ports in `Host`.
const HOST: u8 = 32;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let octet = at as u8;
        let alphanumeric = octet.is_ascii_alphanumeric();
        if alphanumeric || among(b"!#$%&'*+-.^_`|~", octet) {
            table[at] |= TOKEN;
        }
        if octet == b'\t' || (octet >= b' ' && octet <= b'~') {
            table[at] |= VALUE;
        }
        if octet >= 0x80 {
            table[at] |= OBS_TEXT;
        }
        if alphanumeric || among(b"-._~!$&'()*+,;=:@%/", octet) {
            table[at] |= PATH | QUERY;
        }
        if among(b"?[]{}|\\^`", octet) {
            table[at] |= QUERY;
        }
        if alphanumeric || among(b"-._:[]", octet) {
            table[at] |= HOST;
        }
        at += 1;
    }
    table
}

const fn among(set: &[u8], octet: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == octet {
            return true;
        }
        at += 1;
    }
    false
}

fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|octet| CLASS[usize::from(*octet)] & class != 0)
}

pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// A value in which only visible ASCII, spaces and tabs may stand: fields that frame, route or authorise.
pub(super) fn is_strict_value(bytes: &[u8]) -> bool {
    all(bytes, VALUE)
}

/// A value in which 0x80–0xFF may stand as well.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    all(bytes, VALUE | OBS_TEXT)
}

/// Looks like `name`, `name:port` or an address; whether it is one of ours is decided by the host guard.
pub(super) fn is_host(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, HOST)
}

/// Whether a target in origin form holds only what RFC 3986 allows: path, then at most a query; no fragment, every `%` followed
/// by two hexadecimal digits.
///
/// Used for HTTP/1.1 before anything else, and for HTTP/2 whose library is more lenient.
#[must_use]
pub fn is_legal_target(target: &[u8]) -> bool {
    let (path, query) = match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &[][..]),
    };
    path.first() == Some(&b'/') && all(path, PATH) && all(query, QUERY) && escapes_are_whole(target)
}

fn escapes_are_whole(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'%', bytes)
        .all(|at| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}
