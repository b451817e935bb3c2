//! The test of the content security policy.

use super::html::Page;
use super::policy::{self, Parsed};
use super::subject::Subject;

const BROAD: [&str; 8] = ["ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"];
const INLINE: [&str; 2] = ["'unsafe-inline'", "data:"];
const PASSIVE: [&str; 2] = ["img-src", "media-src"];
/// A tag of a page cannot set these.
const NOT_IN_TAGS: [&str; 3] = ["frame-ancestors", "report-uri", "sandbox"];

/// What the test came to.
pub(super) struct Tested {
    pub(super) result: &'static str,
    /// Whether the policy says who may frame the page.
    pub(super) has_ancestors: bool,
}

pub(super) fn test(subject: &Subject, page: &Page) -> Tested {
    let sent: Vec<String> = subject.value("content-security-policy").into_iter().collect();
    let Some(mut all) = policy::parse(&[sent.clone(), page.policies.clone()].concat()) else {
        return Tested { result: "csp-header-invalid", has_ancestors: false };
    };
    let of_fields = policy::parse(&sent).unwrap_or_default();
    let of_tags = policy::parse(&page.policies).unwrap_or_default();
    let counts = of_tags.directives.keys().any(|name| !NOT_IN_TAGS.contains(&name.as_str()));
    if of_fields.directives.is_empty() && !counts {
        let reports = subject.value("content-security-policy-report-only").is_some_and(|value| !value.is_empty());
        let result = if reports { "csp-not-implemented-but-reporting-enabled" } else { "csp-not-implemented" };
        return Tested { result, has_ancestors: false };
    }
    let result = judge(&mut all);
    Tested { result, has_ancestors: all.directives.contains_key("frame-ancestors") }
}

/// The directive that holds for a kind of content.
fn holder(policy: &Parsed, name: &'static str) -> Option<&'static str> {
    [name, "default-src"].into_iter().find(|name| policy.directives.contains_key(*name))
}

fn sources<'a>(policy: &'a Parsed, name: &'static str) -> Vec<&'a str> {
    let found = holder(policy, name).and_then(|name| policy.directives.get(name));
    found.map_or_else(|| vec!["*"], |sources| sources.iter().map(String::as_str).collect())
}

fn judge(policy: &mut Parsed) -> &'static str {
    let is_misused = settle(policy);
    let (script, style, object) = (sources(policy, "script-src"), sources(policy, "style-src"), sources(policy, "object-src"));
    let any = |list: &[&str], bad: &[&str]| list.iter().any(|source| bad.contains(source));
    let default = policy.directives.get("default-src");
    let result = if is_misused {
        "csp-header-invalid"
    } else if any(&script, &BROAD) || any(&script, &INLINE) || any(&object, &BROAD) {
        "csp-implemented-with-unsafe-inline"
    } else if active(policy).any(is_plain) || script.iter().any(|source| is_plain(source)) {
        "csp-implemented-with-insecure-scheme"
    } else if any(&script, &["'unsafe-eval'"]) || any(&style, &["'unsafe-eval'"]) {
        "csp-implemented-with-unsafe-eval"
    } else if passive(policy).any(is_plain) {
        "csp-implemented-with-insecure-scheme-in-passive-content-only"
    } else if any(&style, &BROAD) || any(&style, &INLINE) {
        "csp-implemented-with-unsafe-inline-in-style-src-only"
    } else if default.is_some_and(|sources| sources.len() == 1 && sources[0] == "'none'") {
        "csp-implemented-with-no-unsafe-default-src-none"
    } else {
        "csp-implemented-with-no-unsafe"
    };
    let passes = result.starts_with("csp-implemented-with-no-unsafe")
        || result.ends_with("in-style-src-only")
        || result.ends_with("in-passive-content-only");
    if passes && policy.repeats { "csp-implemented-but-duplicate-directives" } else { result }
}

/// Takes away what a nonce or a hash makes void; whether `'strict-dynamic'` stands without one.
fn settle(policy: &mut Parsed) -> bool {
    for name in ["script-src", "style-src"] {
        change(policy, name, |sources| {
            if is_bound(sources) {
                sources.retain(|source| source != "'unsafe-inline'");
            }
        });
    }
    let is_dynamic = sources(policy, "script-src").contains(&"'strict-dynamic'");
    let mut is_bound_too = false;
    change(policy, "script-src", |sources| {
        is_bound_too = is_bound(sources);
        if is_bound_too && is_dynamic {
            let is_void = |source: &str| {
                BROAD.iter().any(|broad| source.starts_with(broad)) || matches!(source, "'self'" | "'unsafe-inline'")
            };
            sources.retain(|source| !is_void(source));
        }
    });
    is_dynamic && !is_bound_too
}

fn change(policy: &mut Parsed, name: &'static str, change: impl FnOnce(&mut Vec<String>)) {
    if let Some(sources) = holder(policy, name).and_then(|name| policy.directives.get_mut(name)) {
        change(sources);
    }
}

fn is_bound(sources: &[String]) -> bool {
    let kinds = ["'sha256-", "'sha384-", "'sha512-", "'nonce-"];
    sources.iter().any(|source| kinds.iter().any(|kind| source.starts_with(kind)))
}

fn is_plain(source: &str) -> bool {
    source.starts_with("http:") || source.starts_with("ftp:")
}

fn active(policy: &Parsed) -> impl Iterator<Item = &str> {
    let directives = policy.directives.iter().filter(|(name, _)| !PASSIVE.contains(&name.as_str()) && *name != "script-src");
    directives.flat_map(|(_, sources)| sources).map(String::as_str)
}

fn passive(policy: &Parsed) -> impl Iterator<Item = &str> {
    PASSIVE.into_iter().flat_map(|name| sources(policy, name)).filter(|source| *source != "*")
}
