//! Response headers by audience: the table of the guide as data. The edge applies it last of all, `verify` judges with it.

use std::collections::HashMap;

use doorward_config::{Config, Profile};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::control::ControlId;

/// Who an answer is for; decides which headers it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Audience {
    /// Pages and everything else that a browser shows.
    PublicPage,
    /// Pages that a mail link opens: no referrer leaves them.
    TokenPage,
    /// Our own hashed assets.
    Asset,
    /// JSON.
    Api,
    /// Answers over plain HTTP: no HSTS (HDR-02).
    PlainHttp,
    /// A gated UI.
    Gate(Profile),
}

/// How a rule treats what the upstream sent under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Every copy goes, ours comes (HDR-09).
    Set,
    /// Ours comes only where there is none.
    Fill,
    /// Theirs stays, ours is added: two policies intersect (pgAdmin's nonce).
    Append,
}

/// One header of one audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// Lower-case name.
    pub name: HeaderName,
    /// The value.
    pub value: HeaderValue,
    /// How it meets the upstream's.
    pub treatment: Treatment,
    /// Which row asks for it.
    pub control: ControlId,
}

/// Rules for every audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPolicy {
    rules: HashMap<Audience, Vec<HeaderRule>>,
}

/// Fields of an upstream's answer that never reach a client (HDR-09, HDR-13, EXPO-08).
pub const STRIPPED: &[&str] = &[
    // Its reports would go where the upstream likes.
    "content-security-policy-report-only",
    "server",
    "x-powered-by",
    "via",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-xss-protection",
    "expect-ct",
    "public-key-pins",
    "public-key-pins-report-only",
    "feature-policy",
    "link",
    "sourcemap",
    "x-sourcemap",
    "report-to",
    "nel",
    "alt-svc",
    // What a cache may keep is said in one field (HDR-15); these would overrule it (RFC 9213 §2.2), as would names that end like them.
    "surrogate-control",
    "x-accel-expires",
    "x-served-by",
    "x-backend-server",
];

/// How names of fields end that speak to some caches alone and overrule `Cache-Control` there (RFC 9213 §3).
const TARGETED_CACHE: &str = "-cache-control";

/// Fields that only a rule may set: where an audience has none, there is none (HDR-09).
const RULES_ALONE: [&str; 3] = ["cross-origin-embedder-policy", "origin-agent-cluster", "reporting-endpoints"];

/// Name prefixes of fields that never reach a client.
pub const STRIPPED_PREFIXES: &[&str] = &["access-control-", "x-upstream-", "x-envoy-", "x-doorward-", "x-debug-"];

const HSTS: &str = "max-age=63072000; includeSubDomains";
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; upgrade-insecure-requests; report-uri /api/csp-report; report-to csp";
const API_CSP: &str =
    "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
const DJANGO_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const INLINE_UI_CSP: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
const TRAEFIK_CSP: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Added to pgAdmin's own policy, which carries a fresh nonce with every answer.
const PGADMIN_CSP: &str = "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'";

/// Features of the W3C registry that nothing here uses. `fullscreen` and `publickey-credentials-get` stay with the site's own pages.
const OFF_EVERYWHERE: &[&str] = &[
    "accelerometer",
    "ambient-light-sensor",
    "autoplay",
    "bluetooth",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "screen-wake-lock",
    "serial",
    "usb",
    "web-share",
    "xr-spatial-tracking",
];
const OWN_PAGES_ONLY: &[&str] = &["fullscreen", "publickey-credentials-get"];

fn permissions(own: &str, extra: &[&str]) -> String {
    let mut items: Vec<String> = OFF_EVERYWHERE.iter().map(|name| format!("{name}=()")).collect();
    items.extend(OWN_PAGES_ONLY.iter().map(|name| format!("{name}={own}")));
    items.extend(extra.iter().map(|name| format!("{name}=(self)")));
    items.sort();
    items.join(", ")
}

impl HeaderPolicy {
    /// What is enforced: the guide's table, with the configuration's `danger_` overrides.
    #[must_use]
    pub fn decide(config: &Config) -> Self {
        let mut policy = Self::guide();
        if let Some(text) = &config.headers.danger_content_security_policy {
            policy.replace_public_csp(text);
        }
        policy
    }

    /// The guide's table without any override: what `verify` holds a site to.
    #[must_use]
    pub fn guide() -> Self {
        let all = [
            Audience::PublicPage,
            Audience::TokenPage,
            Audience::Asset,
            Audience::Api,
            Audience::PlainHttp,
            Audience::Gate(Profile::Strict),
            Audience::Gate(Profile::DjangoAdmin),
            Audience::Gate(Profile::PgAdmin),
            Audience::Gate(Profile::Flower),
            Audience::Gate(Profile::Traefik),
        ];
        Self { rules: all.into_iter().map(|audience| (audience, table(audience))).collect() }
    }

    /// Rules of one audience, in the order in which they are written.
    #[must_use]
    pub fn rules(&self, audience: Audience) -> &[HeaderRule] {
        self.rules.get(&audience).map_or(&[], Vec::as_slice)
    }

    /// Brings the headers of an answer to the policy: strips what must not leave, then sets what must be there.
    ///
    /// Run after everything else, on every answer of every producer (HDR-09, HDR-10).
    pub fn apply(&self, audience: Audience, headers: &mut HeaderMap) {
        strip(headers);
        let rules = self.rules(audience);
        headers.reserve(rules.len());
        for rule in rules {
            match rule.treatment {
                Treatment::Set => {
                    headers.insert(rule.name.clone(), rule.value.clone());
                }
                Treatment::Fill => {
                    if !headers.contains_key(&rule.name) {
                        headers.insert(rule.name.clone(), rule.value.clone());
                    }
                }
                Treatment::Append => {
                    headers.append(rule.name.clone(), rule.value.clone());
                }
            }
        }
    }

    fn replace_public_csp(&mut self, text: &str) {
        let Ok(value) = HeaderValue::from_str(text) else { return };
        let rules = self.rules.get_mut(&Audience::PublicPage).into_iter().flatten();
        for rule in rules.filter(|rule| rule.name == header::CONTENT_SECURITY_POLICY) {
            rule.value = value.clone();
        }
    }
}

/// Removes what never reaches a client, whatever the answer is.
pub fn strip(headers: &mut HeaderMap) {
    // Almost no answer has any of these, and an answer has far fewer fields than the lists have names: look before removing.
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| is_stripped(name.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

fn is_stripped(name: &str) -> bool {
    STRIPPED.contains(&name)
        || RULES_ALONE.contains(&name)
        || STRIPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with(TARGETED_CACHE)
}

/// The table of the requirements, section (b).
fn table(audience: Audience) -> Vec<HeaderRule> {
    use Audience::{Api, Asset, Gate, PlainHttp, PublicPage, TokenPage};
    let mut rules = Rules(Vec::with_capacity(14));
    if audience != PlainHttp {
        rules.set("strict-transport-security", HSTS, "HDR-01");
    }
    rules.set("x-content-type-options", "nosniff", "HDR-03");
    match audience {
        Gate(Profile::PgAdmin) => rules.append("content-security-policy", PGADMIN_CSP, "HDR-06"),
        _ => rules.set("content-security-policy", csp_text(audience), "HDR-06"),
    }
    // A trial or second policy of the upstream would reach the browser beside ours.
    let frame = if audience == Gate(Profile::PgAdmin) { "SAMEORIGIN" } else { "DENY" };
    rules.set("x-frame-options", frame, "HDR-04");
    let referrer = if matches!(audience, TokenPage | Api | PlainHttp) { "no-referrer" } else { "same-origin" };
    rules.set("referrer-policy", referrer, "HDR-05");
    let permissions = match audience {
        Api | PlainHttp | Asset => permissions("()", &[]),
        Gate(Profile::PgAdmin) => permissions("(self)", &["clipboard-read", "clipboard-write"]),
        _ => permissions("(self)", &[]),
    };
    rules.set("permissions-policy", &permissions, "HDR-07");
    rules.set("cross-origin-opener-policy", "same-origin", "HDR-08");
    rules.set("cross-origin-resource-policy", "same-origin", "HDR-08");
    if !matches!(audience, Gate(Profile::PgAdmin | Profile::Flower | Profile::Traefik)) {
        rules.set("cross-origin-embedder-policy", "require-corp", "HDR-08");
    }
    if !matches!(audience, Api | PlainHttp) {
        rules.set("origin-agent-cluster", "?1", "HDR-08");
    }
    match audience {
        PublicPage => rules.fill("cache-control", "no-cache", "HDR-15"),
        Asset => rules.fill("cache-control", "public, max-age=31536000, immutable", "HDR-15"),
        TokenPage | Api | Gate(_) | PlainHttp => rules.set("cache-control", "no-store", "HDR-15"),
    }
    if matches!(audience, PublicPage | TokenPage) {
        rules.set("reporting-endpoints", "csp=\"/api/csp-report\"", "HDR-16");
    }
    match audience {
        Api => rules.set("x-robots-tag", "noindex", "HDR-06"),
        Gate(_) => rules.set("x-robots-tag", "noindex, nofollow", "HDR-06"),
        _ => {}
    }
    rules.0
}

fn csp_text(audience: Audience) -> &'static str {
    match audience {
        Audience::PublicPage | Audience::TokenPage | Audience::Gate(Profile::Strict) => PAGE_CSP,
        Audience::Asset | Audience::Api | Audience::PlainHttp => API_CSP,
        Audience::Gate(Profile::DjangoAdmin) => DJANGO_CSP,
        Audience::Gate(Profile::PgAdmin) => PGADMIN_CSP,
        Audience::Gate(Profile::Flower) => INLINE_UI_CSP,
        Audience::Gate(Profile::Traefik) => TRAEFIK_CSP,
    }
}

struct Rules(Vec<HeaderRule>);

impl Rules {
    fn set(&mut self, name: &'static str, value: &str, control: &'static str) {
        self.push(name, value, Treatment::Set, control);
    }

    fn fill(&mut self, name: &'static str, value: &str, control: &'static str) {
        self.push(name, value, Treatment::Fill, control);
    }

    fn append(&mut self, name: &'static str, value: &str, control: &'static str) {
        self.push(name, value, Treatment::Append, control);
    }

    fn push(&mut self, name: &'static str, value: &str, treatment: Treatment, control: &'static str) {
        let Ok(value) = HeaderValue::from_str(value) else { return };
        self.0.push(HeaderRule { name: HeaderName::from_static(name), value, treatment, control: ControlId(control) });
    }
}
