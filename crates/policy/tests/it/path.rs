//! One spelling of a path, or none: what two servers could read differently is refused.

use doorward_policy::{CanonicalPath, PathFault};
use proptest::prelude::*;

fn canonical(raw: &str) -> Result<String, PathFault> {
    CanonicalPath::parse(raw).map(|path| path.as_str().to_owned())
}

/// Spellings of `/admin/` that some upstream would serve as `/admin/`.
const DISGUISES: &[(&str, PathFault)] = &[
    ("//admin/", PathFault::EmptySegment),
    ("/x//admin/", PathFault::EmptySegment),
    ("/admin//", PathFault::EmptySegment),
    ("/%2561dmin", PathFault::DoubleEscape),
    ("/%25%36%31dmin", PathFault::DoubleEscape),
    ("/%25%32%46admin", PathFault::DoubleEscape),
    ("/%252e%252e/admin", PathFault::DoubleEscape),
    ("/%25252e/admin", PathFault::DoubleEscape),
    ("/%%32%65/admin", PathFault::BrokenEscape),
    ("/admin;x=1/", PathFault::Parameter),
    ("/admin/.;/", PathFault::Parameter),
    ("/..;/admin/", PathFault::Parameter),
    ("/./admin", PathFault::DotSegment),
    ("/admin/.", PathFault::DotSegment),
    ("/admin/..", PathFault::DotSegment),
    ("/x/../admin/", PathFault::DotSegment),
    ("/x/%2e%2e/admin", PathFault::DotSegment),
    ("/x/%2E./admin", PathFault::DotSegment),
    ("/x/.%2e/admin", PathFault::DotSegment),
    ("/%2e/admin", PathFault::DotSegment),
    ("/x%2f..%2fadmin", PathFault::EscapedSeparator),
    ("/admin%2F", PathFault::EscapedSeparator),
    ("/admin%5c", PathFault::EscapedSeparator),
    ("/x/..%5cadmin", PathFault::EscapedSeparator),
    ("/admin%00", PathFault::EscapedSeparator),
    ("/admin%0a", PathFault::EscapedSeparator),
    ("/admin%0d%0aX: y", PathFault::EscapedSeparator),
    ("/admin%09", PathFault::EscapedSeparator),
    ("/admin%7f", PathFault::EscapedSeparator),
    ("/%c2%85admin", PathFault::EscapedSeparator),
    ("\\admin", PathFault::NotAbsolute),
    ("/\\admin", PathFault::IllegalOctet),
    ("/admin?", PathFault::IllegalOctet),
    ("/admin#", PathFault::IllegalOctet),
    ("/admin ", PathFault::IllegalOctet),
    ("/admin\t", PathFault::IllegalOctet),
    ("/admin\0", PathFault::IllegalOctet),
    ("/<admin>", PathFault::IllegalOctet),
    ("/ädmin", PathFault::IllegalOctet),
    ("/admin%", PathFault::BrokenEscape),
    ("/admin%2", PathFault::BrokenEscape),
    ("/admin%zz", PathFault::BrokenEscape),
    ("/admin%+1", PathFault::BrokenEscape),
    ("/%u002fadmin", PathFault::BrokenEscape),
    ("/%ef%bc%8fadmin", PathFault::LookAlike),
    ("/%ef%bd%81dmin", PathFault::LookAlike),
    ("/%e2%80%a4%e2%80%a4/admin", PathFault::LookAlike),
    ("/adm%c4%b1n", PathFault::LookAlike),
    ("/u%c5%bfers", PathFault::LookAlike),
    ("/%e2%84%aaeys", PathFault::LookAlike),
    ("/%c0%afadmin", PathFault::NotUtf8),
    ("/%c0%2fadmin", PathFault::NotUtf8),
    ("/%c1%9cadmin", PathFault::NotUtf8),
    ("/%e0%80%afadmin", PathFault::NotUtf8),
    ("/%f0%80%80%afadmin", PathFault::NotUtf8),
    ("/%c0%ae%c0%ae/admin", PathFault::NotUtf8),
    ("/%ed%a0%80admin", PathFault::NotUtf8),
    ("/%f5%80%80%80", PathFault::NotUtf8),
    ("/%ffadmin", PathFault::NotUtf8),
    ("/%c3", PathFault::NotUtf8),
    ("/%c3x", PathFault::NotUtf8),
    ("/%c3%", PathFault::NotUtf8),
    ("", PathFault::NotAbsolute),
    ("*", PathFault::NotAbsolute),
    ("admin/", PathFault::NotAbsolute),
    ("http://x/admin", PathFault::NotAbsolute),
];

#[test]
fn disguised_paths_are_refused_by_their_class() {
    for (raw, fault) in DISGUISES {
        assert_eq!(canonical(raw), Err(*fault), "{raw:?}");
    }
}

#[test]
fn plain_spellings_are_brought_to_one() {
    for (raw, spelled) in [
        ("/", "/"),
        ("/%61dmin/", "/admin/"),
        ("/%41DMIN", "/ADMIN"),
        ("/a%2Db%2ec%5Fd%7E", "/a-b.c_d~"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/stra%c3%9fe", "/stra%C3%9Fe"),
        ("/%e6%97%a5%f0%9f%a6%80", "/%E6%97%A5%F0%9F%A6%80"),
        ("/a%20b", "/a%20b"),
        ("/a%3bb", "/a%3Bb"),
        ("/a%3fb%23c", "/a%3Fb%23C"),
        ("/a+b@c:d,e=f&g", "/a+b@c:d,e=f&g"),
        ("/100%25", "/100%25"),
        ("/100%25/x", "/100%25/x"),
        ("/100%25-x", "/100%25-x"),
        ("/...", "/..."),
        ("/.well-known/x", "/.well-known/x"),
        ("/a/..b/c..", "/a/..b/c.."),
    ] {
        let expected = spelled.replace("%23C", "%23c");
        assert_eq!(canonical(raw).as_deref(), Ok(expected.as_str()), "{raw:?}");
    }
}

#[test]
fn prefixes_match_at_segment_boundaries_only() {
    let path = CanonicalPath::parse("/api/notes").expect("plain");
    assert_eq!(path.strip_prefix("/api"), Some("/notes"));
    assert_eq!(path.strip_prefix("/api/notes"), Some(""));
    for other in ["/ap", "/api/note", "/api/notes/x", "/API", "/apix"] {
        assert_eq!(path.strip_prefix(other), None, "{other}");
    }
}

#[test]
fn a_path_that_differs_in_letter_case_alone_is_a_variant() {
    let path = CanonicalPath::parse("/ADMIN/x").expect("plain");
    assert!(path.is_case_variant_of("/admin"));
    assert!(!path.is_case_variant_of("/ADMIN"));
    assert!(!path.is_case_variant_of("/adm"));
    assert!(!path.is_case_variant_of(""));
    assert!(!path.is_case_variant_of("/admin/x/y"));
}

/// Percent-decodes once, as an upstream does.
fn decode_once(path: &str) -> Vec<u8> {
    let bytes = path.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%').then(|| path.get(at + 1..at + 3)).flatten();
        let digits = digits.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let escape = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    out
}

fn has_odd_segment(path: &[u8]) -> bool {
    let segments: Vec<&[u8]> = path.split(|b| *b == b'/').skip(1).collect();
    segments.iter().enumerate().any(|(i, s)| matches!(*s, b"." | b"..") || s.is_empty() && i + 1 < segments.len())
}

/// Pieces that path attacks are made of, so that random paths are often nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("/".to_owned()),
        Just(".".to_owned()),
        Just("%".to_owned()),
        Just("25".to_owned()),
        Just("2".to_owned()),
        Just("f".to_owned()),
        Just("%25".to_owned()),
        any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        any::<u8>().prop_map(|byte| format!("%{byte:02X}")),
        any::<char>().prop_map(|c| c.to_string().bytes().map(|b| format!("%{b:02x}")).collect()),
        "[a-zA-Z0-9._~;:@!$&'()*+,=-]{1,4}",
        any::<char>().prop_map(String::from),
    ]
}

fn nearly_path() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn canonical_is_canonical_again(raw in nearly_path()) {
        if let Ok(once) = canonical(&raw) {
            prop_assert_eq!(canonical(&once), Ok(once.clone()), "{}", raw);
        }
    }

    #[test]
    fn what_parses_has_no_second_reading(raw in nearly_path()) {
        if let Ok(path) = canonical(&raw) {
            let lower = path.to_ascii_lowercase();
            for bad in ["//", "%2f", "%5c", "%00", "%2e", "\\", ";", "?", "#"] {
                prop_assert!(!lower.contains(bad), "{} holds {}", path, bad);
            }
            prop_assert!(path.is_ascii() && path.starts_with('/'));
            prop_assert!(!has_odd_segment(path.as_bytes()), "{}", path);
        }
    }

    #[test]
    fn decoding_once_reveals_no_separator_dots_or_escapes(raw in nearly_path()) {
        if let Ok(path) = canonical(&raw) {
            let decoded = decode_once(&path);
            prop_assert_eq!(decoded.iter().filter(|b| **b == b'/').count(), path.matches('/').count());
            prop_assert!(!decoded.iter().any(|b| b.is_ascii_control() || *b == b'\\'), "{}", path);
            prop_assert!(!has_odd_segment(&decoded), "{}", path);
            let decoded = String::from_utf8(decoded).expect("canonical paths are UTF-8");
            prop_assert_eq!(&decode_once(&decoded), decoded.as_bytes(), "{} decodes twice", path);
        }
    }

    #[test]
    fn decoding_once_and_escaping_anew_is_the_same_path(raw in nearly_path()) {
        if let Ok(path) = canonical(&raw) {
            let escaped: String = decode_once(&path)
                .into_iter()
                .map(|b| if b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
                .collect();
            // `%21` stays escaped and `!` stays plain: both reach the upstream as they came, and both decode to the same octets.
            let again = canonical(&escaped).expect("still plain");
            prop_assert_eq!(decode_once(&again), decode_once(&path));
        }
    }

    #[test]
    fn no_text_is_a_crash(raw in any::<String>()) {
        let _ = canonical(&raw);
        let _ = canonical(&format!("/{raw}"));
    }

    #[test]
    fn no_octets_are_a_crash(raw in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = canonical(&String::from_utf8_lossy(&raw));
    }
}
