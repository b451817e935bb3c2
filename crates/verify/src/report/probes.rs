//! One look as evidence.

use crate::evidence::{Check, CheckVerdict, Connection, Probe, Request, Response, Short, UNDECLARED};
use crate::judge::{self, Finding};
use crate::observer::Transport;
use crate::probe::StatusRule;
use crate::redact::{MARK, Redactor};
use crate::run::{Outcome, authority, millis};

pub(super) fn evidence(outcome: &Outcome, redactor: &mut Redactor) -> Probe {
    let spec = &outcome.spec;
    let status_expected = match spec.status {
        StatusRule::Exactly(status) => Some(status),
        _ => None,
    };
    let response = outcome.answer.as_ref().map(|answer| {
        let mut written = |fields: &[(String, String)]| {
            fields.iter().map(|(name, value)| (name.clone(), redactor.counted_field(name, value))).collect()
        };
        let headers = written(&answer.fields);
        Response { status: answer.status, status_expected, headers, trailers: written(&answer.trailers) }
    });
    Probe {
        id: spec.id.clone(),
        class: spec.class,
        vantage: spec.vantage,
        request: request(outcome, redactor),
        connection: outcome.connection.as_ref().map(|connection| Connection {
            remote: connection.remote.to_string(),
            sni: connection.sni.clone(),
            tls: connection.tls,
            alpn: connection.alpn.clone(),
        }),
        response,
        checks: checks(outcome, redactor),
        elapsed_ms: millis(outcome.elapsed),
        error: outcome.fault.as_ref().map(|fault| redactor.text(&fault.to_string())),
    }
}

fn request(outcome: &Outcome, redactor: &Redactor) -> Request {
    let spec = &outcome.spec;
    let scheme = if spec.transport == Transport::Plain { "http" } else { "https" };
    let mut headers = vec![("host".to_owned(), authority(spec))];
    headers.extend(spec.fields.iter().cloned());
    headers.extend(spec.secrets.iter().map(|(name, _)| (name.clone(), MARK.to_owned())));
    if spec.authorization.is_some() {
        headers.push(("authorization".to_owned(), MARK.to_owned()));
    }
    Request {
        method: spec.method,
        url: redactor.text(&format!("{scheme}://{}{}", authority(spec), outcome.target)),
        http_version: if spec.transport == Transport::Http2 { "2" } else { "1.1" },
        headers,
    }
}

fn checks(outcome: &Outcome, redactor: &Redactor) -> Vec<Check> {
    let skip = outcome.spec.skip.as_ref().map(|skip| Check {
        id: outcome.spec.control.0,
        header: "status".to_owned(),
        count: 0,
        expected: if skip.declared { "may be left out" } else { UNDECLARED }.to_owned(),
        observed: String::new(),
        verdict: CheckVerdict::Skip,
        reason: Some(skip.reason.clone()),
        parsed: None,
    });
    skip.into_iter().chain(outcome.findings.iter().map(|finding| check(finding, redactor))).collect()
}

fn check(finding: &Finding, redactor: &Redactor) -> Check {
    let subject = finding.subject.as_str();
    let expected =
        if subject == "location" { redactor.field(subject, &finding.expected) } else { redactor.text(&finding.expected) };
    let parsed = judge::parsed(finding).map(|directives| {
        let sources = |list: Vec<String>| list.iter().map(|source| redactor.text(source)).collect();
        directives.into_iter().map(|(name, list)| (name, sources(list))).collect()
    });
    Check {
        id: finding.control.0,
        header: finding.subject.clone(),
        count: finding.count,
        expected,
        observed: redactor.field(subject, &finding.observed),
        verdict: if finding.fault.is_some() { CheckVerdict::Fail } else { CheckVerdict::Pass },
        reason: finding.fault.as_ref().map(|fault| redactor.text(fault)),
        parsed,
    }
}

/// The values that are asked for most often.
pub(super) fn short(probe: &Probe) -> Short {
    let value = |name: &str| {
        let fields = probe.response.iter().flat_map(|response| &response.headers);
        let values: Vec<&str> = fields.filter(|(seen, _)| seen == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    Short {
        csp: value("content-security-policy"),
        hsts: value("strict-transport-security"),
        xfo: value("x-frame-options"),
        xcto: value("x-content-type-options"),
        pp: value("permissions-policy"),
        rp: value("referrer-policy"),
    }
}
