//! Static files of an upstream that is a folder.

use std::fs;

use doorward_config::UpstreamTarget;
use doorward_edge::EdgeBody;
use doorward_edge::proxy::{ForwardPlan, Forwarder, UpstreamFault};
use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemEntropy};
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use tempfile::TempDir;

use crate::proxy::TERMS;

const NAVIGATION: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
const SCRIPT: (&str, &str) = ("accept", "*/*");

/// A built front end beside things that must stay inside.
struct Site {
    folder: TempDir,
    forwarder: Forwarder,
    policy: UpstreamPolicy,
    context: RequestContext,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("dist");
        for (name, content) in [
            ("dist/index.html", "shell"),
            ("dist/assets/app-Dk3x9_aB.js", "script"),
            ("dist/assets/app-Dk3x9_aB.js.map", "secret"),
            ("dist/style.0f3c9a1b.css", "style"),
            ("dist/robots.txt", "robots"),
            ("dist/with space.txt", "spaced"),
            ("dist/docs/index.html", "docs"),
            ("dist/empty/keep.txt", "kept"),
            ("dist/.env", "secret"),
            ("dist/.git/HEAD", "secret"),
            ("dist/sub/.hidden/x.txt", "secret"),
            ("dist/index.html~", "secret"),
            ("dist/config.js.bak", "secret"),
            ("dist/old.JS.BAK", "secret"),
            ("dist/.well-known/security.txt", "contact"),
            ("dist/api/x.json", "static"),
            ("dist/sub/.well-known/x", "secret"),
            ("outside.txt", "secret"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, content).expect("written");
        }
        std::os::unix::fs::symlink(folder.path().join("outside.txt"), root.join("link.txt")).expect("linked");
        std::os::unix::fs::symlink(folder.path(), root.join("up")).expect("linked");
        std::os::unix::fs::symlink(root.join(".env"), root.join("env.txt")).expect("linked");
        std::os::unix::fs::symlink(root.join("robots.txt"), root.join("inside.txt")).expect("linked");
        Self {
            policy: UpstreamPolicy { name: "web".into(), target: UpstreamTarget::Files { root } },
            folder,
            forwarder: Forwarder::new(TimePolicy::default(), SizePolicy::default()),
            context: RequestContext {
                request_id: RequestId::random(&SystemEntropy),
                client: ClientAddr::new([203, 0, 113, 7].into()),
                peer: PeerAddr(([203, 0, 113, 7], 50_000).into()),
                secure: true,
            },
        }
    }

    async fn ask(&self, method: Method, path: &str, field: (&str, &str)) -> Result<Response<EdgeBody>, UpstreamFault> {
        let plan = ForwardPlan {
            upstream: &self.policy,
            path,
            query: None,
            context: &self.context,
            external_host: "app.example.com",
            external_port: 443,
            identity: &[],
            tunnel: Some(TERMS),
            remove_authorization: false,
        };
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder().method(method).uri("/x").header(field.0, field.1).body(body).expect("a request");
        self.forwarder.forward(request, plan).await
    }

    async fn get(&self, path: &str) -> Result<Response<EdgeBody>, UpstreamFault> {
        self.ask(Method::GET, path, SCRIPT).await
    }
}

async fn text(response: Response<EdgeBody>) -> String {
    let octets = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(octets.to_vec()).expect("text")
}

#[tokio::test]
async fn files_are_served_with_their_type_and_freshness() {
    let site = Site::new();
    for (path, content, kind, freshness) in [
        ("/", "shell", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "shell", "text/html; charset=utf-8", "no-cache"),
        ("/assets/app-Dk3x9_aB.js", "script", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/style.0f3c9a1b.css", "style", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/robots.txt", "robots", "text/plain; charset=utf-8", "no-cache"),
        ("/with%20space.txt", "spaced", "text/plain; charset=utf-8", "no-cache"),
        ("/docs/", "docs", "text/html; charset=utf-8", "no-cache"),
        ("/inside.txt", "robots", "text/plain; charset=utf-8", "no-cache"),
        ("/.well-known/security.txt", "contact", "text/plain; charset=utf-8", "no-cache"),
        ("/api/x.json", "static", "application/json", "no-cache"),
    ] {
        let response = site.get(path).await.unwrap_or_else(|fault| panic!("{path}: {fault}"));
        assert_eq!(response.headers()["content-type"], kind, "{path}");
        assert_eq!(response.headers()["cache-control"], freshness, "{path}");
        assert_eq!(text(response).await, content, "{path}");
    }
}

#[tokio::test]
async fn expo_09_dotfiles_backups_maps_listings_and_links_out_of_the_folder_are_not_there() {
    let site = Site::new();
    for path in [
        "/.env",
        "/.git/HEAD",
        "/.git/",
        "/.git",
        "/%2eenv",
        "/%2Egit/HEAD",
        "/sub/.hidden/x.txt",
        "/sub/.well-known/x",
        "/index.html~",
        "/index.html%7E",
        "/config.js.bak",
        "/config.js.BAK",
        "/old.JS.BAK",
        "/assets/app-Dk3x9_aB.js.map",
        "/empty/",
        "/empty",
        "/assets/",
        "/assets",
        "/link.txt",
        "/up/outside.txt",
        "/up/",
        "/env.txt",
        "/..%2foutside.txt",
        "/..%2f.env",
        "/../outside.txt",
        "/..",
        "/sub/../../outside.txt",
        "/..%5coutside.txt",
        "/%00",
        "/index.html%00",
        "/robots.txt/x",
        "/%ff",
        "/%",
        "/%zz",
        "/C:/x",
    ] {
        let answer = site.get(path).await.map(|response| response.status());
        assert_eq!(answer.err(), Some(UpstreamFault::NotFound), "{path}");
    }
    // Not even a person's navigation gets anything for them but the shell.
    for path in ["/.env", "/.git/HEAD", "/sub/.hidden/x.txt", "/index.html~", "/config.js.bak", "/x.js.map", "/..%2foutside.txt"]
    {
        assert_eq!(site.ask(Method::GET, path, NAVIGATION).await.err(), Some(UpstreamFault::NotFound), "{path}");
    }
    for path in ["/link.txt", "/up/outside.txt", "/env.txt"] {
        assert_eq!(site.ask(Method::GET, path, NAVIGATION).await.err(), Some(UpstreamFault::NotFound), "{path}");
    }
    for path in ["/up/", "/assets/", "/empty/"] {
        let response = site.ask(Method::GET, path, NAVIGATION).await.expect("the shell");
        assert_eq!(text(response).await, "shell", "{path}");
    }
}

#[tokio::test]
async fn the_shell_answers_a_persons_navigation_and_nothing_else() {
    let site = Site::new();
    for path in ["/notes/7", "/sign-in", "/apix", "/a/b/c", "/v1.2", "/users/j.doe", "/sites/example.com"] {
        let response = site.ask(Method::GET, path, NAVIGATION).await.expect("the shell");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(text(response).await, "shell", "{path}");
        assert_eq!(site.get(path).await.err(), Some(UpstreamFault::NotFound), "{path} for a script");
    }
    for path in [
        "/api",
        "/api/",
        "/api/notes",
        "/.well-known/nothing",
        "/.x",
        "/app.js",
        "/a/logo.SVG",
        "/favicon.ico",
        "/x.json",
        "/x.css.br",
    ] {
        assert_eq!(site.ask(Method::GET, path, NAVIGATION).await.err(), Some(UpstreamFault::NotFound), "{path}");
    }
    for accept in ["application/json", "text/htmlx", "x/text/html", "*/*", ""] {
        assert_eq!(site.ask(Method::GET, "/notes/7", ("accept", accept)).await.err(), Some(UpstreamFault::NotFound), "{accept}");
    }
}

#[tokio::test]
async fn files_know_get_and_head_only() {
    let site = Site::new();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        assert_eq!(site.ask(method, "/index.html", NAVIGATION).await.err(), Some(UpstreamFault::Unsupported));
    }
    let head = site.ask(Method::HEAD, "/index.html", NAVIGATION).await.expect("there");
    assert_eq!(head.headers()["content-length"], "5");
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn ranges_and_conditions_are_honoured() {
    let site = Site::new();
    let part = site.ask(Method::GET, "/robots.txt", ("range", "bytes=1-2")).await.expect("there");
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str().expect("text")), (206, "bytes 1-2/6"));
    assert_eq!(text(part).await, "ob");
    let beyond = site.ask(Method::GET, "/robots.txt", ("range", "bytes=99-")).await.expect("there");
    assert_eq!(beyond.status(), 416);
    let modified = site.get("/robots.txt").await.expect("there").headers()["last-modified"].to_str().expect("text").to_owned();
    let fresh = site.ask(Method::GET, "/robots.txt", ("if-modified-since", &modified)).await.expect("there");
    assert_eq!(fresh.status(), 304);
    assert_eq!(text(fresh).await, "");
}

#[tokio::test]
async fn a_folder_that_is_gone_is_not_found_rather_than_a_crash() {
    let mut site = Site::new();
    site.policy.target = UpstreamTarget::Files { root: "/nonexistent/doorward".into() };
    assert_eq!(site.ask(Method::GET, "/", NAVIGATION).await.err(), Some(UpstreamFault::NotFound));
}

/// Asks for a file with a field, and says status, coding, tag and text of the answer.
async fn coded(site: &Site, path: &str, field: (&str, &str)) -> (u16, Option<String>, String, String) {
    let response = site.ask(Method::GET, path, field).await.expect("there");
    let said = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(said("vary").as_deref(), Some("accept-encoding"), "{path}");
    let (status, coding, tag) = (response.status().as_u16(), said("content-encoding"), said("etag").expect("a tag"));
    (status, coding, tag, text(response).await)
}

#[tokio::test]
async fn what_was_compressed_beforehand_goes_out_in_its_files_place() {
    let site = Site::new();
    let root = site.folder.path().join("dist");
    for (name, content) in [("style.0f3c9a1b.css.br", "B"), ("style.0f3c9a1b.css.gz", "G"), ("robots.txt.gz", "old")] {
        fs::write(root.join(name), content).expect("written");
    }
    // Older than the file, a link, a folder: none of them stands for it.
    let old = fs::File::options().write(true).open(root.join("robots.txt.gz")).expect("there");
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("dated");
    std::os::unix::fs::symlink(root.join("../outside.txt"), root.join("robots.txt.zst")).expect("linked");
    fs::create_dir(root.join("robots.txt.br")).expect("made");
    let mut tags = Vec::new();
    for (accept, coding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "B"),
        ("gzip, zstd", Some("gzip"), "G"),
        ("br;q=0.1, gzip;q=0.2", Some("gzip"), "G"),
        ("br;q=0, *;q=0.5", Some("gzip"), "G"),
        ("zstd", None, "style"),
        ("identity, br;q=0.9", None, "style"),
        ("", None, "style"),
    ] {
        let (status, said, tag, body) = coded(&site, "/style.0f3c9a1b.css", ("accept-encoding", accept)).await;
        assert_eq!((status, said.as_deref(), body.as_str()), (200, coding, content), "{accept}");
        tags.push((content, tag));
        assert_eq!(coded(&site, "/robots.txt", ("accept-encoding", accept)).await.3, "robots", "{accept}");
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "each version has one tag of its own: {tags:?}");
    let typed = site.ask(Method::GET, "/style.0f3c9a1b.css", ("accept-encoding", "br")).await.expect("there");
    assert_eq!(typed.headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(typed.headers()["content-length"], "1");
}

#[tokio::test]
async fn the_same_content_has_the_same_tag_on_every_node_and_another_one_has_another() {
    let (one, other) = (Site::new(), Site::new());
    let put = |site: &Site, name: &str, content: &[u8]| {
        fs::write(site.folder.path().join("dist").join(name), content).expect("written");
    };
    // Small and large ones are read differently.
    for size in [1, 65_536, 65_537, 1_000_000] {
        let content = vec![b'a'; size];
        let mut tags = Vec::new();
        for site in [&one, &other] {
            put(site, "large.txt", &content);
            let file = fs::File::options().write(true).open(site.folder.path().join("dist/large.txt")).expect("there");
            let age = std::time::Duration::from_secs(1_000_000 * (1 + tags.len() as u64));
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + age).expect("dated");
            let (_, _, tag, body) = coded(site, "/large.txt", SCRIPT).await;
            assert_eq!((body.len(), body.bytes().all(|octet| octet == b'a')), (size, true));
            assert_eq!(coded(site, "/large.txt", SCRIPT).await.2, tag);
            tags.push(tag);
        }
        assert_eq!(tags[0], tags[1], "{size}");
        put(&one, "large.txt", &[&content[1..], b"b"].concat());
        assert_ne!(coded(&one, "/large.txt", SCRIPT).await.2, tags[0], "{size}");
    }
}

#[tokio::test]
async fn a_folder_without_its_slash_is_sent_to_it_and_a_file_with_one_is_not_there() {
    let site = Site::new();
    let response = site.get("/docs").await.expect("there");
    assert_eq!((response.status().as_u16(), &response.headers()["location"]), (308, &http::HeaderValue::from_static("./docs/")));
    for path in ["/robots.txt/", "/index.html/", "/docs/index.html/"] {
        assert_eq!(site.get(path).await.err(), Some(UpstreamFault::NotFound), "{path}");
    }
}

#[tokio::test]
async fn pipes_are_neither_served_nor_waited_for() {
    let site = Site::new();
    let pipe = site.folder.path().join("dist/pipe.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("a shell tool");
    assert!(made.success());
    let asked = tokio::time::timeout(std::time::Duration::from_secs(20), site.get("/pipe.txt"));
    assert_eq!(asked.await.expect("nobody waits for a writer").err(), Some(UpstreamFault::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_exchanged_for_a_link_at_any_moment_leads_nowhere_else() {
    let site = Site::new();
    let folder = site.folder.path().to_owned();
    fs::create_dir(folder.join("elsewhere")).expect("made");
    fs::write(folder.join("elsewhere/x.txt"), "secret").expect("written");
    fs::create_dir(folder.join("dist/swap")).expect("made");
    fs::write(folder.join("dist/swap/x.txt"), "inside").expect("written");
    std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("link")).expect("linked");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let (place, aside, link) = (folder.join("dist/swap"), folder.join("aside"), folder.join("link"));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::rename(&place, &aside).expect("moved");
                fs::rename(&link, &place).expect("moved");
                fs::rename(&place, &link).expect("moved");
                fs::rename(&aside, &place).expect("moved");
            }
        }
    });
    let mut seen = [0, 0];
    for _ in 0..3_000 {
        match site.get("/swap/x.txt").await {
            Ok(response) => {
                assert_eq!(text(response).await, "inside");
                seen[0] += 1;
            }
            Err(fault) => {
                assert_eq!(fault, UpstreamFault::NotFound);
                seen[1] += 1;
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().expect("no failure");
    assert!(seen.iter().all(|count| *count > 0), "both states were met: {seen:?}");
}
