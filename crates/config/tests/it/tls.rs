//! `[tls]`: files, or self-signed in development; nothing orders certificates.

use crate::support::{RIGHT, development, env, parse, refused_at, right, under, with};

const SOURCE: &str = "source = \"files\"";

#[test]
fn self_signed_is_for_development_only() {
    let text = with(SOURCE, "source = \"self-signed\"");
    refused_at(&text, "tls.source");
    right(&development(&text));
}

#[test]
fn ordering_from_staging_is_said_to_be_of_a_later_version() {
    assert!(refused_at(&with(SOURCE, "source = \"le-staging\""), "tls.source").contains("not available in this version"));
}

#[test]
fn production_issuance_is_refused_by_every_spelling() {
    for source in [
        "acme",
        "ACME",
        "letsencrypt",
        "LetsEncrypt",
        "lets-encrypt",
        "le",
        "le-production",
        "le-prod",
        "production",
        "zerossl",
        "https://acme-v02.api.letsencrypt.org/directory",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
        "http://127.0.0.1:14000/dir",
    ] {
        assert_eq!(refused_at(&with(SOURCE, &format!("source = {source:?}")), "tls.source"), "production issuance is disallowed");
    }
    for key in ["directory", "acme_directory", "ca_server", "ca", "acme", "server", "resolver"] {
        let text = under("[tls]", &format!("{key} = \"https://acme-v02.api.letsencrypt.org/directory\""));
        assert_eq!(refused_at(&text, &format!("tls.{key}")), "production issuance is disallowed");
    }
}

#[test]
fn no_variable_lifts_the_refusal_of_production_issuance() {
    let production = "https://acme-v02.api.letsencrypt.org/directory";
    for (name, value) in [
        ("ENV", "prod"),
        ("ACME_DIRECTORY", production),
        ("ACME_CA_SERVER", production),
        ("LE_DIRECTORY", production),
        ("LE_ENV", "production"),
        ("TRAEFIK_CA_SERVER", production),
        ("SSL_CERT_FILE", "/tmp/ca.pem"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ] {
        for source in ["letsencrypt", "le-staging", production] {
            assert!(parse(&with(SOURCE, &format!("source = {source:?}")), &env(&[(name, value)])).is_err(), "{name}");
        }
        let plain = parse(RIGHT, &env(&[(name, value)])).expect("means nothing to us");
        assert!(matches!(plain.tls, doorward_config::Tls::Files { .. }));
    }
    for (name, value) in
        [("DOORWARD_TLS__SOURCE", production), ("DOORWARD_TLS__DIRECTORY", production), ("DOORWARD_TLS__SOURCE", "acme")]
    {
        assert!(parse(RIGHT, &env(&[(name, value)])).is_err(), "{name}");
    }
}

#[test]
fn files_need_both_files() {
    assert_eq!(refused_at(&with("certificate = \"site.pem\"", ""), "tls.certificate"), "is missing");
    assert_eq!(refused_at(&with("key = \"site.key\"", ""), "tls.key"), "is missing");
}
