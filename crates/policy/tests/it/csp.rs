//! Content-Security-Policy as a value.

use doorward_policy::csp::{Csp, CspError};
use doorward_policy::{Audience, HeaderPolicy};
use proptest::prelude::*;

use crate::header::{AUDIENCES, value};

#[test]
fn doubled_directives_and_illegal_text_are_refused() {
    assert_eq!(Csp::parse("script-src 'self'; Script-Src *"), Err(CspError::Duplicate("script-src".into())));
    for text in [
        "script-src 'self', default-src *",
        "script-src {{nonce}}",
        "script-src <x>",
        "scr\u{ef}pt-src *",
        "1 2",
        "a=b",
        "script-src \"x\"",
    ] {
        assert_eq!(Csp::parse(text), Err(CspError::Syntax), "{text}");
    }
}

#[test]
fn difference_is_by_meaning() {
    let policy = |text: &str| Csp::parse(text).expect("legal");
    let expected = policy("default-src 'none'; script-src 'self' https://a.example");
    assert_eq!(policy("script-src https://a.example 'self';default-src  'none';").difference(&expected), None);
    let cases = [
        ("default-src 'none'", "script-src is missing"),
        ("default-src 'none'; script-src 'self' https://a.example *", "script-src has unexpected source *"),
        ("default-src 'none'; script-src 'self'", "script-src lacks source https://a.example"),
        ("default-src 'none'; script-src 'self' https://a.example; img-src *", "unexpected directive img-src"),
    ];
    for (text, difference) in cases {
        assert_eq!(policy(text).difference(&expected).as_deref(), Some(difference));
    }
}

#[test]
fn every_policy_of_the_table_parses_and_holds_scripts_back() {
    for audience in AUDIENCES {
        let policy = Csp::parse(&value(audience, "content-security-policy")).expect("legal");
        let is_inline_ui =
            matches!(audience, Audience::Gate(doorward_config::Profile::Flower | doorward_config::Profile::Traefik));
        let sources = |name: &str| policy.directive(name).or(policy.directive("default-src")).unwrap_or_default();
        for source in sources("script-src") {
            assert!(is_inline_ui || !source.starts_with("'unsafe"), "{audience:?}: {source}");
            assert!(!source.contains('*') && !source.ends_with(':') && source != "'unsafe-eval'", "{audience:?}: {source}");
        }
        assert_eq!(policy.directive("object-src"), Some(&["'none'".to_owned()][..]), "{audience:?}");
        for name in ["base-uri", "form-action", "frame-ancestors"] {
            let sources = policy.directive(name).unwrap_or_else(|| panic!("{audience:?} lacks {name}"));
            assert!(sources == ["'none'"] || sources == ["'self'"], "{audience:?}: {name} {sources:?}");
        }
    }
}

#[test]
fn the_configured_weaker_policy_replaces_that_of_pages_alone_and_the_guide_stays() {
    let weaker = crate::support::policy("[headers]\ndanger_content_security_policy = \"default-src *\"\n").headers;
    let csp = |policy: &HeaderPolicy, audience| {
        let rule = policy.rules(audience).iter().find(|rule| rule.name == "content-security-policy").expect("a policy");
        rule.value.to_str().expect("ASCII").to_owned()
    };
    assert_eq!(csp(&weaker, Audience::PublicPage), "default-src *");
    assert_eq!(csp(&weaker, Audience::Api), csp(&HeaderPolicy::guide(), Audience::Api));
    assert_ne!(csp(&HeaderPolicy::guide(), Audience::PublicPage), "default-src *");
}

/// The configuration checks the grammar before this room is reached: both must accept the same.
#[test]
fn what_the_configuration_accepts_parses_here() {
    for text in ["default-src 'self'", "a b c; d", "upgrade-insecure-requests;", " ; default-src *"] {
        let policy = crate::support::policy(&format!("[headers]\ndanger_content_security_policy = \"{text}\"\n"));
        assert!(!policy.headers.rules(Audience::PublicPage).is_empty());
        assert!(Csp::parse(text).is_ok());
    }
}

proptest! {
    #[test]
    fn printing_and_parsing_keeps_the_meaning(text in "[a-z-]{1,8}( [!-+\\--:=?-Z_a-z~]{1,8}){0,3}(; [a-z-]{1,8}( [a-z':]{1,8}){0,3}){0,4}") {
        if let Ok(policy) = Csp::parse(&text) {
            let again = Csp::parse(&policy.to_string()).expect("prints what it parses");
            prop_assert_eq!(again.difference(&policy), None);
            prop_assert_eq!(policy.difference(&again), None);
        }
    }

    #[test]
    fn no_text_is_a_crash(text in any::<String>()) {
        let _ = Csp::parse(&text);
    }
}
