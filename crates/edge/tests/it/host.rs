//! Which host is meant.

use crate::support::{GATED, House, SITE, get};

#[tokio::test]
async fn gate_07_every_spelling_of_a_host_leads_to_its_own_gate_or_nowhere() {
    let house = House::start().await;
    let same = [
        "adm.example.test",
        "ADM.example.TEST",
        "adm.example.test.",
        "adm.example.test:443",
        "Adm.Example.Test.:443",
        "adm.example.test:8443",
    ];
    for host in same {
        let reply = house.ask(get(host, "/admin/")).await;
        assert_eq!(reply.status, 401, "{host}");
        assert!(reply.header("www-authenticate").is_some());
    }
    let other = [
        "adm.example.test..",
        "adm.example.test%00",
        "adm.example.test\t",
        "adm.example.test\0",
        "[::1]",
        "127.0.0.1",
        "127.0.0.1:443",
        "localhost",
        "example.test",
        "xadm.example.test",
        "adm.example.test.evil",
        "adm.example.test:",
        "adm.example.test:x",
        "adm.example.test:99999",
        "adm.example.test@evil",
        "adm\u{3002}example\u{3002}test",
        "xn--adm.example.test",
        ".adm.example.test",
        "0x7f.1",
        "",
    ];
    for host in other {
        let reply = house.ask(get(host, "/admin/")).await;
        // A tab behind a value is white space and not part of the name (RFC 9110 §5.5): the same gate.
        let expected: &[u16] = if host.ends_with('\t') { &[401] } else { &[400, 421] };
        assert!(expected.contains(&reply.status), "{host:?} {}", reply.status);
        assert!(reply.header("content-security-policy").is_some() && reply.header("strict-transport-security").is_some());
    }
    assert!(house.gated.requests().is_empty() && house.web.requests().is_empty());
}

#[tokio::test]
async fn gate_10_an_absolute_target_must_name_the_same_host_as_the_field() {
    let house = House::start().await;
    let cases = [
        (format!("https://{GATED}/admin/"), SITE, 400),
        (format!("https://{SITE}/x"), GATED, 400),
        ("http://127.0.0.1:5555/".to_owned(), SITE, 400),
        ("https://127.0.0.1:5555/".to_owned(), SITE, 400),
        ("https://127.0.0.1:5555/".to_owned(), "127.0.0.1:5555", 421),
        (format!("https://{SITE}:444/x"), SITE, 400),
        (format!("https://{GATED}/admin/"), GATED, 401),
        (format!("https://{SITE}/x"), SITE, 200),
        (format!("https://{}/x?y", SITE.to_uppercase()), SITE, 200),
    ];
    for (target, host, status) in cases {
        assert_eq!(house.ask(get(host, &target)).await.status, status, "{target} {host}");
    }
    assert_eq!(house.web.targets(), ["/x", "/x?y"]);
    assert!(house.gated.requests().is_empty());
}

#[tokio::test]
async fn gate_11_exactly_one_host_field() {
    let house = House::start().await;
    let heads = [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nhost: {SITE}\r\nhost: {SITE}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {SITE}\r\nHost: {GATED}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost : {GATED}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {SITE}\r\nhost : {GATED}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {SITE}, {GATED}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {SITE} {GATED}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost:\r\n {SITE}\r\n\r\n"),
    ];
    for head in heads {
        assert_eq!(house.ask(&head).await.status, 400, "{head:?}");
    }
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn expo_11_no_suffix_and_no_wildcard_leads_anywhere() {
    let house = House::start().await;
    for host in ["evil.app.example.test", "a.adm.example.test", "www.app.example.test", "example.test", "test", "*.example.test"]
    {
        let reply = house.ask(get(host, "/")).await;
        assert!(matches!(reply.status, 400 | 421), "{host} {}", reply.status);
    }
    assert!(house.web.requests().is_empty() && house.gated.requests().is_empty());
}

#[tokio::test]
async fn expo_03_hosts_and_paths_that_are_not_configured_have_no_default_upstream() {
    // Only `/api` and `/members` lead anywhere here.
    let house = House::builder()
        .config(|config| config.routes.retain(|route| !route.path.is_empty() && route.path != "/live"))
        .start()
        .await;
    for target in ["/internal/api", "/metrics", "/flower", "/pgadmin", "/dashboard/", "/", "/index.html", "/apix", "/.git/HEAD"] {
        let reply = house.ask(get(SITE, target)).await;
        assert_eq!((reply.status, reply.detail().as_str()), (404, "Not found"), "{target}");
    }
    for host in ["random.example", "127.0.0.1", "[::1]:443"] {
        assert_eq!(house.ask(get(host, "/api/x")).await.status, 421, "{host}");
    }
    assert!(house.web.requests().is_empty());
    assert_eq!(house.ask(get(SITE, "/api/x")).await.status, 200);
    for target in ["/api/auth", "/api/auth/nope", "/api/health/x", "/.well-known/doorward/x", "/assets/doorward/x"] {
        assert_eq!(house.ask(get(SITE, target)).await.status, 404, "{target} is the application's own, never the upstream's");
    }
    assert_eq!(house.web.targets(), ["/api/x"]);
}
