//! Addresses.

use doorward_domain::EmailAddress;
use proptest::prelude::*;

fn canonical(text: &str) -> Option<String> {
    text.parse::<EmailAddress>().ok().map(|address| address.canonical)
}

#[test]
fn email_07_only_plain_addresses_are_taken() {
    let long_local = format!("{}@example.org", "a".repeat(65));
    let long_domain = format!("a@{}.example", vec!["b".repeat(61); 4].join("."));
    let refused = [
        "",
        "@",
        "a@",
        "@example.org",
        "example.org",
        "a@b@example.org",
        "a@example.org,b@example.org",
        "a@example.org;b@example.org",
        "a@example.org b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a\r\n@example.org",
        "a@example.org\0",
        "a\0@example.org",
        "\"a b\"@example.org",
        "\"a\"@example.org",
        "a(comment)@example.org",
        "a@(comment)example.org",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@192.0.2.1",
        "a@localhost",
        "a@-example.org",
        "a@example-.org",
        "a@exa_mple.org",
        "a@example..org",
        "a@.example.org",
        ".a@example.org",
        "a.@example.org",
        "a..b@example.org",
        "a b@example.org",
        "a@exam ple.org",
        "a@example.org\u{200b}",
        "a\u{200b}@example.org",
        "a\u{202e}@example.org",
        "=?utf-8?q?a=40evil.example?=@example.org",
        "=?utf-8?b?YQ==?=@example.org",
        "a%evil.example@example.org",
        "evil.example!a@example.org",
        "a@example.org>",
        "<a@example.org>",
        "Name <a@example.org>",
        "-oQ/tmp@example.org",
        "a|b@example.org",
        "a`id`@example.org",
        "a\\@example.org",
        "а@example.org", // Cyrillic
        "a\t@example.org",
        "\ta@example.org",
        "a@xn--a.org",
        "a@example.123",
        "a@0x7f.1",
        long_local.as_str(),
        long_domain.as_str(),
    ];
    for text in refused {
        assert_eq!(canonical(text), None, "{text:?}");
    }
    let taken =
        ["a@example.org", "ann.lee+news@sub.example.co.uk", "o'brien_7@example.org", "a-b=c&d~e#f@example.org", "7@1.example"];
    for text in taken {
        assert_eq!(canonical(text).as_deref(), Some(text));
    }
}

#[test]
fn spellings_of_one_address_have_one_canonical_form() {
    for text in [
        "k@example.org",
        "K@EXAMPLE.ORG",
        " k@example.org  ",
        "\u{212a}@example.org",
        "ｋ＠ｅｘａｍｐｌｅ．ｏｒｇ",
        "k@example.org.",
    ] {
        assert_eq!(canonical(text).as_deref(), Some("k@example.org"), "{text:?}");
    }
    assert_eq!(canonical("k@Bücher.example"), canonical("k@xn--bcher-kva.example"));
}

#[test]
fn tags_and_dots_make_other_accounts() {
    assert_ne!(canonical("annlee@example.org"), canonical("ann.lee@example.org"));
    assert_ne!(canonical("annlee@example.org"), canonical("annlee+x@example.org"));
}

#[test]
fn an_address_is_not_for_logs() {
    let address: EmailAddress = "ann@example.org".parse().unwrap();
    assert_eq!(format!("{address:?}"), "EmailAddress(..)");
}

proptest! {
    #[test]
    fn whatever_is_taken_is_plain_and_parses_to_itself(text in ".{0,40}@.{0,40}|[ -~]{1,70}@[a-z.\\-]{1,20}|\\PC{0,60}") {
        if let Ok(address) = text.parse::<EmailAddress>() {
            for form in [&address.display, &address.canonical] {
                prop_assert!(form.is_ascii() && form.len() <= 254);
                prop_assert_eq!(form.matches('@').count(), 1);
                prop_assert!(!form.contains(|c: char| c.is_ascii_control() || " \"(),:;<>[\\]%!?|`".contains(c)));
            }
            let again: EmailAddress = address.canonical.parse().unwrap();
            prop_assert_eq!(&again.canonical, &address.canonical);
            prop_assert_eq!(&again.display, &address.canonical);
        }
    }
}
