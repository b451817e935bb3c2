//! HDR-01 … HDR-11, HDR-13 over the answers of [`super::matrix`].

use std::collections::BTreeMap;

use doorward_testkit::{Reply, Request, basic_auth};

use super::matrix::{Case, Kind, at_once, slow};
use crate::site::{Site, UIS};

const HSTS: &str = "max-age=63072000; includeSubDomains";
const FRAME_FREE: &str = "'none'";

/// Directives of a policy, sources sorted. Panics on what makes a policy invalid or double.
#[track_caller]
fn csp(reply: &Reply) -> BTreeMap<String, Vec<String>> {
    let text = reply.header("content-security-policy").unwrap_or_else(|| panic!("no policy: {reply:?}"));
    parse_csp(text)
}

#[track_caller]
fn parse_csp(text: &str) -> BTreeMap<String, Vec<String>> {
    assert!(!text.contains(',') && !text.contains("{{") && !text.contains("${"), "two policies or a template: {text}");
    let mut found = BTreeMap::new();
    for directive in text.split(';').map(str::trim).filter(|d| !d.is_empty()) {
        let mut words = directive.split_ascii_whitespace().map(str::to_owned);
        let name = words.next().unwrap();
        let mut sources: Vec<String> = words.collect();
        sources.sort();
        assert!(found.insert(name.clone(), sources).is_none(), "{name} twice in {text}");
    }
    found
}

#[test]
fn hdr_01_every_https_answer_of_every_host_carries_hsts_once() {
    let site = Site::start();
    for case in at_once(&site).iter().filter(|case| case.kind != Kind::PlainHttp) {
        assert_eq!(case.reply.all("strict-transport-security"), [HSTS], "{case:?}");
    }
}

#[test]
fn hdr_02_plain_http_never_carries_hsts() {
    let site = Site::start();
    let cases = at_once(&site);
    let plain: Vec<_> = cases.iter().filter(|case| case.kind == Kind::PlainHttp).collect();
    assert!(plain.len() >= 4, "redirect, refusal, foreign host, broken request");
    for case in plain {
        assert!(case.reply.all("strict-transport-security").is_empty(), "{case:?}");
    }
}

#[test]
fn hdr_03_every_answer_says_nosniff_once() {
    let site = Site::start();
    for case in at_once(&site) {
        assert_eq!(case.reply.all("x-content-type-options"), ["nosniff"], "{case:?}");
    }
}

#[test]
fn hdr_04_no_answer_can_be_framed_by_strangers() {
    let site = Site::start();
    for case in at_once(&site) {
        let (frame, ancestors) = match case.kind {
            Kind::Gate("pgadmin") => ("SAMEORIGIN", "'self'"),
            _ => ("DENY", FRAME_FREE),
        };
        assert_eq!(case.reply.all("x-frame-options"), [frame], "{case:?}");
        // Several policies all hold: one that forbids is enough, and here there must be one.
        let policies = case.reply.all("content-security-policy");
        let forbids = |text: &&&str| parse_csp(text).get("frame-ancestors").is_some_and(|sources| sources == &[ancestors]);
        assert!(policies.iter().any(|text| forbids(&text)), "{case:?}");
    }
}

#[test]
fn hdr_05_each_class_has_its_one_referrer_policy() {
    let site = Site::start();
    for case in at_once(&site) {
        let wanted = match case.kind {
            Kind::Api | Kind::TokenPage | Kind::PlainHttp => "no-referrer",
            Kind::Page | Kind::Gate(_) | Kind::Asset => "same-origin",
        };
        assert_eq!(case.reply.all("referrer-policy"), [wanted], "{case:?}");
    }
}

#[test]
fn hdr_06_every_answer_carries_one_enforced_policy_without_holes() {
    let site = Site::start();
    for case in at_once(&site) {
        let policy = csp(&case.reply);
        assert!(case.reply.all("content-security-policy-report-only").is_empty(), "{case:?}");
        for (name, wanted) in [("object-src", "'none'"), ("base-uri", "'none'")] {
            let wanted = if case.kind == Kind::Gate("pgadmin") && name == "base-uri" { "'self'" } else { wanted };
            assert_eq!(policy.get(name).map(Vec::as_slice), Some(&[wanted.to_owned()][..]), "{name}: {case:?}");
        }
        let form = if matches!(case.kind, Kind::Api | Kind::PlainHttp | Kind::Asset) { "'none'" } else { "'self'" };
        assert_eq!(policy.get("form-action").map(Vec::as_slice), Some(&[form.to_owned()][..]), "{case:?}");
        assert_no_open_sources(&case, &policy);
        if matches!(case.kind, Kind::Page | Kind::TokenPage) {
            assert_eq!(policy, parse_csp(PAGE), "{case:?}");
        }
        if case.kind == Kind::Api {
            assert_eq!(policy, parse_csp(API), "{case:?}");
        }
    }
}

const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    upgrade-insecure-requests; report-uri /api/csp-report; report-to csp";
const API: &str = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

#[track_caller]
fn assert_no_open_sources(case: &Case, policy: &BTreeMap<String, Vec<String>>) {
    // Flower and the Traefik dashboard have one inline script each (table of the gated UIs).
    let inline_is_known = matches!(case.kind, Kind::Gate("flower" | "traefik"));
    for name in ["script-src", "script-src-elem", "script-src-attr", "default-src", "object-src", "worker-src"] {
        for source in policy.get(name).into_iter().flatten() {
            let open = source.contains('*') || source.ends_with(':') && source != "blob:" || source.starts_with("http");
            let is_unsafe =
                source.contains("unsafe") && !(inline_is_known && name == "script-src" && source == "'unsafe-inline'");
            assert!(!open && !is_unsafe, "{name} {source}: {case:?}");
        }
    }
}

/// Names of the W3C feature registry that a policy of ours may switch.
const FEATURES: &[&str] = &[
    "accelerometer",
    "ambient-light-sensor",
    "autoplay",
    "bluetooth",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "web-share",
    "xr-spatial-tracking",
];

#[test]
fn hdr_07_every_answer_switches_unused_features_off_in_structured_syntax() {
    let site = Site::start();
    for case in at_once(&site) {
        let text = case.reply.header("permissions-policy").unwrap_or_else(|| panic!("{case:?}")).to_owned();
        let mut off = Vec::new();
        let mut names = Vec::new();
        for item in text.split(", ") {
            // A structured dictionary (RFC 9651 §3.2) whose members are inner lists.
            let (name, list) = item.split_once('=').unwrap_or_else(|| panic!("{item}: {case:?}"));
            assert!(FEATURES.contains(&name), "{name} is no registered feature: {case:?}");
            assert!(matches!(list, "()" | "(self)"), "{item}: {case:?}");
            names.push(name);
            if list == "()" {
                off.push(name);
            }
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name twice: {case:?}");
        for name in ["geolocation", "camera", "microphone", "payment", "usb", "display-capture", "midi", "serial", "hid"] {
            assert!(off.contains(&name), "{name} is not off: {case:?}");
        }
    }
}

#[test]
fn hdr_08_every_answer_isolates_its_origin_with_single_values() {
    let site = Site::start();
    for case in at_once(&site) {
        assert_eq!(case.reply.all("cross-origin-opener-policy"), ["same-origin"], "{case:?}");
        assert_eq!(case.reply.all("cross-origin-resource-policy"), ["same-origin"], "{case:?}");
        match case.kind {
            Kind::Gate("pgadmin" | "flower" | "traefik") => {}
            _ => assert_eq!(case.reply.all("cross-origin-embedder-policy"), ["require-corp"], "{case:?}"),
        }
        if matches!(case.kind, Kind::Page | Kind::TokenPage | Kind::Gate(_)) {
            assert_eq!(case.reply.all("origin-agent-cluster"), ["?1"], "{case:?}");
        }
    }
}

/// What every answer of a class carries, whatever its status and whoever made it.
fn declared(kind: Kind) -> Vec<&'static str> {
    let mut names = vec![
        "cache-control",
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "x-content-type-options",
        "x-frame-options",
        "x-request-id",
    ];
    if kind != Kind::PlainHttp {
        names.push("strict-transport-security");
    }
    if matches!(kind, Kind::Api | Kind::Gate(_)) {
        names.push("x-robots-tag");
    }
    names
}

#[test]
fn hdr_10_the_set_is_whole_on_every_status_and_from_every_producer() {
    let site = Site::start();
    let mut cases = at_once(&site);
    cases.extend(slow(&site));
    let mut seen: Vec<u16> = cases.iter().map(|case| case.reply.status).collect();
    seen.sort_unstable();
    seen.dedup();
    for status in [200, 204, 206, 301, 304, 308, 400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 429, 431, 500, 502, 503, 504] {
        assert!(seen.contains(&status), "no case provokes {status}; seen: {seen:?}");
    }
    for case in &cases {
        let names = case.reply.names();
        for name in declared(case.kind) {
            assert!(names.iter().any(|n| n == name), "{name} is missing: {case:?}");
            let is_pgadmin_policy = case.kind == Kind::Gate("pgadmin") && name == "content-security-policy";
            assert!(is_pgadmin_policy || case.reply.all(name).len() == 1, "{name} twice: {case:?}");
        }
    }
}

#[test]
fn hdr_11_head_and_options_carry_the_same_set_as_get() {
    let site = Site::start();
    let keeper = basic_auth(doorward_testkit::ADMIN_USER, doorward_testkit::ADMIN_PASSWORD);
    let mut asked: Vec<(String, Request)> =
        ["/", "/x", "/api/x", "/api/health", "/api/auth/me", "/api/auth/nope", "/account/sign-in"]
            .iter()
            .map(|path| (String::new(), Request::get(path)))
            .collect();
    for (label, _) in UIS {
        asked.push((label.to_owned(), Request::get("/")));
        asked.push((label.to_owned(), Request::get("/").header("Authorization", &keeper)));
    }
    for (label, request) in asked {
        let send = |request: &Request| {
            if label.is_empty() { site.house.client().send(request) } else { site.insider(&label).send(request) }
        };
        let get = send(&request);
        for method in ["HEAD", "OPTIONS"] {
            let other = send(&request.clone().method(method));
            for name in POLICY_FIELDS {
                assert_eq!(other.all(name), get.all(name), "{name} of {method}: {other:?}\nGET: {get:?}");
            }
            if method == "HEAD" {
                assert_eq!(other.status, get.status);
                let differs = |names: Vec<String>| {
                    names
                        .into_iter()
                        .filter(|n| !["content-length", "transfer-encoding", "set-cookie"].contains(&n.as_str()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(differs(other.names()), differs(get.names()), "HEAD: {other:?}\nGET: {get:?}");
                assert!(other.body.is_empty());
            }
        }
    }
}

const POLICY_FIELDS: [&str; 11] = [
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "content-security-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
    "origin-agent-cluster",
    "x-robots-tag",
];

#[test]
fn hdr_13_fields_that_harm_or_tell_too_much_are_absent() {
    let site = Site::start();
    for case in at_once(&site) {
        for name in ["expect-ct", "public-key-pins", "public-key-pins-report-only", "feature-policy", "x-powered-by", "via"] {
            assert!(case.reply.all(name).is_empty(), "{name}: {case:?}");
        }
        assert!(case.reply.all("x-xss-protection").iter().all(|value| *value == "0"), "{case:?}");
        for value in case.reply.all("server") {
            assert!(!value.contains(['/', '0', '1', '2', '3']) && !value.contains("hyper"), "{case:?}");
        }
    }
}
