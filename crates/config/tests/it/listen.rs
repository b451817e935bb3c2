//! `[listen]`

use crate::support::{refused_at, right, under, with};

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
fn the_proxy_protocol_is_said_to_be_of_a_later_version() {
    assert!(
        refused_at(&under("[listen]", "proxy_protocol = []"), "listen.proxy_protocol").contains("not available in this version")
    );
}
