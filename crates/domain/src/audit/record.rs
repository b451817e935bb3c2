//! An entry as it is stored: every text capped, escaped, on one line (AUD-03, AUD-04).

use std::fmt::Write as _;
use std::net::IpAddr;

use doorward_kit::redact::Visible;
use doorward_kit::{RequestId, SessionId, Timestamp, UserId};

use super::{AuditEntry, AuditEvent, ChainHash, MetaKey, Outcome};

/// Most octets of all `meta` values together: what may be said beside the fields stays small, and the record below 8 KiB (AUD-04).
const META_MAX: usize = 1024;
/// Longest `User-Agent` kept, in octets after escaping.
const USER_AGENT_MAX: usize = 512;
/// Longest host kept: a DNS name has at most 253 octets.
const HOST_MAX: usize = 253;
/// Longest method kept.
const METHOD_MAX: usize = 32;
/// Longest route template kept.
const ROUTE_MAX: usize = 1024;
/// What ends a text that was cut.
const CUT_MARK: char = '…';

/// What one row says; the common fields of table (c).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When, to the microsecond.
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, if known.
    pub actor: Option<UserId>,
    /// Keyed hash of the identifier tried.
    pub subject_hash: Option<String>,
    /// Derived caller.
    pub client_ip: Option<IpAddr>,
    /// Socket.
    pub peer_ip: Option<IpAddr>,
    /// The unit in which the caller is counted.
    pub client_prefix: Option<String>,
    /// At most 512 octets, escaped.
    pub user_agent: Option<String>,
    /// Joins the access log.
    pub request_id: Option<RequestId>,
    /// Method.
    pub method: Option<String>,
    /// Route template.
    pub route: Option<String>,
    /// Canonical host.
    pub host: Option<String>,
    /// Reference to the session.
    pub session: Option<SessionId>,
    /// Node that wrote it.
    pub node: String,
    /// Version that wrote it.
    pub version: String,
    /// A word from a closed set.
    pub reason: Option<String>,
    /// How many events this row stands for, when it is not one (AUD-15).
    pub count: Option<u64>,
    /// What else there is to say; escaped, together at most 1024 octets.
    pub meta: Vec<(MetaKey, String)>,
    /// Fields that were cut.
    pub truncated: Vec<CutField>,
}

/// A field that can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CutField {
    /// `user_agent`
    UserAgent,
    /// `host`
    Host,
    /// `method`
    Method,
    /// `route`
    Route,
    /// `meta`
    Meta,
}

impl CutField {
    /// As stored and exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserAgent => "user_agent",
            Self::Host => "host",
            Self::Method => "method",
            Self::Route => "route",
            Self::Meta => "meta",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::UserAgent, Self::Host, Self::Method, Self::Route, Self::Meta].into_iter().find(|field| field.as_str() == name)
    }
}

/// A record with its place in the chain of its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Grows by one with every row of the node; a gap is a missing row.
    pub seq: u64,
    /// By how many milliseconds the record's time lies behind the latest one before it, when a clock was set back (AUD-14).
    pub behind_ms: Option<u64>,
    /// Version of the key that the hash was made with.
    pub key_version: u32,
    /// Hash of the row before.
    pub prev_hash: ChainHash,
    /// Keyed hash of everything above and of the record.
    pub hash: ChainHash,
    /// The record.
    pub record: AuditRecord,
}

impl AuditRecord {
    /// Caps, escapes and signs an entry with the node that writes it.
    #[must_use]
    pub fn new(entry: AuditEntry, node: &str) -> Self {
        let mut truncated = Vec::new();
        let mut cap = |text: Option<String>, max, field| {
            let (text, was_cut) = capped(&text?, max);
            if was_cut {
                truncated.push(field);
            }
            Some(text)
        };
        let user_agent = cap(entry.user_agent, USER_AGENT_MAX, CutField::UserAgent);
        let method = cap(entry.method, METHOD_MAX, CutField::Method);
        let route = cap(entry.route, ROUTE_MAX, CutField::Route);
        let host = cap(entry.host, HOST_MAX, CutField::Host);
        let meta = capped_meta(entry.meta, &mut truncated);
        Self {
            at: Timestamp::from_microsecond(entry.at.as_microsecond()).unwrap_or(entry.at),
            event: entry.event,
            outcome: entry.outcome,
            actor: entry.actor,
            subject_hash: entry.subject_hash,
            client_ip: entry.client.map(|client| client.ip()),
            peer_ip: entry.peer.map(|peer| peer.ip()),
            client_prefix: entry.client.map(|client| client.prefix().to_string()),
            user_agent,
            request_id: entry.request_id,
            method,
            route,
            host,
            session: entry.session,
            node: escaped(node, HOST_MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reason: entry.reason.map(str::to_owned),
            count: entry.count,
            meta,
            truncated,
        }
    }
}

/// Keeps what fits, in the order in which it was said.
fn capped_meta(meta: Vec<(MetaKey, String)>, truncated: &mut Vec<CutField>) -> Vec<(MetaKey, String)> {
    let mut room = META_MAX;
    let mut kept = Vec::with_capacity(meta.len());
    for (key, value) in meta {
        let overhead = key.as_str().len();
        if room < overhead + CUT_MARK.len_utf8() {
            truncated.push(CutField::Meta);
            break;
        }
        let (value, was_cut) = capped(&value, room - overhead);
        room = room.saturating_sub(overhead + value.len());
        kept.push((key, value));
        if was_cut {
            truncated.push(CutField::Meta);
            break;
        }
    }
    kept
}

/// Escapes `text` and cuts the result to `max` octets at a character boundary, the mark included.
pub(crate) fn escaped(text: &str, max: usize) -> String {
    capped(text, max).0
}

/// As [`escaped`], and says whether anything was cut.
fn capped(text: &str, max: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        let room = max - out.len();
        let before = out.len();
        // One character at a time, so that an escape is never cut in two.
        let _ = write!(out, "{}", Visible::new(character.encode_utf8(&mut [0; 4]), 1));
        if out.len() - before > room {
            out.truncate(before);
            return (cut(out, max), true);
        }
    }
    (out, false)
}

fn cut(mut out: String, max: usize) -> String {
    while out.len() + CUT_MARK.len_utf8() > max && out.pop().is_some() {}
    out.push(CUT_MARK);
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn forged_lines_and_terminal_sequences_are_escaped() {
        assert_eq!(escaped("a\r\n{\"event\":\"auth.login\"}", 512), r#"a\u{d}\u{a}{"event":"auth.login"}"#);
        assert_eq!(escaped("\u{1b}[2J\u{202e}\u{2028}", 512), r"\u{1b}[2J\u{202e}\u{2028}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_text_the_result_fits_and_is_one_line(text in "\\PC{0,300}|[\\x00-\\x1f]{0,300}", max in 3_usize..512) {
            let out = escaped(&text, max);
            proptest::prop_assert!(out.len() <= max);
            proptest::prop_assert!(!out.chars().any(char::is_control));
        }
    }
}
