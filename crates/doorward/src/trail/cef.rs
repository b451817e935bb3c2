//! A row in ArcSight's Common Event Format, revision 26: `CEF:0|vendor|product|version|class|name|severity|extension`.

use std::fmt::Write as _;
use std::net::IpAddr;

use doorward_domain::Outcome;
use doorward_domain::audit::AuditRow;

use super::line::hex;

/// One line, without its end.
#[must_use]
pub fn cef(row: &AuditRow) -> String {
    let record = &row.record;
    let event = record.event.as_str();
    let mut out = format!("CEF:0|Doorward|doorward|{}|{event}|{event}|{}|", header(&record.version), severity(record.outcome));
    let mut extension = Extension(&mut out);
    extension.add("rt", &record.at.as_millisecond().to_string());
    extension.add("dvchost", &record.node);
    extension.add("externalId", &row.seq.to_string());
    extension.add("outcome", record.outcome.as_str());
    extension.maybe("reason", record.reason.as_deref());
    match record.client_ip {
        Some(IpAddr::V4(address)) => extension.add("src", &address.to_string()),
        // `src` holds IPv4 only.
        Some(IpAddr::V6(address)) => extension.labelled("c6a2", "Source IPv6 Address", &address.to_string()),
        None => {}
    }
    extension.maybe("suid", record.actor.map(|id| id.to_string()).as_deref());
    extension.maybe("requestMethod", record.method.as_deref());
    extension.maybe("request", record.route.as_deref());
    extension.maybe("dhost", record.host.as_deref());
    extension.maybe("requestClientApplication", record.user_agent.as_deref());
    extension.maybe("cnt", record.count.map(|count| count.to_string()).as_deref());
    let labelled = [
        ("cs1", "requestId", record.request_id.map(|id| id.to_string())),
        ("cs2", "subjectHash", record.subject_hash.clone()),
        ("cs3", "sessionRef", record.session.map(|id| id.to_string())),
        ("cs4", "hash", Some(hex(&row.hash))),
        ("cs5", "prevHash", Some(hex(&row.prev_hash))),
        ("cs6", "meta", meta(row)),
    ];
    for (key, label, value) in labelled {
        if let Some(value) = value {
            extension.labelled(key, label, &value);
        }
    }
    out
}

fn meta(row: &AuditRow) -> Option<String> {
    let pairs: Vec<_> = row.record.meta.iter().map(|(key, value)| format!("{}:{value}", key.as_str())).collect();
    (!pairs.is_empty()).then(|| pairs.join(" "))
}

/// 0 to 10.
fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Success => 3,
        Outcome::Failure => 5,
        Outcome::Denied => 6,
        Outcome::Error => 8,
    }
}

/// In the header, `\` and `|` are escaped, and there are no line ends.
fn header(text: &str) -> String {
    text.replace('\\', r"\\").replace('|', r"\|").replace(['\r', '\n'], " ")
}

struct Extension<'a>(&'a mut String);

impl Extension<'_> {
    /// In the extension, `\` and `=` are escaped, and line ends are written as such.
    fn add(&mut self, key: &str, value: &str) {
        if !self.0.ends_with('|') || self.0.ends_with(r"\|") {
            self.0.push(' ');
        }
        let value = value.replace('\\', r"\\").replace('=', r"\=").replace('\r', r"\r").replace('\n', r"\n");
        let _ = write!(self.0, "{key}={value}");
    }

    fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn labelled(&mut self, key: &str, label: &str, value: &str) {
        self.add(&format!("{key}Label"), label);
        self.add(key, value);
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::audit::{AuditEntry, AuditRecord, AuditRow, MetaKey};
    use doorward_domain::{AuditEvent, Outcome};
    use doorward_kit::Timestamp;

    use super::cef;

    #[test]
    fn separators_inside_values_are_escaped() {
        let entry =
            AuditEntry::of_house(AuditEvent::CsrfRejected, Outcome::Denied, Timestamp::UNIX_EPOCH).with(MetaKey::Scope, "c|d");
        let mut record = AuditRecord::new(entry, "node=1");
        record.version = "1|2\\".to_owned();
        record.user_agent = Some("a=b\\c\nd outcome=success".to_owned());
        let row = AuditRow { seq: 7, behind_ms: None, key_version: 1, prev_hash: [0; 32], hash: [0xab; 32], record };
        let line = cef(&row);
        assert!(
            line.starts_with(r"CEF:0|Doorward|doorward|1\|2\\|csrf.rejected|csrf.rejected|6|rt=0 dvchost=node\=1 externalId=7 "),
            "{line}"
        );
        assert!(line.contains(r"requestClientApplication=a\=b\\c\nd outcome\=success cs4Label=hash"), "{line}");
        assert!(line.ends_with("cs6Label=meta cs6=scope:c|d") && line.lines().count() == 1, "{line}");
    }
}
