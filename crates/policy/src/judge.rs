//! Holds observed response headers to the policy, by meaning and not by spelling (VER-03).
//!
//! Comes in: an audience and the fields as they were on the wire. Goes out: one verdict per rule, with its control and a reason.
//! Must never know: where the answer came from.

use crate::control::ControlId;
use crate::csp::Csp;
use crate::header::{Audience, HeaderPolicy, HeaderRule, STRIPPED, STRIPPED_PREFIXES, Treatment};
use crate::structured::Dictionary;

/// Whether a rule was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As the policy says.
    Pass,
    /// Otherwise.
    Fail,
}

/// What was found about one header of one answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HeaderVerdict {
    /// Lower-case name.
    pub name: String,
    /// The row that asks for it.
    pub control: ControlId,
    /// Fields of that name in the answer.
    pub count: usize,
    /// What the policy says; `absent` for a field that must not be there.
    pub expected: String,
    /// What came; several values are joined with ` | `.
    pub observed: String,
    /// The finding.
    pub verdict: Verdict,
    /// Why it failed; empty when it passed.
    pub reason: String,
}

/// Fields whose absence is worth a line of evidence of its own.
const WATCHED: &[&str] =
    &["server", "x-powered-by", "x-xss-protection", "expect-ct", "feature-policy", "access-control-allow-origin"];

impl HeaderPolicy {
    /// Judges the header fields of one answer, in wire order with duplicates; names in any letter case.
    ///
    /// One verdict per rule of the audience, one per watched absence, and one more for every forbidden field that came all the same.
    #[must_use]
    pub fn judge(&self, audience: Audience, observed: &[(String, String)]) -> Vec<HeaderVerdict> {
        let fields = Fields(observed);
        let mut verdicts: Vec<_> = self.rules(audience).iter().map(|rule| judge_rule(rule, &fields)).collect();
        verdicts.extend(judge_absences(audience, &fields));
        verdicts
    }
}

struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    fn values(&self, name: &str) -> Vec<&'a str> {
        self.0
            .iter()
            .filter(|(seen, _)| seen.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_matches([' ', '\t']))
            .collect()
    }
}

fn judge_rule(rule: &HeaderRule, fields: &Fields<'_>) -> HeaderVerdict {
    let values = fields.values(rule.name.as_str());
    let expected = rule.value.to_str().unwrap_or_default();
    let fault = match (rule.treatment, values.as_slice()) {
        (_, []) => Some("missing".to_owned()),
        (Treatment::Append, several) => none_matches(rule.name.as_str(), several, expected),
        (_, [_, _, ..]) => Some("sent more than once".to_owned()),
        (Treatment::Set, [value]) => difference(rule.name.as_str(), value, expected),
        (Treatment::Fill, [value]) => fill_fault(rule.name.as_str(), value, fields),
    };
    verdict(rule.name.as_str(), rule.control, &values, expected, fault)
}

fn verdict(name: &str, control: ControlId, values: &[&str], expected: &str, fault: Option<String>) -> HeaderVerdict {
    HeaderVerdict {
        name: name.to_owned(),
        control,
        count: values.len(),
        expected: expected.to_owned(),
        observed: values.join(" | "),
        verdict: if fault.is_none() { Verdict::Pass } else { Verdict::Fail },
        reason: fault.unwrap_or_default(),
    }
}

/// Ours must be among them; the others only narrow it further, since policies intersect.
fn none_matches(name: &str, values: &[&str], expected: &str) -> Option<String> {
    let mut faults = values.iter().map(|value| difference(name, value, expected));
    if faults.any(|fault| fault.is_none()) { None } else { Some("the policy that the edge adds is not among them".to_owned()) }
}

/// The upstream may choose how its pages are cached, but an answer that sets a cookie must not be shared.
fn fill_fault(name: &str, value: &str, fields: &Fields<'_>) -> Option<String> {
    if value.is_empty() {
        return Some("empty".to_owned());
    }
    let sets_cookie = !fields.values("set-cookie").is_empty();
    let kept_apart = cache_words(value).iter().any(|word| matches!(word.as_str(), "no-store" | "no-cache" | "private"));
    (name == "cache-control" && sets_cookie && !kept_apart)
        .then(|| "an answer that sets a cookie may be shared by caches".to_owned())
}

fn difference(name: &str, seen: &str, expected: &str) -> Option<String> {
    match name {
        "content-security-policy" => csp_difference(seen, expected),
        "strict-transport-security" => hsts_difference(seen, expected),
        "permissions-policy" | "reporting-endpoints" => dictionary_difference(seen, expected),
        "cache-control" | "x-robots-tag" => {
            (cache_words(seen) != cache_words(expected)).then(|| format!("is {seen:?} instead of {expected:?}"))
        }
        // Registered as case-insensitive tokens; the others are structured fields, where case counts.
        "x-content-type-options" | "x-frame-options" | "referrer-policy" if seen.eq_ignore_ascii_case(expected) => None,
        _ => (seen != expected).then(|| format!("is {seen:?} instead of {expected:?}")),
    }
}

fn csp_difference(seen: &str, expected: &str) -> Option<String> {
    let expected = Csp::parse(expected).ok()?;
    match Csp::parse(seen) {
        Ok(policy) => policy.difference(&expected),
        Err(error) => Some(error.to_string()),
    }
}

fn dictionary_difference(seen: &str, expected: &str) -> Option<String> {
    let expected = Dictionary::parse(expected).ok()?;
    match Dictionary::parse(seen) {
        Ok(dictionary) => dictionary.difference(&expected),
        Err(error) => Some(error.to_string()),
    }
}

fn cache_words(value: &str) -> Vec<String> {
    let mut words: Vec<String> = value.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
    words.sort();
    words
}

/// A longer life is no weakness; a shorter one, a lost sub-domain clause or a doubled directive is (RFC 6797 §6.1).
fn hsts_difference(seen: &str, expected: &str) -> Option<String> {
    let wanted = Hsts::parse(expected)?;
    let Some(got) = Hsts::parse(seen) else {
        return Some("not valid (RFC 6797 section 6.1)".to_owned());
    };
    if got.max_age < wanted.max_age {
        Some(format!("max-age is {} and not at least {}", got.max_age, wanted.max_age))
    } else if wanted.include_subdomains && !got.include_subdomains {
        Some("includeSubDomains is missing".to_owned())
    } else {
        None
    }
}

struct Hsts {
    max_age: u64,
    include_subdomains: bool,
}

impl Hsts {
    fn parse(text: &str) -> Option<Self> {
        let mut seen: Vec<String> = Vec::new();
        let mut hsts = Self { max_age: 0, include_subdomains: false };
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(value.trim())));
            let name = name.to_ascii_lowercase();
            match (name.as_str(), value) {
                ("max-age", Some(value)) => hsts.max_age = parse_digits(value.trim_matches('"'))?,
                ("max-age", None) => return None,
                ("includesubdomains", None) => hsts.include_subdomains = true,
                ("includesubdomains", Some(_)) => return None,
                _ => {}
            }
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
        }
        seen.iter().any(|name| name == "max-age").then_some(hsts)
    }
}

fn parse_digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn judge_absences(audience: Audience, fields: &Fields<'_>) -> Vec<HeaderVerdict> {
    let mut names: Vec<String> = WATCHED.iter().map(|name| (*name).to_owned()).collect();
    if audience == Audience::PlainHttp {
        names.push("strict-transport-security".to_owned());
    }
    for (name, _) in fields.0 {
        let name = name.to_ascii_lowercase();
        if is_forbidden(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names.iter().map(|name| judge_absence(name, fields)).collect()
}

fn is_forbidden(name: &str) -> bool {
    STRIPPED.contains(&name) || STRIPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn judge_absence(name: &str, fields: &Fields<'_>) -> HeaderVerdict {
    let values = fields.values(name);
    // `0` switches the auditor off, which is as good as absence (HDR-13).
    let harmless = name == "x-xss-protection" && values == ["0"];
    let fault = (!values.is_empty() && !harmless).then(|| "must not be sent".to_owned());
    verdict(name, absence_control(name), &values, "absent", fault)
}

fn absence_control(name: &str) -> ControlId {
    ControlId(match name {
        "strict-transport-security" => "HDR-02",
        "link" | "sourcemap" | "x-sourcemap" | "report-to" | "nel" | "alt-svc" => "HDR-09",
        "x-powered-by" | "via" | "x-served-by" | "x-backend-server" => "EXPO-08",
        _ if name.starts_with("x-aspnet") => "EXPO-08",
        _ if STRIPPED_PREFIXES.iter().any(|prefix| *prefix != "access-control-" && name.starts_with(prefix)) => "EXPO-08",
        _ => "HDR-13",
    })
}
