//! Observed headers are held to the policy by meaning (VER-03): every rule can fail, and no change of spelling makes one fail.

use doorward_config::Profile;
use doorward_policy::{Audience, HeaderPolicy, HeaderVerdict, Treatment, Verdict};
use http::HeaderMap;
use proptest::prelude::*;

use crate::header::AUDIENCES;

/// What an answer looks like on the wire after the policy was applied.
fn answer(audience: Audience) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    HeaderPolicy::guide().apply(audience, &mut headers);
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect()
}

fn failures(audience: Audience, observed: &[(String, String)]) -> Vec<HeaderVerdict> {
    HeaderPolicy::guide().judge(audience, observed).into_iter().filter(|verdict| verdict.verdict == Verdict::Fail).collect()
}

/// The answer with one header's value changed.
fn changed(audience: Audience, name: &str, change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let mut fields = answer(audience);
    let field = fields.iter_mut().find(|(seen, _)| seen == name).unwrap_or_else(|| panic!("no {name}"));
    field.1 = change(&field.1);
    fields
}

fn sole_reason(audience: Audience, observed: &[(String, String)], name: &str) -> String {
    let failures = failures(audience, observed);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].name, name);
    failures[0].reason.clone()
}

#[test]
fn ver_03_what_the_edge_applies_passes() {
    for audience in AUDIENCES {
        assert_eq!(failures(audience, &answer(audience)), [], "{audience:?}");
    }
}

#[test]
fn ver_03_a_policy_weakened_by_one_source_fails_naming_it() {
    let weaker = changed(Audience::PublicPage, "content-security-policy", |csp| {
        csp.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
    });
    let reason = sole_reason(Audience::PublicPage, &weaker, "content-security-policy");
    assert_eq!(reason, "script-src has unexpected source 'unsafe-inline'");
}

#[test]
fn ver_03_reordered_directives_features_and_spaces_pass() {
    for audience in AUDIENCES {
        let mut fields = answer(audience);
        for (name, value) in &mut fields {
            let reverse =
                |separator: char| value.split(separator).map(str::trim).rev().collect::<Vec<_>>().join(&format!("  {separator}"));
            match name.as_str() {
                "content-security-policy" | "strict-transport-security" => *value = format!(" {} ;", reverse(';')),
                "permissions-policy" => *value = reverse(','),
                _ => {}
            }
            *name = name.to_ascii_uppercase();
        }
        fields.reverse();
        assert_eq!(failures(audience, &fields), [], "{audience:?}");
    }
}

#[test]
fn ver_03_every_rule_of_every_audience_fails_when_missing_doubled_or_emptied() {
    for audience in AUDIENCES {
        for rule in HeaderPolicy::guide().rules(audience) {
            let name = rule.name.as_str();
            let without: Vec<_> = answer(audience).into_iter().filter(|(seen, _)| seen != name).collect();
            assert_eq!(sole_reason(audience, &without, name), "missing");
            if rule.treatment != Treatment::Append {
                let mut doubled = answer(audience);
                doubled.extend(answer(audience).into_iter().filter(|(seen, _)| seen == name));
                assert_eq!(sole_reason(audience, &doubled, name), "sent more than once");
            }
            sole_reason(audience, &changed(audience, name, |_| String::new()), name);
            if rule.treatment == Treatment::Set {
                sole_reason(audience, &changed(audience, name, |value| format!("x{value}")), name);
            }
        }
    }
}

#[test]
fn ver_03_transport_security_is_parsed_and_not_found_by_presence() {
    let hsts = |text: &str| changed(Audience::Api, "strict-transport-security", |_| text.to_owned());
    for (text, reason) in [
        ("max-age=0; includeSubDomains", "max-age is 0 and not at least 63072000"),
        ("max-age=31536000; includeSubDomains", "max-age is 31536000 and not at least 63072000"),
        ("max-age=63072000", "includeSubDomains is missing"),
        ("includeSubDomains", "not valid (RFC 6797 section 6.1)"),
        ("max-age=63072000; max-age=0; includeSubDomains", "not valid (RFC 6797 section 6.1)"),
        ("max-age=63072000, max-age=0; includeSubDomains", "not valid (RFC 6797 section 6.1)"),
        ("max-age=-1; includeSubDomains", "not valid (RFC 6797 section 6.1)"),
        ("x-max-age=63072000; includeSubDomains", "not valid (RFC 6797 section 6.1)"),
        ("max-age=; includeSubDomains", "not valid (RFC 6797 section 6.1)"),
    ] {
        assert_eq!(sole_reason(Audience::Api, &hsts(text), "strict-transport-security"), reason);
    }
    for text in ["MAX-AGE=\"63072000\" ; INCLUDESUBDOMAINS", "includeSubDomains;max-age=63072001;preload"] {
        assert_eq!(failures(Audience::Api, &hsts(text)), [], "{text}");
    }
}

#[test]
fn ver_03_a_permissions_policy_that_browsers_ignore_fails() {
    let pp = |text: &str| changed(Audience::PublicPage, "permissions-policy", |value| text.replace("…", value));
    for (text, part) in [
        ("geolocation 'none'; camera 'none'", "not a structured dictionary"),
        ("…, camera=*", "not a structured dictionary"),
        ("…, new-thing=*", "unexpected new-thing"),
        ("camera=()", "accelerometer is missing"),
        ("…,", "not a structured dictionary"),
    ] {
        let reason = sole_reason(Audience::PublicPage, &pp(text), "permissions-policy");
        assert!(reason.contains(part), "{text}: {reason}");
    }
    let wider = changed(Audience::PublicPage, "permissions-policy", |value| value.replace("camera=()", "camera=(self)"));
    assert_eq!(sole_reason(Audience::PublicPage, &wider, "permissions-policy"), "camera is (self) instead of ()");
}

#[test]
fn ver_03_fields_that_must_not_be_there_fail_under_their_own_control() {
    for (name, value, control) in [
        ("Server", "nginx/1.25", "HDR-13"),
        ("X-XSS-Protection", "1; mode=block", "HDR-13"),
        ("Expect-CT", "max-age=1", "HDR-13"),
        ("Feature-Policy", "camera 'none'", "HDR-13"),
        ("Public-Key-Pins", "x", "HDR-13"),
        ("Access-Control-Allow-Origin", "*", "HDR-13"),
        ("Access-Control-Allow-Credentials", "true", "HDR-13"),
        ("X-Powered-By", "Express", "EXPO-08"),
        ("Via", "1.1 proxy", "EXPO-08"),
        ("X-AspNet-Version", "4", "EXPO-08"),
        ("X-Envoy-Upstream-Service-Time", "4", "EXPO-08"),
        ("X-Upstream-Address", "10.0.0.1", "EXPO-08"),
        ("X-Doorward-User", "x", "EXPO-08"),
        ("Link", "</x>; rel=preload", "HDR-09"),
        ("SourceMap", "/x.map", "HDR-09"),
        ("Alt-Svc", "h3=\"evil.example:443\"", "HDR-09"),
    ] {
        let mut fields = answer(Audience::PublicPage);
        fields.push((name.to_owned(), value.to_owned()));
        let failed = failures(Audience::PublicPage, &fields);
        assert_eq!(failed.len(), 1, "{name}: {failed:?}");
        assert_eq!((failed[0].control.0, failed[0].count, failed[0].expected.as_str()), (control, 1, "absent"), "{name}");
    }
    let mut off = answer(Audience::PublicPage);
    off.push(("x-xss-protection".into(), "0".into()));
    assert_eq!(failures(Audience::PublicPage, &off), []);
}

#[test]
fn ver_03_transport_security_on_plain_http_fails() {
    let mut fields = answer(Audience::PlainHttp);
    fields.push(("strict-transport-security".into(), "max-age=63072000; includeSubDomains".into()));
    assert_eq!(failures(Audience::PlainHttp, &fields)[0].control.0, "HDR-02");
}

#[test]
fn ver_03_pgadmins_own_policy_may_stand_beside_ours_and_not_instead() {
    let audience = Audience::Gate(Profile::PgAdmin);
    let own = ("content-security-policy".to_owned(), "script-src 'nonce-x'".to_owned());
    let mut both = answer(audience);
    both.insert(0, own.clone());
    assert_eq!(failures(audience, &both), []);
    let mut alone: Vec<_> = answer(audience).into_iter().filter(|(name, _)| name != "content-security-policy").collect();
    alone.push(own);
    assert_eq!(sole_reason(audience, &alone, "content-security-policy"), "the policy that the edge adds is not among them");
}

#[test]
fn an_answer_that_sets_a_cookie_is_kept_from_shared_caches() {
    let cached = |value: &str| {
        let mut fields = changed(Audience::PublicPage, "cache-control", |_| value.to_owned());
        fields.push(("set-cookie".into(), "a=b".into()));
        failures(Audience::PublicPage, &fields).len()
    };
    assert_eq!(
        (cached("public, max-age=60"), cached("no-store"), cached("private, max-age=60"), cached("no-cache")),
        (1, 0, 0, 0)
    );
}

#[test]
fn a_verdict_is_readable_by_a_machine() {
    let verdicts = HeaderPolicy::guide().judge(Audience::Api, &answer(Audience::Api));
    let json = serde_json::to_value(&verdicts[0]).expect("serialises");
    assert_eq!((json["name"].as_str(), json["control"].as_str()), (Some("strict-transport-security"), Some("HDR-01")));
    assert_eq!((json["verdict"].as_str(), json["count"].as_u64(), json["reason"].as_str()), (Some("pass"), Some(1), Some("")));
}

proptest! {
    #[test]
    fn no_answer_is_a_crash(fields in prop::collection::vec(("[a-zA-Z-]{1,24}|content-security-policy|permissions-policy|strict-transport-security", any::<String>()), 0..6), audience in 0..AUDIENCES.len()) {
        let verdicts = HeaderPolicy::guide().judge(AUDIENCES[audience], &fields);
        prop_assert!(verdicts.iter().any(|verdict| verdict.verdict == Verdict::Fail));
    }

    #[test]
    fn no_dictionary_is_a_crash(text in "[a-z*=()\" ?;,01\\\\\\PC-]{0,40}") {
        let _ = doorward_policy::structured::Dictionary::parse(&text);
    }
}
