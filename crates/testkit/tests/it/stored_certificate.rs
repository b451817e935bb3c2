//! What lies in the folder of certificates at a start, and must not be served: the program itself, and no authority anywhere near.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use doorward_testkit::{EchoUpstream, House, HouseBuilder, Start};
use serde_json::json;

/// Puts something into a data folder.
type Seed = fn(&Path);

const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
const FILES: &str = "source = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"";

fn house() -> HouseBuilder {
    House::builder().edit(FILES, "source = \"le-staging\"\nemail = \"ops@app.test\"")
}

/// The folder of certificates, as a start would make it.
fn acme(folder: &Path) -> PathBuf {
    let acme = folder.join("data/acme");
    if !acme.exists() {
        std::fs::create_dir(&acme).unwrap();
        chmod(&acme, 0o700);
    }
    acme
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = acme(folder).join(name);
    std::fs::write(&file, text).unwrap();
    chmod(&file, 0o600);
    file
}

/// A certificate of an authority of our own, said to come from this directory.
fn certificate(folder: &Path, directory: &str) -> String {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (chain, key) = (read("site.pem"), read("site.key"));
    let stored =
        json!({"directory": directory, "names": ["app.test"], "chain": chain, "key": key, "issued_at": 0, "not_after": 1});
    stored.to_string()
}

fn account(directory: &str) -> String {
    json!({"directory": directory, "credentials": "{}"}).to_string()
}

#[track_caller]
fn refused(house: HouseBuilder) -> String {
    match house.try_start() {
        Start::Refused { code: Some(2), stderr, .. } => stderr,
        other => panic!("{other:?}"),
    }
}

/// A running process meets a foreign certificate in `real::acme`.
#[test]
fn tls_08_what_did_not_come_from_the_staging_authority_ends_the_start() {
    let seeds: [(&str, Seed); 6] = [
        ("certificate", |folder| drop(put(folder, "certificate.json", &certificate(folder, PRODUCTION)))),
        ("certificate", |folder| drop(put(folder, "certificate.json", &certificate(folder, STAGING)))),
        ("certificate", |folder| drop(put(folder, "certificate.json", &certificate(folder, &STAGING.to_uppercase())))),
        ("account", |folder| drop(put(folder, "account.json", &account(PRODUCTION)))),
        ("account", |folder| drop(put(folder, "account.json", &account(&format!("{STAGING}/"))))),
        ("account", |folder| {
            let credentials =
                json!({"id": "https://acme-v02.api.letsencrypt.org/acme/acct/1", "directory": PRODUCTION}).to_string();
            put(folder, "account.json", &json!({"directory": STAGING, "credentials": credentials}).to_string());
        }),
    ];
    for (what, seed) in seeds {
        let said = refused(house().prepare(seed));
        let expected = format!("{what}.json: the stored {what} did not come from the staging authority (");
        assert!(said.contains(&expected) && said.contains("production issuance is disallowed"), "{said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}

#[test]
fn tls_09_what_others_can_get_at_ends_the_start() {
    let seeds: [(&str, Seed); 9] = [
        ("chmod 600", |folder| chmod(&put(folder, "account.json", &account(STAGING)), 0o644)),
        ("chmod 600", |folder| chmod(&put(folder, "account.json", &account(STAGING)), 0o640)),
        ("chmod 600", |folder| chmod(&put(folder, "certificate.json", &certificate(folder, STAGING)), 0o602)),
        ("chmod 700", |folder| chmod(&acme(folder), 0o755)),
        ("chmod 700", |folder| chmod(&acme(folder), 0o750)),
        ("no symbolic link", |folder| {
            let file = put(folder, "other.json", &account(STAGING));
            symlink(file, acme(folder).join("account.json")).unwrap();
        }),
        ("no symbolic link", |folder| {
            std::fs::rename(acme(folder), folder.join("elsewhere")).unwrap();
            symlink(folder.join("elsewhere"), folder.join("data/acme")).unwrap();
        }),
        ("belongs to user 65534", |folder| {
            std::os::unix::fs::chown(put(folder, "account.json", &account(STAGING)), Some(65_534), None).unwrap();
        }),
        ("belongs to user 65534", |folder| std::os::unix::fs::chown(acme(folder), Some(65_534), None).unwrap()),
    ];
    // Only root can give a file away.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    for (expected, seed) in seeds.into_iter().filter(|(expected, _)| is_root || !expected.contains("user")) {
        let said = refused(house().prepare(seed));
        assert!(said.contains("data/acme") && said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn tls_06_the_program_orders_from_no_authority_on_this_machine_whatever_it_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://127.0.0.1:{}/dir", listener.local_addr().unwrap().port());
    for (line, variable) in [
        (format!("source = \"{url}\""), None),
        (format!("source = \"le-staging\"\ndirectory = \"{url}\""), None),
        ("source = \"le-staging\"".to_owned(), Some("DOORWARD_TLS__DIRECTORY")),
        ("source = \"le-staging\"".to_owned(), Some("DOORWARD_TLS__SOURCE")),
    ] {
        let mut house = House::builder().edit(FILES, &line);
        if let Some(name) = variable {
            house = house.var(name, &url);
        }
        let said = refused(house);
        assert!(variable.is_some() || said.contains("production issuance is disallowed"), "{said}");
    }
    // What makes the tests' own program ask that authority means nothing to the program.
    let web = EchoUpstream::start("web");
    let house = House::builder()
        .edit(FILES, "source = \"le-staging\"")
        .var("LOOPBACK_ACME_DIRECTORY", &url)
        .var("LOOPBACK_ACME_API_ROOT", "ca.pem")
        .var("LOOPBACK_ACME_ISSUING_ROOT", "ca.pem")
        .var("ACME_DIRECTORY", &url)
        .var("HTTPS_PROXY", &url.replace("https", "http").replace("/dir", ""))
        .var("SSL_CERT_FILE", "ca.pem")
        .echo(&web)
        .route("/", "web", "public")
        .start();
    doorward_testkit::until(std::time::Duration::from_secs(60), "an attempt", || {
        house.stderr().contains("no certificate was obtained").then_some(())
    });
    assert!(listener.accept().is_err(), "somebody was asked on this machine");
    house.raw().ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority())).expect(200);
}
