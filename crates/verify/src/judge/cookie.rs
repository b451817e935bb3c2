//! How cookies are set (SES-01, CSRF-15). Values are not looked at and not kept.

use doorward_policy::cookie::CookieRule;
use doorward_policy::{ControlId, CookiePolicy};

use super::Finding;
use crate::plan::Intent;

/// Parts of names that sign people in.
const SESSION_WORDS: &[&str] = &["sess", "login", "auth", "sid", "token", "jwt"];

/// One finding for each `Set-Cookie`.
pub(super) fn findings(values: &[&str], policy: &CookiePolicy, intent: Intent) -> Vec<Finding> {
    let cookies: Vec<SetCookie<'_>> = values.iter().map(|value| SetCookie::parse(value)).collect();
    let times = |name: &str| cookies.iter().filter(|cookie| cookie.name == name).count();
    cookies.iter().map(|cookie| finding(cookie, times(cookie.name), policy, intent)).collect()
}

fn finding(cookie: &SetCookie<'_>, times: usize, policy: &CookiePolicy, intent: Intent) -> Finding {
    let ours =
        [(&policy.session, ControlId("SES-01")), (&policy.csrf, ControlId("CSRF-15")), (&policy.device, ControlId("SES-01"))];
    let ours = ours.into_iter().find(|(rule, _)| intent == Intent::Site && rule.name == cookie.name);
    let (control, expected, fault) = match ours {
        Some((rule, control)) => (control, rule.set("<redacted>", None), rule_fault(cookie, rule)),
        None => (ControlId("SES-01"), general_rule(cookie.name).to_owned(), general_fault(cookie)),
    };
    let fault = if times > 1 { Some("is set more than once in one answer".to_owned()) } else { fault };
    let fault = fault.map(|fault| format!("{}: {fault}", shown_name(cookie.name)));
    Finding { count: times, ..Finding::new(control, "set-cookie", expected, cookie.raw).fault(fault) }
}

fn shown_name(name: &str) -> String {
    doorward_kit::redact::Visible::new(name, 64).to_string()
}

fn rule_fault(cookie: &SetCookie<'_>, rule: &CookieRule) -> Option<String> {
    let same_site = cookie.attribute("samesite").flatten().unwrap_or_default();
    if cookie.attribute("secure").is_none() {
        Some("Secure is missing".to_owned())
    } else if cookie.attribute("domain").is_some() {
        Some("Domain must not be set".to_owned())
    } else if cookie.attribute("path").flatten() != Some("/") {
        Some("Path is not /".to_owned())
    } else if cookie.attribute("httponly").is_some() != rule.http_only {
        Some(if rule.http_only { "HttpOnly is missing" } else { "HttpOnly keeps the site's own script away" }.to_owned())
    } else if !same_site.eq_ignore_ascii_case(rule.same_site) {
        Some(format!("SameSite is not {}", rule.same_site))
    } else {
        None
    }
}

fn is_session_like(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !name.contains("csrf") && !name.contains("xsrf") && SESSION_WORDS.iter().any(|word| name.contains(word))
}

fn general_rule(name: &str) -> &'static str {
    if is_session_like(name) { "Secure; HttpOnly; SameSite=Lax or Strict" } else { "Secure; SameSite=Lax or Strict" }
}

fn general_fault(cookie: &SetCookie<'_>) -> Option<String> {
    let same_site = cookie.attribute("samesite").flatten().unwrap_or_default().to_ascii_lowercase();
    if cookie.attribute("secure").is_none() {
        Some("Secure is missing".to_owned())
    } else if is_session_like(cookie.name) && cookie.attribute("httponly").is_none() {
        Some("HttpOnly is missing from a cookie that looks like a session".to_owned())
    } else if !matches!(same_site.as_str(), "lax" | "strict") {
        Some("SameSite is neither Lax nor Strict".to_owned())
    } else {
        None
    }
}

/// A `Set-Cookie` value, read as a browser reads it (RFC 6265bis §5.6).
struct SetCookie<'a> {
    raw: &'a str,
    name: &'a str,
    attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> SetCookie<'a> {
    fn parse(raw: &'a str) -> Self {
        let mut parts = raw.split(';');
        let pair = parts.next().unwrap_or_default();
        let name = pair.split_once('=').map_or("", |(name, _)| name.trim_matches([' ', '\t']));
        let attributes = parts.map(|part| match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part.trim(), None),
        });
        Self { raw, name, attributes: attributes.collect() }
    }

    /// The last attribute of a name wins, as in a browser. `Secure=false` is still `Secure`.
    fn attribute(&self, name: &str) -> Option<Option<&'a str>> {
        self.attributes.iter().rev().find(|(seen, _)| seen.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}
