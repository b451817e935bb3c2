//! Names of counters.

use std::collections::HashSet;

use doorward_domain::throttle::counter_key;
use doorward_kit::SubKey;
use proptest::prelude::*;

fn key(scope: &str, parts: &[&str]) -> [u8; 16] {
    counter_key(&SubKey::new([5; 32]), scope, parts)
}

#[test]
fn parts_of_a_key_cannot_be_shifted_into_each_other() {
    let long = "x".repeat(10 << 10);
    let mut keys = HashSet::new();
    let subjects: [(&str, &[&str]); 14] = [
        ("auth_login", &["a", "b"]),
        ("auth_login", &["ab"]),
        ("auth_login", &["a:b"]),
        ("auth_login", &["a\nb"]),
        ("auth_login", &["a*b"]),
        ("auth_login", &["*"]),
        ("auth_login", &["", "ab"]),
        ("auth_login", &["ab", ""]),
        ("auth_logina", &["b"]),
        ("auth_login:a", &["b"]),
        ("", &["auth_login", "a", "b"]),
        ("auth_login", &["a\0b"]),
        ("auth_login", &[&long]),
        ("auth_login", &[&long[1..]]),
    ];
    for (scope, parts) in subjects {
        assert!(keys.insert(key(scope, parts)), "{scope} {parts:?}");
    }
}

#[test]
fn a_key_tells_nothing_without_the_secret() {
    assert_ne!(counter_key(&SubKey::new([5; 32]), "s", &["a"]), counter_key(&SubKey::new([6; 32]), "s", &["a"]));
}

proptest! {
    #[test]
    fn different_parts_have_different_keys(left in proptest::collection::vec(".{0,8}", 0..4), right in proptest::collection::vec(".{0,8}", 0..4)) {
        let borrow = |parts: &[String]| key("scope", &parts.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(left == right, borrow(&left) == borrow(&right));
    }
}
