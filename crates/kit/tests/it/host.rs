//! Host names: one spelling each, or none.

use doorward_kit::Host;
use doorward_kit::net::Authority;
use proptest::prelude::*;

fn host(text: &str) -> Option<String> {
    text.parse::<Host>().ok().map(|host| host.as_str().to_owned())
}

#[test]
fn spellings_of_one_host_are_one() {
    for same in [
        "adm.example.com",
        "ADM.example.COM",
        "adm.example.com.",
        "ＡＤＭ.example.com",
        "adm。example。com",
        "adm\u{ad}.example.com",
    ] {
        assert_eq!(host(same).as_deref(), Some("adm.example.com"), "{same:?}");
    }
    assert_eq!(host("mañana.example").as_deref(), Some("xn--maana-pta.example"));
    assert_eq!(host("XN--maana-PTA.example").as_deref(), Some("xn--maana-pta.example"));
    assert_eq!(host("[2001:DB8::0:1]").as_deref(), Some("2001:db8::1"));
    assert_eq!(host("192.0.2.1").as_deref(), Some("192.0.2.1"));
}

#[test]
fn what_is_no_host_is_refused() {
    for bad in [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "adm.example.com..",
        "adm.example.com%00",
        "adm.example.com\0",
        "adm.example.com\t",
        " adm.example.com",
        "adm example",
        "adm.example.com:443",
        "user@adm.example.com",
        "adm.example.com/",
        "adm.example.com?x",
        "adm.example.com#x",
        "adm\\example.com",
        "adm_x.example.com",
        "-adm.example.com",
        "adm-.example.com",
        "*.example.com",
        "10.1",
        "010.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F000001.",
        "127.0x1",
        "0x",
        "2130706433",
        "127.1",
        "1.2.3.4.5",
        "1.2.3.256",
        "a.1",
        "[::1",
        "::1]",
        "[]",
        "[127.0.0.1]",
        "[::1%lo]",
        "[fe80::1%25eth0]",
        "[v1.x]",
        "xn--",
        "xn--a",
        "xn--ls8h=.example",
        "１０.１",
        "a／b.example",
        "evil.example%2f.adm.example.com",
        "adm.example.com\r\nHost: x",
    ] {
        assert_eq!(host(bad), None, "{bad:?}");
    }
    assert_eq!(host(&format!("{}.example", "a".repeat(64))), None);
    assert!(host(&"a.".repeat(127)).is_some());
    assert_eq!(host(&"a.".repeat(128)), None);
}

#[test]
fn an_authority_is_a_host_and_at_most_a_port() {
    let authority = |text: &str| text.parse::<Authority>().ok().map(|a| (a.host.as_str().to_owned(), a.port));
    assert_eq!(authority("A.example:8443"), Some(("a.example".into(), Some(8443))));
    assert_eq!(authority("[::1]:80"), Some(("::1".into(), Some(80))));
    assert_eq!(authority("[::1]"), Some(("::1".into(), None)));
    for bad in [
        "a:", "a:x", "a:-1", "a:+1", "a: 1", "a:65536", "a:000080", "a:80:80", "::1", "::1:80", "[::1]80", "[::1]:", "a@b",
        "a:80/", ":80", "",
    ] {
        assert_eq!(authority(bad), None, "{bad:?}");
    }
}

proptest! {
    #[test]
    fn canonical_is_canonical_again(text in "\\PC{0,40}|[a-zA-Z0-9.-]{0,40}|\\[[0-9a-f:]{0,20}\\]") {
        if let Ok(host) = text.parse::<Host>() {
            let again: Host = host.to_string().parse().expect("prints as itself");
            prop_assert_eq!(&again, &host);
            let plain = host.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:".contains(&b));
            prop_assert!(plain && !host.as_str().is_empty() && !host.as_str().ends_with('.'), "{}", host);
        }
    }

    #[test]
    fn an_authority_prints_as_itself(text in "\\PC{0,40}|[a-z0-9.:\\[\\]-]{0,40}") {
        if let Ok(authority) = text.parse::<Authority>() {
            prop_assert_eq!(authority.to_string().parse::<Authority>(), Ok(authority));
        }
    }
}
