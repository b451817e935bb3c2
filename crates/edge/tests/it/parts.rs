//! Parts, conditions and HEAD, over a socket (HTTP-19).

use doorward_config::UpstreamTarget;

use crate::support::{House, Reply, SITE};

const CONTENT: &str = "0123456789";

/// A site of files.
struct Files {
    house: House,
    folder: tempfile::TempDir,
}

impl Files {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_owned();
        let house = House::builder().config(|config| config.upstreams[0].target = UpstreamTarget::Files { root }).start().await;
        let files = Self { house, folder };
        files.write(CONTENT);
        files
    }

    fn write(&self, content: &str) {
        std::fs::write(self.folder.path().join("a.txt"), content).expect("written");
    }

    /// Asks, and then asks once more on the same connection: an answer with a body that is not announced would be seen there.
    async fn ask(&self, method: &str, fields: &str) -> Reply {
        let mut client = self.house.client().await;
        let reply = client.ask(format!("{method} /a.txt HTTP/1.1\r\nhost: {SITE}\r\n{fields}\r\n")).await;
        assert_eq!(client.ask(format!("GET /a.txt HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await.status, 200, "{method} {fields}");
        reply
    }
}

#[tokio::test]
async fn http_19_one_part_of_a_file_is_sent_and_many_are_not() {
    let files = Files::start().await;
    for (range, part) in [("0-0", "0"), ("2-4", "234"), ("7-", "789"), ("-3", "789"), ("8-99", "89")] {
        let reply = files.ask("GET", &format!("range: bytes={range}\r\n")).await;
        let first = CONTENT.find(part).expect("a part");
        assert_eq!((reply.status, reply.body.as_str()), (206, part), "{range}");
        let place = format!("bytes {first}-{}/10", first + part.len() - 1);
        assert_eq!(reply.header("content-range"), Some(place.as_str()));
        for name in ["etag", "last-modified", "cache-control", "content-type", "strict-transport-security"] {
            assert!(reply.header(name).is_some(), "{name} of {range}");
        }
    }
    let beyond = files.ask("GET", "range: bytes=10-\r\n").await;
    assert_eq!((beyond.status, beyond.header("content-range"), beyond.body.as_str()), (416, Some("bytes */10"), ""));
    let thousand = |part: &str| format!("range: bytes={}\r\n", vec![part; 1000].join(","));
    let many = [thousand("0-"), thousand("0-0"), thousand("-1"), "range: bytes=0-0,2-2\r\n".into()];
    let odd = ["range: bytes=4-2\r\n", "range: octets=0-1\r\n", "range: bytes=\r\n", "range: bytes=0-1\r\nrange: bytes=2-3\r\n"];
    for fields in many.iter().map(String::as_str).chain(odd).chain(["range: bytes=-11\r\n"]) {
        let reply = files.ask("GET", fields).await;
        assert_eq!((reply.status, reply.body.as_str(), reply.header("content-range")), (200, CONTENT, None), "{fields}");
    }
}

#[tokio::test]
async fn http_19_conditions_on_a_file_hold_and_no_download_is_glued_from_two_files() {
    let files = Files::start().await;
    let whole = files.ask("GET", "").await;
    let field = |name: &str| whole.header(name).expect("a validator").to_owned();
    let (tag, date) = (field("etag"), field("last-modified"));
    for fields in [
        format!("if-none-match: {tag}\r\n"),
        format!("if-none-match: W/{tag}\r\n"),
        format!("if-none-match: \"x\", {tag}\r\n"),
        "if-none-match: *\r\n".to_owned(),
        format!("if-modified-since: {date}\r\n"),
        format!("if-none-match: {tag}\r\nif-modified-since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
        format!("if-none-match: {tag}\r\nrange: bytes=0-1\r\n"),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = files.ask(method, &fields).await;
            assert_eq!((reply.status, reply.header("etag")), (304, Some(tag.as_str())), "{method} {fields}");
            assert_eq!(reply.header("cache-control"), whole.header("cache-control"));
        }
    }
    let held = format!("range: bytes=2-4\r\nif-range: {tag}\r\n");
    assert_eq!((files.ask("GET", &held).await.status, files.ask("GET", &held).await.body.as_str()), (206, "234"));
    for other in [format!("W/{tag}"), "\"x\"".into(), "x".into(), date.clone(), "Thu, 01 Jan 1970 00:00:00 GMT".into()] {
        for range in ["2-4", "10-", "-3"] {
            let reply = files.ask("GET", &format!("range: bytes={range}\r\nif-range: {other}\r\n")).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, CONTENT), "{other} {range}");
        }
    }
    files.write("abcdefghijklm");
    let reply = files.ask("GET", &held).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "abcdefghijklm"), "the file was replaced");
}

#[tokio::test]
async fn http_19_head_of_a_file_has_the_fields_of_get_and_no_body() {
    let files = Files::start().await;
    // The field that is a new one for every request.
    let fields = |reply: &Reply| -> Vec<(String, String)> {
        let mut all = reply.headers.clone();
        all.retain(|(name, _)| name != "x-request-id" && name != "date");
        all.sort();
        all
    };
    let get = files.ask("GET", "").await;
    for extra in ["", "range: bytes=0-1\r\n", "range: bytes=99-\r\n"] {
        let head = files.ask("HEAD", extra).await;
        assert_eq!((head.status, fields(&head)), (200, fields(&get)), "{extra}");
    }
}

/// What an upstream says, by path; HEAD gets the same head and nothing else.
const ANSWERS: &[(&str, u16, &str, &str)] = &[
    ("/206", 206, "content-range: bytes 0-1/9\r\netag: \"v\"\r\naccept-ranges: bytes", "ab"),
    ("/multipart", 206, "content-type: multipart/byteranges; boundary=b", "--b\r\n\r\n0\r\n--b--"),
    ("/416", 416, "content-range: bytes */9", ""),
    ("/304", 304, "etag: W/\"v\"\r\nlast-modified: Thu, 01 Jan 1970 00:00:00 GMT\r\ncache-control: max-age=9", ""),
    ("/412", 412, "etag: \"v\"", ""),
    ("/200", 200, "etag: \"v\"\r\naccept-ranges: bytes\r\nlast-modified: Thu, 01 Jan 1970 00:00:00 GMT", "abcdefghi"),
];

#[tokio::test]
async fn http_19_what_clients_and_upstreams_say_of_parts_conditions_and_heads_passes_without_loss() {
    let house = House::start().await;
    let asked = [
        "range: bytes=0-1,3-4",
        "if-range: \"v\"",
        "if-none-match: W/\"v\", \"w\"",
        "if-match: *",
        "if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT",
        "if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    for method in ["GET", "HEAD"] {
        house.web.answer(move |target| {
            let (_, status, fields, body) = ANSWERS.iter().find(|(path, ..)| *path == target).expect("an answer");
            // An answer of 304 has no body and says no length.
            let length = if *status == 304 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
            let body = if method == "HEAD" { "" } else { body };
            format!("HTTP/1.1 {status} X\r\n{fields}\r\n{length}\r\n{body}").into_bytes()
        });
        let mut client = house.client().await;
        for (path, status, fields, body) in ANSWERS {
            let request = format!("{method} {path} HTTP/1.1\r\nhost: {SITE}\r\n{}\r\n\r\n", asked.join("\r\n"));
            let reply = client.ask(&request).await;
            assert_eq!(reply.status, *status, "{method} {path}");
            for (name, value) in fields.split("\r\n").filter_map(|field| field.split_once(": ")) {
                assert_eq!(reply.header(name), Some(value), "{method} {path}");
            }
            let length = (*status != 304).then(|| body.len().to_string());
            assert_eq!(reply.header("content-length"), length.as_deref(), "{method} {path}");
            assert_eq!(reply.body, if method == "HEAD" { "" } else { body }, "{method} {path}");
            let arrived = house.web.requests().pop().expect("a request");
            assert!(arrived.starts_with(&format!("{method} {path} ")), "{arrived}");
            for field in asked {
                assert_eq!(arrived.matches(&format!("\r\n{field}\r\n")).count(), 1, "{field} in {arrived}");
            }
        }
    }
}
