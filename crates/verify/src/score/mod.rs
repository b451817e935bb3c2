//! The score that MDN's HTTP Observatory would give (VER-13), computed from what was on the wire.
//!
//! Comes in: the answer to `/`, the plain listener's answer and whether the certificate is trusted. Goes out: a [`Score`], modifier by
//! modifier, under the names that the Observatory uses. Its rules are those of `@mdn/mdn-http-observatory` 1.4.8, quirks included, and a
//! test holds every fixture to that program. What is not looked up: the list of preloaded hosts and that of public suffixes; redirects of
//! `/` are not followed.

mod cookies;
mod csp;
mod fields;
mod html;
mod policy;
mod scripts;
mod site;
mod subject;
mod table;

pub(crate) use site::of_run;
pub use subject::{Plain, Preflight, Subject};

use serde::Serialize;

/// What the program that the rules are held to calls itself.
const METHOD: &str = "mdn-observatory";
/// Bonuses count only from here on.
const ENOUGH_FOR_BONUSES: i32 = 90;

/// A score of a public scanner, as it is where the site's certificate is trusted, and as the public would get it today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Whose rules.
    pub method: &'static str,
    /// What the value assumes to be trusted: `staging-roots`, or `public-roots` where the certificate is a public one.
    pub trust: &'static str,
    /// From 0; may exceed 100.
    pub value: i32,
    /// `A+` to `F`.
    pub grade: &'static str,
    /// What a scan from the public net would say.
    pub public_scan_expected: Expected,
    /// What each test came to.
    pub modifiers: Vec<Modifier>,
}

/// What a scan from the public net would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// From 0.
    pub value: i32,
    /// `A+` to `F`.
    pub grade: &'static str,
    /// Why it may be another value.
    pub why: &'static str,
}

/// What one test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Modifier {
    /// The Observatory's name of the test.
    pub test: &'static str,
    /// The Observatory's name of the result.
    pub result: &'static str,
    /// What it adds or takes.
    pub modifier: i32,
}

/// What every test makes of a subject, in the Observatory's order.
#[must_use]
pub fn modifiers(subject: &Subject) -> Vec<Modifier> {
    let page = html::Page::of(subject);
    let policy = csp::test(subject, &page);
    let hsts = fields::hsts(subject);
    let results = [
        ("content-security-policy", policy.result),
        ("cookies", cookies::test(subject, hsts == fields::HSTS_LONG)),
        ("cross-origin-resource-sharing", fields::sharing(subject)),
        ("redirection", fields::redirection(subject)),
        ("referrer-policy", fields::referrer(subject, &page)),
        ("strict-transport-security", hsts),
        ("subresource-integrity", scripts::test(subject, &page)),
        ("x-content-type-options", fields::sniffing(subject)),
        ("x-frame-options", fields::framing(subject, policy.has_ancestors)),
        ("cross-origin-resource-policy", fields::resource(subject)),
    ];
    results.map(|(test, result)| Modifier { test, result, modifier: table::modifier(result) }).to_vec()
}

/// The sum: penalties always count, bonuses only where there are few of them.
#[must_use]
pub fn value(modifiers: &[Modifier]) -> i32 {
    let whole: i32 = 100 + modifiers.iter().map(|one| one.modifier).sum::<i32>();
    let penalties: i32 = 100 + modifiers.iter().map(|one| one.modifier.min(0)).sum::<i32>();
    if penalties >= ENOUGH_FOR_BONUSES { whole } else { penalties.max(0) }
}

/// The letter for a value.
#[must_use]
pub fn grade(value: i32) -> &'static str {
    table::grade(value)
}

/// The score of a subject whose certificate is trusted, and what the public would see; `why` says what stands between the two.
fn score(subject: &Subject, trust: &'static str, why: &'static str, publicly_trusted: bool) -> Score {
    let trusted = Subject { trusted: true, ..subject.clone() };
    let modifiers = modifiers(&trusted);
    let value = value(&modifiers);
    let public = self::value(&self::modifiers(&Subject { trusted: publicly_trusted, ..trusted }));
    let public_scan_expected = Expected { value: public, grade: grade(public), why };
    Score { method: METHOD, trust, value, grade: grade(value), public_scan_expected, modifiers }
}
