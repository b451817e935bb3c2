//! Paths in disguise.

use crate::support::{GATED, House, SITE, get};

/// Spellings of `/members/x` (signed-in) and `/api/auth/x` (built in) that some server would take for it.
fn disguises(first: &str, rest: &str) -> Vec<String> {
    let upper = first.to_uppercase();
    vec![
        format!("//{first}/{rest}"),
        format!("/./{first}/{rest}"),
        format!("/x/../{first}/{rest}"),
        format!("/x/%2e%2e/{first}/{rest}"),
        format!("/x/.%2E/{first}/{rest}"),
        format!("/x%2f..%2f{first}/{rest}"),
        format!("/%2f{first}/{rest}"),
        format!("/{first}%2F{rest}"),
        format!("/{first}%5c{rest}"),
        format!("/%5c{first}/{rest}"),
        format!("\\{first}/{rest}"),
        format!("/\\{first}/{rest}"),
        format!("/{first};x=1/{rest}"),
        format!("/{first}/.;/{rest}"),
        format!("/x/..;/{first}/{rest}"),
        format!("/{first}%00/{rest}"),
        format!("/{first}%0d%0a/{rest}"),
        format!("/{first}/%2e/{rest}"),
        format!("/%25{:x}{}/{rest}", first.as_bytes()[0], &first[1..]),
        format!("/%ef%bc%8f{first}/{rest}"),
        format!("/%c0%af{first}/{rest}"),
        format!("/%e0%80%af{first}/{rest}"),
        format!("/{upper}/{rest}"),
        format!("/{}{}/{rest}", &upper[..1], &first[1..]),
        format!("/{first}/{rest}#"),
        format!("/{first}%u002f{rest}"),
        format!("/%EF%BD%8D{}/{rest}", &first[1..]),
    ]
}

#[tokio::test]
async fn gate_08_no_disguise_of_a_guarded_path_reaches_an_upstream_unguarded() {
    let house = House::start().await;
    let corpus = disguises("members", "secret").into_iter().chain(disguises("api", "auth/login"));
    for target in corpus.chain(disguises("account", "sign-in")) {
        let reply = house.ask(get(SITE, &target)).await;
        assert!(matches!(reply.status, 400 | 404), "{target} {}", reply.status);
    }
    assert_eq!(house.web.requests(), Vec::<String>::new());
    // Escaped letters are the same letters: the same guard.
    for target in ["/%6dembers/secret", "/m%65mbers/secret", "/members/%73ecret", "/members?", "/members/"] {
        assert_eq!(house.ask(get(SITE, target)).await.status, 401, "{target}");
    }
    assert_eq!(house.web.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn gate_08_no_path_of_the_site_or_of_the_gated_host_reaches_a_gated_upstream_without_credentials() {
    let house = House::start().await;
    for target in disguises("admin", "x").into_iter().chain(["/admin/".into(), "/".into(), "/%61dmin/".into()]) {
        for host in [SITE, GATED] {
            let status = house.ask(get(host, &target)).await.status;
            assert!(host == SITE || matches!(status, 400 | 401 | 404), "{host} {target} {status}");
        }
    }
    assert_eq!(house.gated.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn gate_09_what_was_matched_is_what_is_forwarded() {
    let house = House::start().await;
    let member = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=ok\r\n\r\n");
    let cases = [
        ("/a/b", "/a/b"),
        ("/%61/b", "/a/b"),
        ("/a%20b", "/a%20b"),
        ("/a%2cb", "/a%2Cb"),
        ("/a/?q=%2e%2e/%2F", "/a/?q=%2e%2e/%2F"),
        ("/a?", "/a?"),
        ("/%c3%a9", "/%C3%A9"),
        ("/a!$&'()*+,=:@b", "/a!$&'()*+,=:@b"),
        ("/members/%61?x=%61", "/a?x=%61"),
        ("/members", "/"),
        ("/members/", "/"),
    ];
    for (asked, _) in cases {
        assert_eq!(house.ask(member(asked)).await.status, 200, "{asked}");
    }
    let forwarded = cases.map(|(_, sent)| sent.to_owned());
    assert_eq!(house.web.targets(), forwarded);
}
