//! Proxies that are believed, and where the operators' listener may stand.

use crate::support::{development, every_form, only, refused_at, right, with, wrong};

fn proxies(list: &str) -> String {
    with("trusted_proxies = []", &format!("trusted_proxies = [{list}]"))
}

#[test]
fn proxy_07_everyone_and_whole_private_ranges_are_no_proxies() {
    for net in [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fd00::/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fe80::/10",
        "192.0.0.0/8",
        "0.0.0.0/4",
        "::ffff:10.0.0.0/104",
    ] {
        let faults = wrong(&proxies(&format!("{net:?}")));
        assert_eq!(only(&faults).0, "listen.trusted_proxies[0]", "{net}");
        assert!(!every_form(&faults).contains(net), "{net} is repeated");
    }
}

#[test]
fn proxy_07_everyone_is_refused_in_development_and_in_halves() {
    refused_at(&development(&proxies("\"0.0.0.0/0\"")), "listen.trusted_proxies[0]");
    refused_at(&development(&proxies("\"::/0\"")), "listen.trusted_proxies[0]");
    refused_at(&development(&proxies(r#""0.0.0.0/1", "128.0.0.0/1""#)), "listen.trusted_proxies");
}

#[test]
fn proxy_07_named_proxies_are_believed() {
    let config = right(&proxies(r#""10.1.2.3", "192.168.7.0/29", "2001:db8::1", "127.0.0.1""#));
    assert_eq!(config.listen.trusted_proxies.len(), 4);
    right(&development(&proxies("\"10.0.0.0/8\"")));
}

#[test]
fn the_internal_listener_is_never_public() {
    let internal = "internal = \"127.0.0.1:9180\"";
    for address in ["0.0.0.0:9180", "[::]:9180", "203.0.113.7:9180", "[2001:db8::1]:9180", "[::ffff:0.0.0.0]:9180", "8.8.8.8:1"] {
        assert_eq!(
            refused_at(&with(internal, &format!("internal = {address:?}")), "listen.internal"),
            "would be open to the public"
        );
    }
    for address in ["127.0.0.1:0", "10.0.0.5:9180", "192.168.1.1:1", "[::1]:9180", "[fd00::1]:9180", "[::ffff:127.0.0.1]:9180"] {
        right(&with(internal, &format!("internal = {address:?}")));
    }
    assert!(right(&with(internal, "")).listen.internal.is_none());
}
