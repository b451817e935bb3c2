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
