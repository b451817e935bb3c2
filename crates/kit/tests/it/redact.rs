//! Foreign text in a log: one line, no tricks, no query.

use doorward_kit::redact::{Visible, without_query};
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

proptest! {
    #[test]
    fn whatever_comes_stays_on_one_visible_line(text in any::<String>(), max in 0..64usize) {
        let shown = Visible::new(&text, max).to_string();
        prop_assert!(!shown.chars().any(char::is_control));
        let tricks = ['\u{202e}', '\u{2028}', '\u{2029}', '\u{200b}', '\u{feff}'];
        prop_assert!(!shown.contains(tricks));
        prop_assert!(!without_query(&text).contains(['?', '#', ';']));
    }
}
