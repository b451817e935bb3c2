//! One answer against what was wanted of it. Everything here reads observed text raw; it is redacted when it is written down.

mod body;
mod cookie;
mod location;

use doorward_policy::csp::Csp;
use doorward_policy::judge::Verdict;
use doorward_policy::{Audience, ControlId, CookiePolicy, HeaderPolicy};

use crate::observer::Answer;
use crate::plan::Intent;
use crate::probe::{Spec, StatusRule, Want};

/// One finding about one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) control: ControlId,
    /// A header name in lower case, or `status` or `body`.
    pub(crate) subject: String,
    pub(crate) count: usize,
    pub(crate) expected: String,
    pub(crate) observed: String,
    /// Why it fails; `None` when it holds.
    pub(crate) fault: Option<String>,
}

impl Finding {
    pub(crate) fn new(control: ControlId, subject: &str, expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self { control, subject: subject.to_owned(), count: 1, expected: expected.into(), observed: observed.into(), fault: None }
    }

    pub(crate) fn fault(mut self, fault: Option<impl Into<String>>) -> Self {
        self.fault = fault.map(Into::into);
        self
    }
}

/// What answers are held to.
pub(crate) struct Judge<'a> {
    pub(crate) headers: &'a HeaderPolicy,
    pub(crate) cookies: &'a CookiePolicy,
    pub(crate) intent: Intent,
}

impl Judge<'_> {
    /// Everything that can be said about the answer.
    pub(crate) fn judge(&self, spec: &Spec, answer: &Answer) -> Vec<Finding> {
        let mut findings = vec![status(spec, answer.status)];
        if let Some(audience) = spec.audience {
            findings.extend(self.header_findings(audience, answer));
        }
        if spec.audience.is_none() {
            findings.push(no_plain_hsts(answer));
        }
        findings.extend(spec.wants.iter().map(|want| wanted(want, spec, answer)));
        // Behind a gate the cookies are the UI's own.
        if !matches!(spec.audience, Some(Audience::Gate(_))) {
            findings.extend(self.cookies(answer));
        }
        findings
    }

    /// How the answer sets its cookies.
    pub(crate) fn cookies(&self, answer: &Answer) -> Vec<Finding> {
        cookie::findings(&answer.values("set-cookie"), self.cookies, self.intent)
    }

    fn header_findings(&self, audience: Audience, answer: &Answer) -> Vec<Finding> {
        let verdicts = self.headers.judge(audience, &answer.fields).into_iter();
        let mut findings: Vec<_> = verdicts
            .map(|verdict| Finding {
                control: verdict.control,
                subject: verdict.name,
                count: verdict.count,
                expected: verdict.expected,
                observed: verdict.observed,
                fault: (verdict.verdict == Verdict::Fail).then_some(verdict.reason),
            })
            .collect();
        findings.extend(answer.trailers.iter().filter_map(|(name, value)| trailer(self.headers, audience, name, value)));
        findings
    }
}

/// A header of the policy that comes after the body could be merged over ours (HDR-09).
fn trailer(policy: &HeaderPolicy, audience: Audience, name: &str, value: &str) -> Option<Finding> {
    let ours = policy.rules(audience).iter().any(|rule| rule.name.as_str() == name);
    ours.then(|| {
        Finding::new(ControlId("HDR-09"), name, "not in the trailers", value)
            .fault(Some("a header of the policy came as a trailer"))
    })
}

fn no_plain_hsts(answer: &Answer) -> Finding {
    let seen = answer.values("strict-transport-security");
    let finding = Finding::new(ControlId("HDR-02"), "strict-transport-security", "absent", seen.join(" | "));
    Finding { count: seen.len(), ..finding.fault((!seen.is_empty()).then_some("must not be sent over plain HTTP")) }
}

fn status(spec: &Spec, seen: u16) -> Finding {
    let (right, expected) = match spec.status {
        StatusRule::Exactly(status) => (seen == status, status.to_string()),
        StatusRule::Reached => ((200..400).contains(&seen), "200 to 399".to_owned()),
        StatusRule::Answered => (seen < 500, "below 500".to_owned()),
        StatusRule::Redirect => (matches!(seen, 301 | 302 | 303 | 307 | 308), "a redirect".to_owned()),
        StatusRule::Any => (true, "any".to_owned()),
    };
    let fault = (!right).then(|| format!("is {seen} instead of {expected}"));
    Finding::new(spec.control, "status", expected, seen.to_string()).fault(fault)
}

fn wanted(want: &Want, spec: &Spec, answer: &Answer) -> Finding {
    match want {
        Want::Detail => body::detail(answer),
        Want::RedirectTo(target) => location::exactly(answer, target),
        Want::SecureRedirect => location::secure(answer, spec.host.as_str()),
        Want::Challenge(gate) => challenge(answer, gate, spec.host.as_str()),
        Want::NoChallenge => no_challenge(answer),
        Want::RetryAfter => retry_after(answer),
    }
}

/// RFC 7617 §2: `Basic realm="…", charset="UTF-8"`.
fn challenge(answer: &Answer, gate: &str, host: &str) -> Finding {
    let seen = answer.values("www-authenticate");
    let fault = match seen.as_slice() {
        [] => Some("missing".to_owned()),
        [one] => challenge_fault(one, &[gate, host]),
        _ => Some("sent more than once".to_owned()),
    };
    let expected = "Basic realm=\"…\", charset=\"UTF-8\"";
    Finding {
        count: seen.len(),
        ..Finding::new(ControlId("GATE-19"), "www-authenticate", expected, seen.join(" | ")).fault(fault)
    }
}

fn challenge_fault(value: &str, telling: &[&str]) -> Option<String> {
    let Some(parameters) = value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).map(|_| &value[6..]) else {
        return Some("is not a basic challenge".to_owned());
    };
    let (mut realm, mut utf8) = (None, false);
    for part in parameters.split(',') {
        match part.trim().split_once('=') {
            Some((name, text)) if name.eq_ignore_ascii_case("realm") && realm.is_none() => realm = Some(text.trim_matches('"')),
            Some((name, text)) if name.eq_ignore_ascii_case("charset") => {
                utf8 = text.trim_matches('"').eq_ignore_ascii_case("utf-8");
            }
            _ => return Some("holds something besides realm and charset".to_owned()),
        }
    }
    match realm {
        _ if !utf8 => Some("charset=\"UTF-8\" is missing".to_owned()),
        None => Some("the realm is missing".to_owned()),
        Some(realm) if telling.iter().any(|name| realm.to_ascii_lowercase().contains(&name.to_ascii_lowercase())) => {
            Some("the realm names what is behind the gate".to_owned())
        }
        Some(_) => None,
    }
}

fn no_challenge(answer: &Answer) -> Finding {
    let seen = answer.values("www-authenticate");
    let finding = Finding::new(ControlId("GATE-03"), "www-authenticate", "absent", seen.join(" | "));
    Finding { count: seen.len(), ..finding.fault((!seen.is_empty()).then_some("an outsider is asked for a password")) }
}

fn retry_after(answer: &Answer) -> Finding {
    let seen = answer.values("retry-after");
    let right = matches!(seen.as_slice(), [one] if one.parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let finding = Finding::new(crate::probe::COVERAGE, "retry-after", "whole seconds, at least 1", seen.join(" | "));
    Finding { count: seen.len(), ..finding.fault((!right).then_some("is not one number of seconds")) }
}

/// The value taken apart, for policies that have parts.
pub(crate) fn parsed(finding: &Finding) -> Option<std::collections::BTreeMap<String, Vec<String>>> {
    if finding.subject != "content-security-policy" || finding.count != 1 {
        return None;
    }
    Csp::parse(&finding.observed).ok().map(|policy| policy.directives().clone())
}
