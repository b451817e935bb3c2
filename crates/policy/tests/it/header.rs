//! The header table: printed as a whole, read like code when it changes.

use std::fmt::Write as _;

use doorward_config::Profile;
use doorward_policy::header::{STRIPPED, STRIPPED_PREFIXES};
use doorward_policy::structured::Dictionary;
use doorward_policy::{Audience, HeaderPolicy, Treatment};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const AUDIENCES: [Audience; 10] = [
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

pub(crate) fn value(audience: Audience, name: &str) -> String {
    let policy = HeaderPolicy::guide();
    let rule =
        policy.rules(audience).iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("{audience:?} lacks {name}"));
    rule.value.to_str().expect("ASCII").to_owned()
}

#[test]
fn the_table_is_as_printed() {
    let policy = HeaderPolicy::guide();
    let mut out = String::new();
    for audience in AUDIENCES {
        let _ = writeln!(out, "{audience:?}");
        for rule in policy.rules(audience) {
            let value = rule.value.to_str().expect("ASCII");
            let _ = writeln!(out, "  {} {:?} {}: {value}", rule.control, rule.treatment, rule.name);
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn no_audience_names_a_header_twice() {
    let policy = HeaderPolicy::guide();
    for audience in AUDIENCES {
        let mut names: Vec<&str> = policy.rules(audience).iter().map(|rule| rule.name.as_str()).collect();
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before, "{audience:?}");
    }
}

/// Names of the W3C registry of policy-controlled features that the table uses.
const REGISTRY: &[&str] = &[
    "accelerometer",
    "ambient-light-sensor",
    "autoplay",
    "battery",
    "bluetooth",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "cross-origin-isolated",
    "display-capture",
    "encrypted-media",
    "execution-while-not-rendered",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "keyboard-map",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "sync-xhr",
    "usb",
    "web-share",
    "xr-spatial-tracking",
];

#[test]
fn hdr_07_permissions_policy_is_a_structured_dictionary_of_registered_names() {
    for audience in AUDIENCES {
        let policy = Dictionary::parse(&value(audience, "permissions-policy")).expect("a dictionary");
        for name in policy.keys() {
            assert!(REGISTRY.contains(&name), "{audience:?}: {name} is not in the registry");
            let members = policy.get(name).unwrap_or_default();
            assert!(members.is_empty() || members == ["self"], "{audience:?}: {name} {members:?}");
        }
        for off in ["geolocation", "camera", "microphone", "payment", "usb", "serial"] {
            assert_eq!(policy.get(off), Some(&[][..]), "{audience:?}: {off}");
        }
    }
}

#[test]
fn applying_leaves_one_of_each_whatever_the_upstream_sent() {
    let policy = HeaderPolicy::guide();
    for audience in AUDIENCES {
        let mut headers = HeaderMap::new();
        for rule in policy.rules(audience).iter().filter(|rule| rule.treatment == Treatment::Set) {
            headers.append(rule.name.clone(), HeaderValue::from_static("weak"));
            headers.append(rule.name.clone(), HeaderValue::from_static("weaker"));
        }
        for name in STRIPPED {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        for prefix in STRIPPED_PREFIXES {
            headers.append(HeaderName::try_from(format!("{prefix}thing")).expect("a name"), HeaderValue::from_static("x"));
        }
        policy.apply(audience, &mut headers);
        let names: Vec<String> = headers.keys().map(ToString::to_string).collect();
        let mut wanted: Vec<String> = policy.rules(audience).iter().map(|rule| rule.name.to_string()).collect();
        wanted.sort();
        let mut seen = names.clone();
        seen.sort();
        assert_eq!(seen, wanted, "{audience:?}");
        for rule in policy.rules(audience) {
            assert_eq!(headers.get_all(&rule.name).iter().collect::<Vec<_>>(), [&rule.value], "{audience:?} {}", rule.name);
        }
    }
}

#[test]
fn an_upstream_chooses_how_its_pages_are_cached_and_pgadmin_keeps_its_policy() {
    let policy = HeaderPolicy::guide();
    let mut page = HeaderMap::new();
    page.insert("cache-control", HeaderValue::from_static("max-age=60"));
    policy.apply(Audience::PublicPage, &mut page);
    assert_eq!(page["cache-control"], "max-age=60");
    let mut ui = HeaderMap::new();
    ui.insert("content-security-policy", HeaderValue::from_static("script-src 'nonce-x'"));
    policy.apply(Audience::Gate(Profile::PgAdmin), &mut ui);
    assert_eq!(ui.get_all("content-security-policy").iter().count(), 2);
}

#[test]
fn applying_twice_changes_nothing_but_what_is_appended() {
    let policy = HeaderPolicy::guide();
    for audience in AUDIENCES.into_iter().filter(|audience| *audience != Audience::Gate(Profile::PgAdmin)) {
        let mut once = HeaderMap::new();
        policy.apply(audience, &mut once);
        let mut twice = once.clone();
        policy.apply(audience, &mut twice);
        assert_eq!(once, twice);
    }
}
