//! Foreign text in a log: one line, no tricks, no query.

use doorward_kit::redact::{LoggedPath, Visible, without_query};
use proptest::prelude::*;

#[test]
fn line_ends_escapes_and_bidi_are_shown_and_not_done() {
    let shown = |text: &str| Visible::new(text, 200).to_string();
    assert_eq!(shown("a\r\n[31mb\0\u{7f}"), r"a\u{d}\u{a}[31mb\u{0}\u{7f}");
    assert_eq!(
        shown("\u{1b}[2J\u{202e}x\u{2066}y\u{200b}z\u{feff}\u{2028}"),
        r"\u{1b}[2J\u{202e}x\u{2066}y\u{200b}z\u{feff}\u{2028}"
    );
    assert_eq!(shown("naïve 日本 🦀"), "naïve 日本 🦀");
}

#[test]
fn long_text_is_cut_and_says_so() {
    assert_eq!(Visible::new("abcdef", 3).to_string(), "abc…");
    assert_eq!(Visible::new("abc", 3).to_string(), "abc");
    assert_eq!(Visible::new("ééé", 2).to_string(), "éé…");
}

#[test]
fn queries_fragments_and_path_parameters_go() {
    for target in [
        "/reset?token=canary",
        "/reset#token=canary",
        "/a;jsessionid=canary",
        "/a;x?y=canary",
        "/a?b#canary",
        "https://a.example/x?canary",
    ] {
        let kept = without_query(target);
        assert!(!kept.contains("canary") && target.starts_with(kept), "{kept}");
    }
    assert_eq!((without_query("/a/b"), without_query("?x"), without_query("")), ("/a/b", "", ""));
}

#[test]
fn a_path_that_people_wrote_is_shown_as_it_is() {
    for path in [
        "/",
        "/account/sign-in",
        "/blog/2026/05/how-we-moved-three-hundred-users-to-one-door",
        "/api/users/0190d8f2-7c1e-7a50-8a3b-5f0d0c6e9b11/notes",
        "/api/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "/assets/index-4f3a9c2b.js",
        "/wiki/%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0",
        "/tags/caf%C3%A9%20noir",
        "/100%",
        "/%zz%4",
    ] {
        assert_eq!(LoggedPath(path).to_string(), path);
    }
}

#[test]
fn tokens_that_others_put_into_paths_are_not_shown() {
    for (path, shown) in [
        // Django's, Laravel's and Devise's reset links, a JWT, a signed id.
        ("/accounts/reset/MQ/c8j2k1-5f4e3d2c1b0a9f8e7d6c5b4a39281706/", "/accounts/reset/MQ/[redacted]/"),
        ("/password/reset/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "/password/reset/[redacted]"),
        ("/confirm/3yCPfdgo9sWbGJ8yNxwr", "/confirm/[redacted]"),
        ("/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "/[redacted]"),
        ("/x/q3k0b1zr8hn5tyw2xc7vd4ls6jm9pf", "/x/[redacted]"),
        ("/cb%3Fcode=abc", "/cb…"),
        ("/cb%2525253bsid=abc/x", "/cb…"),
        ("/cb%23access_token=abc", "/cb…"),
        ("/a%2525252525252541", "/[redacted]"),
    ] {
        assert_eq!(LoggedPath(path).to_string(), shown);
    }
}

/// Percent-encodes every octet.
fn encoded(text: &str, lower: bool) -> String {
    text.bytes().map(|octet| if lower { format!("%{octet:02x}") } else { format!("%{octet:02X}") }).collect()
}

proptest! {
    #[test]
    fn no_token_of_ours_is_shown_in_any_wrapping_and_any_encoding(
        octets in any::<[u8; 32]>(),
        before in "[a-z=.:,/~!-]{0,8}",
        after in "[a-z=.:,/~!-]{0,8}",
        rounds in 0..3_usize,
        lower in any::<bool>(),
    ) {
        use base64::Engine as _;
        let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets);
        let path = (0..rounds).fold(format!("/r/{before}{token}{after}"), |path, _| encoded(&path, lower));
        let shown = LoggedPath(&path).to_string();
        let plain = (0..rounds).fold(shown.clone(), |shown, _| {
            percent_encoding::percent_decode_str(&shown).decode_utf8_lossy().into_owned()
        });
        prop_assert!(!plain.contains(&token[..20]) && !plain.contains(&token[23..]), "{shown}");
    }

    #[test]
    fn whatever_comes_stays_on_one_visible_line(text in any::<String>(), max in 0..64usize) {
        let shown = Visible::new(&text, max).to_string();
        prop_assert!(!shown.chars().any(char::is_control));
        let tricks = ['\u{202e}', '\u{2028}', '\u{2029}', '\u{200b}', '\u{feff}'];
        prop_assert!(!shown.contains(tricks));
        prop_assert!(!without_query(&text).contains(['?', '#', ';']));
    }
}
