//! Tests that look at one field.

use super::html::Page;
use super::subject::{self, Plain, Subject};

/// The good result; cookies lean on it.
pub(super) const HSTS_LONG: &str = "hsts-implemented-max-age-at-least-six-months";
/// 180 days: what the Observatory calls six months.
const SIX_MONTHS: i64 = 15_552_000;

pub(super) fn hsts(subject: &Subject) -> &'static str {
    if !subject.trusted {
        return "hsts-invalid-cert";
    }
    let Some(value) = subject.value("strict-transport-security") else { return "hsts-not-implemented" };
    let value = value.to_lowercase();
    let age = value.split(';').filter_map(|part| part.trim().strip_prefix("max-age=")).next_back();
    match age {
        Some(age) if !value.contains(',') => match leading_number(age) {
            Some(age) if age < SIX_MONTHS => "hsts-implemented-max-age-less-than-six-months",
            // What is no number is no small number either: so says the scanner.
            _ => HSTS_LONG,
        },
        _ => "hsts-header-invalid",
    }
}

/// The number that a text begins with, as a script would read it.
fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let sign = text.len() - text.trim_start_matches(['-', '+']).len();
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    match (sign, digits) {
        (0 | 1, 1..) => Some(text[..sign + digits].parse().unwrap_or(i64::MAX)),
        _ => None,
    }
}

pub(super) fn redirection(subject: &Subject) -> &'static str {
    let Plain::Redirect(to) = &subject.plain else {
        return if subject.plain == Plain::Closed { "redirection-not-needed-no-http" } else { "redirection-missing" };
    };
    let Some(rest) = to.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).map(|_| &to[8..]) else {
        return "redirection-not-to-https";
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit_once(':').map_or(&rest[..end], |(host, _)| host);
    match (subject.trusted, host.eq_ignore_ascii_case(&subject.host)) {
        (false, _) => "redirection-invalid-cert",
        (true, true) => "redirection-to-https",
        (true, false) => "redirection-off-host-from-http",
    }
}

pub(super) fn referrer(subject: &Subject, page: &Page) -> &'static str {
    const PRIVATE: [&str; 4] = ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];
    const UNSAFE: [&str; 4] = ["origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"];
    let all: Vec<String> = subject.value("referrer-policy").into_iter().chain(page.referrer.clone()).collect();
    if all.is_empty() {
        return "referrer-policy-not-implemented";
    }
    let all = all.join(", ").to_lowercase();
    let known = |word: &&str| PRIVATE.contains(word) || UNSAFE.contains(word);
    match all.split(',').map(str::trim).rfind(known) {
        Some(word) if PRIVATE.contains(&word) => "referrer-policy-private",
        Some(_) => "referrer-policy-unsafe",
        None => "referrer-policy-header-invalid",
    }
}

pub(super) fn sniffing(subject: &Subject) -> &'static str {
    match subject.value("x-content-type-options").filter(|value| !value.is_empty()) {
        None => "x-content-type-options-not-implemented",
        Some(value) if value.trim().eq_ignore_ascii_case("nosniff") => "x-content-type-options-nosniff",
        Some(_) => "x-content-type-options-header-invalid",
    }
}

pub(super) fn framing(subject: &Subject, by_policy: bool) -> &'static str {
    let value = subject.value("x-frame-options").map(|value| value.trim().to_lowercase()).filter(|value| !value.is_empty());
    match value.as_deref() {
        _ if by_policy => "x-frame-options-implemented-via-csp",
        None => "x-frame-options-not-implemented",
        Some("deny" | "sameorigin") => "x-frame-options-sameorigin-or-deny",
        Some(value) if value.starts_with("allow-from") => "x-frame-options-allow-from-origin",
        Some(_) => "x-frame-options-header-invalid",
    }
}

pub(super) fn resource(subject: &Subject) -> &'static str {
    let value = subject.value("cross-origin-resource-policy").map(|value| value.trim().to_lowercase());
    match value.as_deref() {
        None | Some("") => "corp-not-implemented",
        Some("same-site") => "corp-implemented-with-same-site",
        Some("same-origin") => "corp-implemented-with-same-origin",
        Some("cross-origin") => "corp-implemented-with-cross-origin",
        Some(_) => "corp-header-invalid",
    }
}

pub(super) fn sharing(subject: &Subject) -> &'static str {
    let Some(preflight) = &subject.preflight else { return "cross-origin-resource-sharing-not-implemented" };
    let value = |name: &str| subject::value(&preflight.fields, name).filter(|value| !value.is_empty());
    let with_credentials = value("access-control-allow-credentials").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match value("access-control-allow-origin") {
        None => "cross-origin-resource-sharing-not-implemented",
        Some(origin) if origin == "*" => "cross-origin-resource-sharing-implemented-with-public-access",
        Some(origin) if origin == preflight.origin && with_credentials => {
            "cross-origin-resource-sharing-implemented-with-universal-access"
        }
        Some(_) => "cross-origin-resource-sharing-implemented-with-restricted-access",
    }
}
