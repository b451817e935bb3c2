//! Hosts and paths lead where the configuration says, and nowhere by accident.

use doorward_policy::route::RESERVED;
use doorward_policy::{BuiltIn, CanonicalPath, Policy, Target};
use proptest::prelude::*;

use crate::support::{SITE, config, policy};

/// Where a request would go, as a word.
fn leads_to(policy: &Policy, authority: &str, path: &str) -> String {
    let Some(entry) = policy.routes.find(authority) else { return "unknown host".into() };
    let path = CanonicalPath::parse(path).expect("plain");
    match entry.resolve(&path) {
        Target::BuiltIn(part) => format!("{part:?}"),
        Target::Route(route) => format!("{} {:?}", route.upstream.name, route.access),
        Target::Gate(gate) => format!("gate {}", gate.name),
        Target::NoPath(_) => "nothing".into(),
    }
}

#[test]
fn paths_lead_where_they_should() {
    let policy = policy(SITE);
    for (path, place) in [
        ("/", "web Public"),
        ("/x", "web Public"),
        ("/api", "api Identified"),
        ("/api/", "api Identified"),
        ("/api/notes", "api Identified"),
        ("/apix", "web Public"),
        ("/members/1", "web SignedIn"),
        ("/api/auth/login", "Api"),
        ("/api/health", "Api"),
        ("/api/healthy", "api Identified"),
        ("/account", "Page"),
        ("/account/verify", "TokenPage"),
        ("/account/verifyx", "Page"),
        ("/accounts", "web Public"),
        ("/assets/doorward/a.css", "Asset"),
        ("/.well-known/doorward/jwks.json", "Api"),
    ] {
        assert_eq!(leads_to(&policy, "app.example.com", path), place, "{path}");
    }
}

#[test]
fn a_path_in_another_letter_case_is_not_served_under_a_laxer_rule() {
    let policy = policy(SITE);
    for path in ["/MEMBERS", "/Members/1", "/API/notes", "/Api", "/ACCOUNT/x", "/api/AUTH/login", "/Api/auth/login"] {
        assert_eq!(leads_to(&policy, "app.example.com", path), "nothing", "{path}");
    }
}

#[test]
fn a_gate_takes_its_host_whole() {
    let policy = policy(SITE);
    for path in ["/", "/api/auth/login", "/account", "/members", "/ADMIN"] {
        assert_eq!(leads_to(&policy, "tools.app.example.com", path), "gate tools", "{path}");
    }
}

#[test]
fn every_spelling_of_a_gates_host_is_its_host_or_unknown() {
    let policy = policy(SITE);
    for same in [
        "tools.app.example.com",
        "TOOLS.app.example.com",
        "tools.app.example.com.",
        "tools.app.example.com:443",
        "Tools.App.Example.Com.:8443",
        "ｔools.app.example.com",
        "tools。app。example。com",
    ] {
        assert_eq!(leads_to(&policy, same, "/"), "gate tools", "{same}");
    }
    for other in [
        "tools.app.example.com..",
        ".tools.app.example.com",
        "tools.app.example.com%00",
        "tools.app.example.com\t",
        " tools.app.example.com",
        "tools.app.example.com:",
        "tools.app.example.com:x",
        "tools.app.example.com:99999",
        "tools.app.example.com:443:443",
        "user@tools.app.example.com",
        "tools.app.example.com/",
        "evil.tools.app.example.com",
        "ools.app.example.com",
        "[::1]",
        "127.0.0.1",
        "",
        ".",
        ":",
        ":443",
        "[",
        "[]",
        "tools",
    ] {
        assert_eq!(leads_to(&policy, other, "/"), "unknown host", "{other:?}");
    }
}

#[test]
fn the_configuration_refuses_routes_under_exactly_what_is_answered_here() {
    for (prefix, _) in RESERVED {
        let covered = doorward_config::RESERVED_PREFIXES
            .iter()
            .any(|reserved| prefix.strip_prefix(reserved).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        assert!(covered, "{prefix} could be a route");
    }
    for reserved in doorward_config::RESERVED_PREFIXES {
        assert!(RESERVED.iter().any(|(prefix, _)| prefix == reserved), "{reserved} is answered by nobody");
    }
}

#[test]
fn deciding_is_pure_and_unnamed_scopes_are_never_unlimited() {
    let config = config(SITE);
    let (one, two) = (Policy::decide(&config), Policy::decide(&config));
    assert_eq!(
        format!("{:?}", one.headers.rules(BuiltIn::Api.audience())),
        format!("{:?}", two.headers.rules(BuiltIn::Api.audience()))
    );
    assert_eq!(one.limits, two.limits);
    assert_eq!((one.limits.quota("no such scope").count.get(), one.limits.quota("auth_login").count.get()), (100, 5));
}

proptest! {
    /// The quick look-up and the parser must agree, or one spelling of a host would be another host.
    #[test]
    fn find_agrees_with_the_parser(authority in "(tools\\.|TOOLS\\.)?app\\.example\\.com\\.{0,2}(:[0-9x]{0,6})?|\\PC{0,20}") {
        let policy = policy(SITE);
        let found = policy.routes.find(&authority).map(|entry| entry.host.to_string());
        let parsed = authority.parse::<doorward_kit::net::Authority>().ok().map(|a| a.host);
        let expected = parsed.and_then(|host| policy.hosts().find(|known| **known == host).map(ToString::to_string));
        prop_assert_eq!(found, expected, "{}", authority);
    }
}
