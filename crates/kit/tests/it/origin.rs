//! Origins: scheme, host and port, and nothing else.

use doorward_kit::Origin;
use doorward_kit::net::{OriginError, Scheme};
use proptest::prelude::*;

fn origin(text: &str) -> Result<String, OriginError> {
    text.parse::<Origin>().map(|origin| origin.as_str().to_owned())
}

#[test]
fn the_default_port_and_letter_case_do_not_count() {
    for same in [
        "https://app.example.com",
        "https://APP.example.com",
        "https://app.example.com:443",
        "https://app.example.com.",
        "https://app.example.com:0443",
    ] {
        assert_eq!(origin(same).as_deref(), Ok("https://app.example.com"), "{same}");
    }
    assert_eq!(origin("http://a.example:443").as_deref(), Ok("http://a.example:443"));
    assert_eq!(origin("https://[::1]:8443").as_deref(), Ok("https://[::1]:8443"));
}

#[test]
fn what_is_more_or_less_than_an_origin_is_refused() {
    for bad in [
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?x",
        "https://a.example#x",
        "https://u@a.example",
        "https://u:p@a.example",
        "https://",
        "https://:443",
        "https://a.example:",
        "https://a.example:x",
        "https://a.example:65536",
        "https:///a.example",
        "https://a b",
        "https://a\\b",
        "https://*",
        "https://a.example,https://b.example",
        "https://a.example https://b.example",
    ] {
        assert_eq!(origin(bad), Err(OriginError::Form), "{bad:?}");
    }
    for bad in [
        "",
        "null",
        "a.example",
        "//a.example",
        "ftp://a.example",
        "HTTPS://a.example",
        " https://a.example",
        "https:/a.example",
        "javascript:alert(1)",
    ] {
        assert_eq!(origin(bad), Err(OriginError::Scheme), "{bad:?}");
    }
}

#[test]
fn the_parts_are_those_that_were_written() {
    let origin: Origin = "https://app.example.com:8443".parse().expect("an origin");
    assert_eq!((origin.scheme(), origin.host().as_str(), origin.port()), (Scheme::Https, "app.example.com", 8443));
    assert_eq!(origin.authority(), "app.example.com:8443");
}

proptest! {
    #[test]
    fn an_origin_prints_as_itself(text in "https?://(\\PC{0,20}|[a-zA-Z0-9.-]{1,20})(:[0-9]{1,5})?") {
        if let Ok(origin) = text.parse::<Origin>() {
            prop_assert_eq!(origin.as_str().parse::<Origin>().expect("prints as itself"), origin);
        }
    }

    #[test]
    fn no_text_is_a_crash(text in any::<String>()) {
        let _ = text.parse::<Origin>();
    }
}
