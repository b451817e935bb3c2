//! A row as one line of JSON (requirements, table (c)). Every text in it was escaped when it was stored.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_domain::audit::AuditRow;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    node: &'a str,
    seq: u64,
    event: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    meta: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    truncated: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// The clock was set back: `ts` lies this far behind an earlier row's.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts_behind_ms: Option<u64>,
    version: &'a str,
    key_version: u32,
    prev_hash: String,
    hash: String,
}

/// One line, without its end.
#[must_use]
pub fn json(row: &AuditRow) -> String {
    let record = &row.record;
    let line = Line {
        ts: format!("{:.3}", record.at),
        node: &record.node,
        seq: row.seq,
        event: record.event.as_str(),
        outcome: record.outcome.as_str(),
        actor_user_id: record.actor.map(|id| id.to_string()),
        subject_hash: record.subject_hash.as_deref(),
        client_ip: record.client_ip.map(|address| address.to_string()),
        peer_ip: record.peer_ip.map(|address| address.to_string()),
        client_prefix: record.client_prefix.as_deref(),
        user_agent: record.user_agent.as_deref(),
        request_id: record.request_id.map(|id| id.to_string()),
        method: record.method.as_deref(),
        route: record.route.as_deref(),
        host: record.host.as_deref(),
        session_ref: record.session.map(|id| id.to_string()),
        reason: record.reason.as_deref(),
        meta: record.meta.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        truncated: record.truncated.iter().map(|field| field.as_str()).collect(),
        count: record.count,
        ts_behind_ms: row.behind_ms,
        version: &record.version,
        key_version: row.key_version,
        prev_hash: hex(&row.prev_hash),
        hash: hex(&row.hash),
    };
    // Strings, numbers and maps of strings always serialise.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut out, octet| {
        let _ = write!(out, "{octet:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use doorward_domain::audit::{AuditEntry, AuditRecord, AuditRow, MetaKey};
    use doorward_domain::{AuditEvent, Outcome};
    use doorward_kit::{RequestId, SessionId, Timestamp, UserId};

    use super::json;

    /// An entry whose every field is as long as a stranger can make it.
    fn longest(filler: &str) -> AuditRow {
        let long = || filler.repeat((1 << 20) / filler.len());
        let mut entry = AuditEntry::of_house(AuditEvent::SignInFailed, Outcome::Failure, Timestamp::UNIX_EPOCH)
            .by(UserId::from_bytes([1; 16]))
            .in_session(SessionId::from_bytes([1; 16]))
            .about(&"f".repeat(32))
            .because("unknown");
        entry.request_id = Some(RequestId::from_bytes([1; 16]));
        (entry.user_agent, entry.host, entry.method, entry.route) = (Some(long()), Some(long()), Some(long()), Some(long()));
        entry.meta = MetaKey::ALL.iter().map(|key| (*key, long())).collect();
        let record = AuditRecord::new(entry, &"n".repeat(63));
        AuditRow {
            seq: u64::MAX,
            behind_ms: Some(u64::MAX),
            key_version: u32::MAX,
            prev_hash: [0xff; 32],
            hash: [0xff; 32],
            record,
        }
    }

    #[test]
    fn aud_04_the_longest_record_is_valid_json_of_at_most_eight_kib() {
        for filler in ["a", "\"", "\\", "ü", "\u{1f6aa}", "\u{1b}", "\u{202e}", "\r\n", "a\u{0}"] {
            let line = json(&longest(filler));
            assert!(line.len() <= 8192, "{filler:?}: {} octets", line.len());
            let read: serde_json::Value = serde_json::from_str(&line).expect("valid JSON");
            for (field, max) in [("user_agent", 512), ("host", 253), ("method", 128), ("route", 1024)] {
                let text = read[field].as_str().expect("a text");
                assert!(text.len() <= max && text.ends_with('…'), "{field}: {text}");
            }
            assert_eq!(read["truncated"], serde_json::json!(["user_agent", "method", "route", "host", "meta"]));
        }
    }
}
