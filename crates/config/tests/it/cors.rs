//! `site.cors_origins`: every origin written out, none that is not one.

use crate::support::{RIGHT, development, refused_at, right, under, wrong};

fn listing(entries: &str) -> String {
    under("[site]", &format!("cors_origins = [{entries}]"))
}

#[test]
fn nobody_is_listed_by_default() {
    assert!(right(RIGHT).site.cors_origins.is_empty());
    assert!(right(&listing("")).site.cors_origins.is_empty());
}

#[test]
fn origins_are_kept_in_the_form_that_browsers_send() {
    let site = right(&listing(r#""https://Docs.Example.com:443", "https://bücher.example:8443""#)).site;
    let kept: Vec<&str> = site.cors_origins.iter().map(doorward_kit::Origin::as_str).collect();
    assert_eq!(kept, ["https://docs.example.com", "https://xn--bcher-kva.example:8443"]);
}

#[test]
fn wildcards_patterns_null_and_addresses_of_pages_are_refused() {
    for entry in [
        "*",
        "null",
        "",
        "https://*.example.com",
        "https://*",
        ".example.com",
        "docs.example.com",
        "//docs.example.com",
        "https://docs.example.com/",
        "https://docs.example.com/app",
        "https://user@docs.example.com",
        "ftp://docs.example.com",
        "file://",
        "https://docs.example.com https://other.example.com",
    ] {
        refused_at(&listing(&format!("{entry:?}")), "site.cors_origins[0]");
    }
    refused_at(&under("[site]", r#"cors_origins = "https://docs.example.com""#), "site.cors_origins");
}

#[test]
fn plain_http_is_for_development_alone() {
    let text = listing(r#""http://localhost:5173""#);
    assert_eq!(refused_at(&text, "site.cors_origins[0]"), "is not https");
    right(&development(&text));
}

#[test]
fn the_sites_own_origin_and_doubles_are_told() {
    assert_eq!(refused_at(&listing(r#""https://app.example.com""#), "site.cors_origins[0]"), "is the site's own origin");
    let twice = listing(r#""https://docs.example.com", "https://DOCS.example.com:443""#);
    assert_eq!(refused_at(&twice, "site.cors_origins[1]"), "is listed twice");
    assert_eq!(wrong(&listing(r#""*", "null""#)).list().len(), 2, "every one is told");
}
