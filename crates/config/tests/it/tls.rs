//! `[tls]`: files, the staging authority, or self-signed in development.

use crate::support::{RIGHT, development, env, parse, refused_at, right, under, with, wrong};

const SOURCE: &str = "source = \"files\"";

#[test]
fn self_signed_is_for_development_only() {
    let text = with(SOURCE, "source = \"self-signed\"");
    refused_at(&text, "tls.source");
    right(&development(&text));
}

const FILES: &str = "source = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"";

#[test]
fn certificates_are_ordered_for_public_names_with_one_plain_address() {
    let ordered = with(FILES, "source = \"le-staging\"\nemail = \"ops+door@example.com\"");
    let tls = right(&ordered).tls;
    assert!(matches!(tls, doorward_config::Tls::LeStaging { email: Some(email) } if email == "ops+door@example.com"));
    assert!(matches!(right(&with(FILES, "source = \"le-staging\"")).tls, doorward_config::Tls::LeStaging { email: None }));
    for email in [
        "",
        "ops",
        "@example.com",
        "ops@",
        "ops@localhost",
        "a@b.c,d@e.f",
        "ops@example.com?x=y",
        "mailto:ops@example.com",
        "o ps@e.f",
    ] {
        let text = with(FILES, &format!("source = \"le-staging\"\nemail = {email:?}"));
        assert_eq!(refused_at(&text, "tls.email"), "is not a plain address", "{email}");
    }
    let faults = wrong(&with(SOURCE, "source = \"le-staging\""));
    let told: Vec<_> = faults.list().iter().map(|fault| (fault.key.as_str(), fault.problem.as_str())).collect();
    let nothing = "means nothing with this source";
    assert_eq!(told, [("tls.certificate", nothing), ("tls.key", nothing)]);
    assert_eq!(refused_at(&under("[tls]", "email = \"ops@example.com\""), "tls.email"), "means nothing with this source");
    for origin in ["https://localhost:8443", "https://127.0.0.1:8443", "https://[::1]:8443", "https://door"] {
        let lines: Vec<String> = ordered
            .lines()
            .map(|line| if line.starts_with("origin") { format!("origin = {origin:?}") } else { line.to_owned() })
            .collect();
        let text = lines.join("\n");
        let faults = parse(&text, &env(&[])).expect_err(origin).to_string();
        assert!(faults.contains("site.origin: is not a name that can be ordered"), "{origin}: {faults}");
    }
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
