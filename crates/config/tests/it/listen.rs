//! `[listen]`

use crate::support::{development, refused_at, right, under, with};

const HTTPS: &str = r#"https = ["0.0.0.0:443"]"#;

#[test]
fn there_is_always_a_tls_listener() {
    assert_eq!(refused_at(&with(HTTPS, ""), "listen.https"), "is missing");
    assert_eq!(refused_at(&with(HTTPS, "https = []"), "listen.https"), "is missing");
    assert!(right(&with(r#"http = ["0.0.0.0:80"]"#, "")).listen.http.is_empty());
}

#[test]
fn an_address_is_an_ip_and_a_port() {
    for address in ["443", ":443", "localhost:443", "0.0.0.0", "0.0.0.0:70000", "::443", "0.0.0.0:https"] {
        refused_at(&with(HTTPS, &format!("https = [{address:?}]")), "listen.https[0]");
    }
}

#[test]
fn no_address_is_listened_on_twice() {
    refused_at(&with(r#"http = ["0.0.0.0:80"]"#, r#"http = ["0.0.0.0:443"]"#), "listen.https[0]");
    refused_at(&with(HTTPS, r#"https = ["0.0.0.0:443", "0.0.0.0:443"]"#), "listen.https[1]");
    right(&with(HTTPS, r#"https = ["127.0.0.1:0", "127.0.0.1:0"]"#));
}

#[test]
fn peers_that_speak_the_proxy_protocol_are_named_as_strictly_as_trusted_ones() {
    let list = |nets: &str| under("[listen]", &format!("proxy_protocol = [{nets}]"));
    let config = right(&list(r#""198.51.100.4", "2001:db8::/64", "10.1.2.0/29""#));
    assert_eq!(config.listen.proxy_protocol.len(), 3);
    assert!(config.listen.trusted_proxies.is_empty(), "the one is not the other");
    assert!(right(&list("")).listen.proxy_protocol.is_empty());
    for net in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8", "192.0.0.0/8", "all", "198.51.100.4:443", "198.51.100.4/24"] {
        refused_at(&list(&format!("{net:?}")), "listen.proxy_protocol[0]");
    }
    refused_at(&development(&list(r#""0.0.0.0/1", "128.0.0.0/1""#)), "listen.proxy_protocol");
}
