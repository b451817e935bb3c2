//! A built site of files through the real binary, and what is compressed of a whole house.

use doorward_testkit::{Act, EchoUpstream, House, RawClient, Reply};

/// One request on a connection of its own.
fn ask(house: &House, path: &str, fields: &str) -> Reply {
    let mut raw: RawClient = house.raw();
    raw.ask(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", house.authority()))
}

const TAKES_ALL: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

#[test]
fn a_built_site_is_served_compressed_and_nothing_of_the_accounts_ever_is() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    let page = "<p>the same again</p>".repeat(500);
    put("index.html", page.as_bytes());
    put("app-Dk3x9_aB.js", b"plain");
    put("app-Dk3x9_aB.js.br", b"brotli");
    put(".env", b"secret");
    let api = EchoUpstream::start("api");
    api.act("/api/list", Act::answer(200, &[("Content-Type", "application/json")], &"[1,2,3]".repeat(500)));
    let compressed = |path: &str, upstream: &str| {
        format!("[[route]]\npath = \"{path}\"\nupstream = \"{upstream}\"\naccess = \"public\"\ncompress = true")
    };
    let mut house = House::builder()
        .files("web", folder.path())
        .echo(&api)
        .section(&compressed("/", "web"))
        .section(&compressed("/api/list", "api"))
        .start();
    let shell = ask(&house, "/notes/7", &format!("{TAKES_ALL}Accept: text/html\r\nCookie: __Host-session=x\r\n"));
    assert_eq!(
        (shell.status, shell.header("content-encoding"), shell.header("vary")),
        (200, Some("br"), Some("accept-encoding"))
    );
    assert!(shell.body.len() * 10 < page.len() && shell.header("content-security-policy").is_some(), "{shell:?}");
    let tag = shell.header("etag").unwrap().to_owned();
    assert_eq!(ask(&house, "/", &format!("{TAKES_ALL}If-None-Match: {tag}\r\n")).status, 304);
    assert_eq!(ask(&house, "/", "").text(), page);
    let script = ask(&house, "/app-Dk3x9_aB.js", TAKES_ALL);
    assert_eq!((script.header("content-encoding"), script.text().as_str()), (Some("br"), "brotli"));
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(ask(&house, "/.env", TAKES_ALL).status, 404);
    // What a server answers: to anybody, and to somebody.
    assert_eq!(ask(&house, "/api/list", "Accept-Encoding: gzip\r\n").header("content-encoding"), Some("gzip"));
    for said in ["Cookie: __Host-session=x\r\n", "Authorization: Bearer x\r\n"] {
        let answer = ask(&house, "/api/list", &format!("{TAKES_ALL}{said}"));
        assert_eq!((answer.status, answer.header("content-encoding")), (200, None), "{said}");
    }
    for path in ["/account/sign-in", "/account/sign-up", "/account/reset", "/api/auth/csrf", "/api/health", "/api/auth/me"] {
        let answer = ask(&house, path, TAKES_ALL);
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
    house.assert_alive();
}
