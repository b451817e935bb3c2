//! Which addresses may be asked: one, in one spelling (TLS-01, TLS-02).

use std::sync::Arc;

use bytes::Bytes;
use doorward_acme::client::{Client, Dial};
use doorward_acme::{Directory, Fault, STAGING, StoredAccount, UrlClass, account};
use doorward_kit::{Clock, Secret, SystemClock};
use http::Request;
use instant_acme::BodyWrapper;
use proptest::prelude::*;

use crate::support::CountingDial;

const STAGING_HOST: &str = "acme-staging-v02.api.letsencrypt.org";

/// Other authorities, and every spelling of production that somebody might read as something else.
const REFUSED: &[&str] = &[
    "https://acme-v02.api.letsencrypt.org/directory",
    "https://ACME-V02.API.LETSENCRYPT.ORG/directory",
    "https://acme-v02.api.letsencrypt.org./directory",
    "https://acme-v02.api.letsencrypt.org:443/directory",
    "https://acme-v01.api.letsencrypt.org/directory",
    "https://acme-staging.api.letsencrypt.org/directory",
    "https://acme.zerossl.com/v2/DV90",
    "https://acme.zerossl.com/v2/DV90/directory",
    "https://dv.acme-v02.api.pki.goog/directory",
    "https://dv.acme-v02.test-api.pki.goog/directory",
    "https://api.buypass.com/acme/directory",
    "https://api.test4.buypass.no/acme/directory",
    "https://acme.ssl.com/sslcom-dv-rsa",
    "https://acme.digicert.com/v2/acme/directory",
    "https://acme.sectigo.com/v2/DV",
    "https://acme-api.actalis.com/acme/directory",
    "https://127.0.0.1:14000/dir",
    "https://localhost:14000/dir",
    "https://[::1]:14000/dir",
    "https://172.65.32.248/directory",
    "https://[2606:4700:60:0:f53d:5624:85c7:3a2c]/directory",
    "https://2892046584/directory",
    "https://0xac.0x41.0x20.0xf8/directory",
    "http://acme-staging-v02.api.letsencrypt.org/directory",
    "HTTPS://acme-staging-v02.api.letsencrypt.org/directory",
    "https:/acme-staging-v02.api.letsencrypt.org/directory",
    "https:acme-staging-v02.api.letsencrypt.org/directory",
    "//acme-staging-v02.api.letsencrypt.org/directory",
    "ftp://acme-staging-v02.api.letsencrypt.org/directory",
    "acme-staging-v02.api.letsencrypt.org/directory",
    "https://ACME-STAGING-V02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org./directory",
    "https://acme-staging-v02.api.letsencrypt.org:80/directory",
    "https://acme-staging-v02.api.letsencrypt.org:0443/directory",
    "https://acme-staging-v02.api.letsencrypt.org:/directory",
    "https://acme-staging-v02.api.letsencrypt.org:65979/directory",
    "https://acme-staging-v02.api.letsencrypt.org:443:443/directory",
    "https://acme-staging-v02.api.letsencrypt.org",
    "https://acme-staging-v02.api.letsencrypt.org/",
    "https://acme-staging-v02.api.letsencrypt.org//directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory/",
    "https://acme-staging-v02.api.letsencrypt.org/Directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory/../directory",
    "https://acme-staging-v02.api.letsencrypt.org/./directory",
    "https://acme-staging-v02.api.letsencrypt.org/%64irectory",
    "https://acme-staging-v02.api.letsencrypt.org/directory%00",
    "https://acme-staging-v02.api.letsencrypt.org/directory?ca=production",
    "https://acme-staging-v02.api.letsencrypt.org/directory?",
    "https://acme-staging-v02.api.letsencrypt.org/directory#",
    "https://acme-staging-v02.api.letsencrypt.org/directory;x",
    "https://acme-staging-v02.api.letsencrypt.org\\directory",
    "https:\\\\acme-staging-v02.api.letsencrypt.org\\directory",
    "https://acme-staging-v02.api.letsencrypt.org@acme-v02.api.letsencrypt.org/directory",
    "https://acme-v02.api.letsencrypt.org@acme-staging-v02.api.letsencrypt.org/directory",
    "https://user:word@acme-staging-v02.api.letsencrypt.org/directory",
    "https://@acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-v02.api.letsencrypt.org\\@acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-v02.api.letsencrypt.org#@acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org.evil/directory",
    "https://acme-staging-v02.api.letsencrypt.org.evil.example/directory",
    "https://evil.acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02-api.letsencrypt.org/directory",
    "https://evilacme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org%2eevil/directory",
    "https://acme-staging-v02%2eapi.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.orɡ/directory",
    "https://ａcme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02。api.letsencrypt.org/directory",
    "https://аcme-staging-v02.api.letsencrypt.org/directory",
    "https://xn--cme-staging-v02-6qi.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org\u{200b}/directory",
    "https://acme-staging-v02.api.letsencrypt.org\u{ad}/directory",
    "https://acme-v02.api.letsencrypt.org\t/directory",
    "https://acme-v02.\napi.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory\n",
    "https://acme-staging-v02.api.letsencrypt.org/directory\r\nHost: acme-v02.api.letsencrypt.org",
    "\thttps://acme-staging-v02.api.letsencrypt.org/directory",
    " https://acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory ",
    "https://acme-staging-v02.api.letsencrypt.org/dir ectory",
    "https://acme-staging-v02.api.letsencrypt.org/directory\0",
    "https://*.api.letsencrypt.org/directory",
    "https://$ACME_HOST/directory",
    "le-production",
    "production",
    "",
];

#[test]
fn tls_02_only_one_spelling_of_one_directory_is_taken() {
    for text in REFUSED {
        assert!(Directory::parse(text).is_err(), "{text:?} was taken");
    }
    for text in [STAGING, "https://acme-staging-v02.api.letsencrypt.org:443/directory"] {
        assert_eq!(Directory::parse(text).expect("staging").url(), STAGING);
    }
}

#[tokio::test]
async fn no_socket_is_opened_for_any_other_address() {
    let dial = Arc::new(CountingDial { to: Some(1), dialled: std::sync::Mutex::default() });
    let client =
        Client::new(Directory::staging().unwrap(), Arc::clone(&dial) as Arc<dyn Dial>, Arc::new(SystemClock) as Arc<dyn Clock>)
            .unwrap();
    let mut sent = 0;
    for text in REFUSED {
        // What the library cannot even put into a request is out already.
        let Ok(request) = Request::get(*text).body(BodyWrapper::<Bytes>::default()) else { continue };
        // Other paths of the staging host are what a session consists of.
        if Directory::staging().unwrap().permits(&request.uri().to_string()).is_ok() {
            continue;
        }
        let fault = client.send(request).await.expect_err(text);
        assert!(matches!(fault, Fault::Refused(_)), "{text:?}: {fault}");
        sent += 1;
    }
    assert!(sent > 30, "{sent}");
    assert_eq!(dial.count(), 0);
    // The count can be other than zero.
    let request = Request::get(STAGING).body(BodyWrapper::<Bytes>::default()).unwrap();
    assert_eq!(client.send(request).await.expect_err("nobody listens there"), Fault::Unreachable);
    assert_eq!(*dial.dialled.lock().unwrap(), [(STAGING_HOST.to_owned(), 443)]);
}

#[test]
fn addresses_of_a_session_are_of_the_same_host() {
    let directory = Directory::staging().unwrap();
    for path in ["/acme/new-nonce", "/acme/authz/1/2", "/draft-ietf-acme-ari-03/renewalInfo/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"]
    {
        assert_eq!(directory.permits(&format!("https://{STAGING_HOST}{path}")), Ok(()), "{path}");
    }
    assert_eq!(directory.permits("https://acme-v02.api.letsencrypt.org/acme/new-order"), Err(UrlClass::Host));
    assert_eq!(directory.permits("https://acme-staging-v02.api.letsencrypt.org:8443/acme/new-order"), Err(UrlClass::Port));
    assert_eq!(directory.permits("https://acme-staging-v02.api.letsencrypt.org/acme/../x"), Err(UrlClass::Path));
}

#[test]
fn a_stored_account_of_another_authority_is_refused_wherever_it_names_it() {
    let directory = Directory::staging().unwrap();
    let stored = |beside: &str, inside: &str, id: &str, more: &str| StoredAccount {
        directory: beside.to_owned(),
        credentials_json: Secret::new(format!(r#"{{"id":"{id}","key_pkcs8":"AA","directory":"{inside}"{more}}}"#)),
    };
    let good = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/1";
    let production = "https://acme-v02.api.letsencrypt.org/directory";
    assert_eq!(account::judge(&stored(STAGING, STAGING, good, ""), &directory), Ok(()));
    let urls = r#","urls":{"newNonce":"https://acme-v02.api.letsencrypt.org/acme/new-nonce"}"#;
    for (what, account) in [
        ("beside", stored(production, STAGING, good, "")),
        ("inside", stored(STAGING, production, good, "")),
        ("id", stored(STAGING, STAGING, "https://acme-v02.api.letsencrypt.org/acme/acct/1", "")),
        ("urls", stored(STAGING, STAGING, good, urls)),
        ("not JSON", StoredAccount { directory: STAGING.to_owned(), credentials_json: Secret::new("{".to_owned()) }),
    ] {
        assert!(account::judge(&account, &directory).is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn nothing_but_the_two_spellings_is_ever_taken(text in "\\PC{0,80}") {
        prop_assert!(Directory::parse(&text).is_err());
    }

    #[test]
    fn no_change_of_one_octet_is_taken(at in 0_usize..STAGING.len(), octet in 0_u8..=255) {
        let mut bytes = STAGING.as_bytes().to_vec();
        prop_assume!(bytes[at] != octet);
        bytes[at] = octet;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(Directory::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn whatever_is_permitted_reads_the_same_to_the_library_that_sends_it(text in "https://[a-z0-9.:@/%?#\\\\-]{0,60}") {
        let directory = Directory::staging().unwrap();
        if directory.permits(&text).is_ok() {
            let uri: http::Uri = text.parse().unwrap();
            prop_assert_eq!(uri.host(), Some(STAGING_HOST));
            prop_assert!(uri.query().is_none() && uri.to_string() == text);
        }
    }
}
