//! HDR-17: we have no nonces, and those of a UI that has its own come through fresh, once, and are kept by nobody.

use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Act, House, Request, Start, basic_auth};

use crate::site::{Site, UIS};

/// 128 bits, as a UI would draw them for each of its answers.
const NONCES: [&str; 2] = ["Zm9vYmFyYmF6cXV4MTIzNA==", "cXV4YmF6YmFyZm9vNDMyMQ=="];

const PAGES: [&str; 18] = [
    "/account",
    "/account/sign-up",
    "/account/verify",
    "/account/resend",
    "/account/sign-in",
    "/account/forgot",
    "/account/reset",
    "/account/profile",
    "/account/password",
    "/account/email",
    "/account/sessions",
    "/account/delete",
    "/account/sign-in/second-factor",
    "/account/factors",
    "/account/factors/totp",
    "/account/factors/passkey",
    "/account/factors/recovery-codes",
    "/account/step-up",
];

/// Keeps a UI's answer as long as anybody would let it.
fn page(nonce: &str) -> Act {
    let policy = format!("script-src 'self' 'nonce-{nonce}'; style-src 'self'");
    let fields = [
        ("Content-Type", "text/html"),
        ("Content-Security-Policy", policy.as_str()),
        ("Cache-Control", "public, max-age=3600, immutable"),
        ("CDN-Cache-Control", "max-age=3600"),
        ("ETag", "\"a\""),
    ];
    Act::answer(200, &fields, &format!("<script nonce=\"{nonce}\">1</script>"))
}

#[test]
fn hdr_17_none_of_our_pages_has_a_nonce_and_none_is_kept() {
    let site = Site::start();
    let mut ada = site.house.member("ada@app.test");
    for mut client in [site.house.client(), ada.twin()] {
        for path in PAGES {
            let (one, two) = (client.get(path), client.get(path));
            for reply in [&one, &two] {
                assert!(!reply.text().contains("nonce") && !String::from_utf8_lossy(&reply.raw_head).contains("nonce"), "{path}");
                assert_eq!(reply.all("cache-control"), ["no-store"], "{path}");
                // Nothing on the page needs one: no script and no style is inline.
                let text = reply.text();
                assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="), "{path}");
                assert!(
                    text.match_indices("<script").all(|(at, _)| text[at..].split('>').next().unwrap().contains(" src=")),
                    "{path}"
                );
            }
            assert_eq!(one.all("content-security-policy"), two.all("content-security-policy"), "{path}");
        }
    }
    assert_eq!(ada.get("/api/auth/me").status, 200);
}

#[test]
fn hdr_17_a_uis_own_nonce_is_fresh_in_header_and_body_and_nowhere_else() {
    let site = Site::start();
    let keeper = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    for ((label, profile), ui) in UIS.iter().zip(&site.uis) {
        let mut insider = site.insider(label);
        for nonce in NONCES {
            ui.act("/", page(nonce));
            let reply = insider.send(&Request::get("/").header("Authorization", &keeper));
            assert_eq!((reply.status, reply.all("cache-control")), (200, vec!["no-store"]), "{label}");
            assert!(!reply.names().iter().any(|name| name.ends_with("-cache-control")), "{reply:?}");
            assert!(reply.text().contains(nonce), "the body is not ours to change");
            let holders: Vec<_> =
                reply.headers.iter().filter(|(_, value)| value.contains("nonce") || value.contains(nonce)).collect();
            if *profile == "pgadmin" {
                assert_eq!(holders.len(), 1, "{reply:?}");
                assert!(holders[0].0.eq_ignore_ascii_case("content-security-policy"), "{reply:?}");
                assert!(holders[0].1.contains(&format!("'nonce-{nonce}'")), "{reply:?}");
                assert!(NONCES.iter().filter(|other| **other != nonce).all(|other| !holders[0].1.contains(other)));
                assert_eq!(reply.all("content-security-policy").len(), 2, "its policy and ours: both hold");
            } else {
                assert!(holders.is_empty(), "the policy of {label} is ours alone: {reply:?}");
            }
        }
    }
    // On the site's own host nobody's nonce opens our policy.
    for nonce in NONCES {
        site.web.act("/nonce", page(nonce));
        let reply = site.house.client().get("/nonce");
        assert_eq!(reply.all("content-security-policy").len(), 1);
        assert!(!reply.header("content-security-policy").unwrap().contains("nonce"), "{reply:?}");
    }
    let log = site.house.stderr();
    assert!(NONCES.iter().all(|nonce| !log.contains(nonce)), "a nonce is in the log");
}

#[test]
fn hdr_17_no_configuration_writes_a_nonce_down() {
    for source in ["'nonce-Zm9vYmFyYmF6cXV4MTIzNA=='", "'NONCE-x'"] {
        let section = format!("[headers]\ndanger_content_security_policy = \"script-src 'self' {source}\"\n");
        let start = House::builder().env("development").section(&section).try_start();
        let Start::Refused { stderr, .. } = start else { panic!("{source} is the same in every answer") };
        assert!(stderr.contains("danger_content_security_policy: has a nonce"), "{stderr}");
    }
}
