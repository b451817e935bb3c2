//! Who issued what is served, as `verify` tells it: the real program, looked at from outside.

use std::path::Path;

use doorward_testkit::{House, TestCa};
use serde_json::Value;

/// Common name and organisation.
type Issuer = (&'static str, &'static str);

const STAGING: Issuer = ("(STAGING) Artificial Apricot R3", "(STAGING) Let's Encrypt");
const PRODUCTION: Issuer = ("R11", "Let's Encrypt");
/// The mark stands in a field that does not count.
const DISGUISED: Issuer = ("R11", "(STAGING) Let's Encrypt");
const OTHER: Issuer = ("ZeroSSL ECC Domain Secure Site CA", "ZeroSSL");

const FILES: &str = "source = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"";

/// A site whose certificate this authority has issued.
fn house((name, organization): Issuer) -> House {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real-parts/spa");
    House::builder()
        .limit("auth_csrf", "60/min")
        .files("web", &pages)
        .route("/", "web", "public")
        .prepare(move |folder| {
            TestCa::named(name, Some(organization)).write(folder, &["app.test".to_owned()]);
        })
        .start()
}

/// Exit code, and what the two files say.
fn verify(house: &House) -> (Option<i32>, Value, Value) {
    let out = house.folder().join("meta");
    let run = house.verify(&out, 404);
    let read = |name: &str| serde_json::from_str(&std::fs::read_to_string(out.join(name)).unwrap()).unwrap();
    (run.status.code(), read("security-headers.json"), read("verification-report.json"))
}

/// From now on the site is one that orders from the staging authority; the process that runs does not take that up.
fn order(house: &House) {
    let text = std::fs::read_to_string(house.config_file()).unwrap();
    assert!(text.contains(FILES));
    std::fs::write(house.config_file(), text.replace(FILES, "source = \"le-staging\"")).unwrap();
}

#[test]
fn tls_18_the_issuer_is_recorded_and_production_fails_the_run() {
    let staging = house(STAGING);
    for ordered in [false, true] {
        if ordered {
            order(&staging);
        }
        let (code, headers, report) = verify(&staging);
        assert_eq!(code, Some(0), "{headers:#}");
        assert_eq!(report["tls"]["staging"], true);
        assert_eq!(report["tls"]["production_seen"], false);
        assert!(report["tls"]["issuer"].as_str().unwrap().contains(STAGING.0), "{report:#}");
    }
    for (issuer, ordered, fault) in [
        (PRODUCTION, false, "issued by a production authority"),
        (DISGUISED, false, "issued by a production authority"),
        (OTHER, true, "not issued by the staging authority"),
    ] {
        let house = house(issuer);
        if ordered {
            order(&house);
        }
        let (code, headers, report) = verify(&house);
        assert_eq!((code, &headers["ok"]), (Some(1), &Value::Bool(false)), "{issuer:?}");
        assert!(headers["failures"].to_string().contains(fault), "{issuer:?}: {headers:#}");
        assert_eq!(report["tls"]["staging"], false, "{issuer:?}");
        assert_eq!(report["tls"]["production_seen"], !ordered, "{issuer:?}");
        assert!(report["tls"]["issuer"].as_str().unwrap().contains(issuer.0), "{issuer:?}: {report:#}");
    }
}
