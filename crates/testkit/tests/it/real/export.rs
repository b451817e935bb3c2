//! The exported policy on real edges: what each of them holds is measured, and what it does not hold is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use doorward_testkit::real::Server;
use doorward_testkit::{EchoUpstream, House, HouseBuilder, INSIDE, Recorded, Request, free_port, until};
use serde_json::Value;

/// A house whose origin is the edge's address; Doorward itself listens beside it.
struct Site {
    house: House,
    app: EchoUpstream,
    admin: EchoUpstream,
    _edge: Server,
}

const EDGE: &str = "127.0.0.1";
const DOORWARD: &str = "127.0.0.3";
/// A finding at more looks than these is about the edge and not about what is looked at.
const MANY: usize = 8;

impl Site {
    fn start(edge: &str, serve: fn(&std::path::Path, SocketAddr) -> Server) -> Self {
        let (app, admin) = (EchoUpstream::start("app"), EchoUpstream::start("adm"));
        let (https, http) = (free_port(), free_port());
        let house = described(&app, &admin)
            .https_port(https)
            .http_port(http)
            .edit(&format!("https = [\"{EDGE}:{https}\"]"), &format!("https = [\"{DOORWARD}:{https}\"]"))
            .edit(&format!("http = [\"{EDGE}:{http}\"]"), &format!("http = [\"{DOORWARD}:{http}\"]"))
            .listen("trusted_proxies = [\"127.0.0.1/32\"]")
            .start();
        let folder = export(&house, edge, https, http);
        let server = serve(&folder, SocketAddr::new(INSIDE, http));
        // Some edges listen before they know what they serve.
        until(Duration::from_secs(30), "the edge to know its routes", || {
            let reply = house.client().try_send(&Request::get("/")).ok()?;
            (reply.status == 200).then_some(())
        });
        Self { house, app, admin, _edge: server }
    }
}

fn described(app: &EchoUpstream, admin: &EchoUpstream) -> HouseBuilder {
    House::builder()
        .echo(app)
        .echo(admin)
        .route("/", "app", "public")
        .route("/api", "app", "public")
        .route("/private", "app", "signed-in")
        .gate("adm", "adm", "django-admin")
        .default_limits()
}

fn export(house: &House, edge: &str, https: u16, http: u16) -> PathBuf {
    let folder = house.folder().join("edge");
    let run = house.command(&[
        "export",
        edge,
        folder.to_str().unwrap(),
        &format!("--https={EDGE}:{https}"),
        &format!("--http={EDGE}:{http}"),
        &format!("--doorward-ca={}", house.ca_file().display()),
    ]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    folder
}

/// What `verify` finds wrong with a site, by finding: where. It must have been able to look.
fn findings(house: &House) -> BTreeMap<String, BTreeSet<String>> {
    let out = house.folder().join("meta");
    let run = house.verify(&out, 200);
    assert!(matches!(run.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(out.join("security-headers.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for line in report["failures"].as_array().unwrap().iter().filter_map(Value::as_str) {
        let (probe, finding) = line.split_once(": ").unwrap_or((line, ""));
        found.entry(finding.to_owned()).or_default().insert(probe.to_owned());
    }
    found
}

/// What is found through an edge and not at Doorward itself, as rows of the page.
fn difference(site: &Site, edge: &str) -> Vec<String> {
    let house = described(&site.app, &site.admin).start();
    let bare = findings(&house);
    let through = findings(&site.house);
    let nowhere = BTreeSet::new();
    let more = through.into_iter().filter_map(|(finding, probes)| {
        let probes: Vec<String> = probes.difference(bare.get(&finding).unwrap_or(&nowhere)).cloned().collect();
        (!probes.is_empty()).then(|| format!("| {edge} | {finding} | {} |", place(&probes)))
    });
    more.collect()
}

/// Where something is found; messages that an edge refuses by itself are told as one.
fn place(probes: &[String]) -> String {
    let (framing, others): (Vec<&String>, Vec<&String>) = probes.iter().partition(|id| id.starts_with("framing-"));
    let mut places: Vec<String> = others.iter().map(ToString::to_string).collect();
    if places.len() > MANY {
        places = vec!["nearly everywhere".to_owned()];
    }
    match framing.len() {
        0..=2 => places.extend(framing.into_iter().cloned()),
        many => places.push(format!("{many} of the refusals of framing")),
    }
    places.join(", ")
}

/// Looks at the site through the edge in every way that there is, and holds the page to it.
#[track_caller]
fn measure(site: &Site, edge: &str) {
    compare("verify", edge, &difference(site, edge));
    let rows = site.rows(edge);
    compare("requests", edge, &rows);
    // An encoded question mark or hash is a letter of the segment: `private?x` is another one, to Doorward as well.
    let ends = ["/", "`", ";", "%2f", "%2F", "%5c", "%5C", "%00"];
    let reached = |row: &&String| {
        row.split_once("sees `").is_some_and(|(_, target)| {
            let rest = target.trim_start_matches('/').strip_prefix("private");
            rest.is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end)))
        })
    };
    assert_eq!(rows.iter().filter(reached).collect::<Vec<_>>(), Vec::<&String>::new(), "nobody is signed in");
}

#[test]
fn what_traefik_does_not_hold_of_the_exported_policy_is_what_is_declared() {
    measure(&Site::start("traefik", Server::traefik_edge), "traefik");
}

#[test]
fn what_nginx_does_not_hold_of_the_exported_policy_is_what_is_declared() {
    measure(&Site::start("nginx", Server::nginx_edge), "nginx");
}

#[test]
fn what_caddy_does_not_hold_of_the_exported_policy_is_what_is_declared() {
    measure(&Site::start("caddy", Server::caddy_edge), "caddy");
}

/// Sent as they are; whoever reads one of them as `/private` must not be let in.
const PATHS: &[&str] = &[
    "/private/x",
    "//private/x",
    "/./private/x",
    "/x/../private/x",
    "/x/%2e%2e/private/x",
    "/x/%2E%2e%2fprivate/x",
    "/x%2f..%2fprivate/x",
    "/%70rivate/x",
    "/%2570rivate/x",
    "/private%2fx",
    "/private%5cx",
    "/private;a=1/x",
    "/private/.;/x",
    "/private%00",
    "/private%3fx",
    "/private%23x",
    "/PRIVATE/x",
    "/..%00/private/x",
    "/%ef%bc%8fprivate/x",
    "/%c0%afprivate/x",
];

/// Heads with a claim, whose value is always the same.
const CLAIMS: &[&str] = &[
    "X-Doorward-User: CLAIM",
    "X-DOORWARD-USER: CLAIM",
    "X_Doorward_User: CLAIM",
    "X-Doorward_User: CLAIM",
    "X.Doorward.User: CLAIM",
    "X-Forwarded-For: CLAIM",
    "X_Forwarded_For: CLAIM",
    "X-Forwarded-Host: CLAIM",
    "X-Forwarded-Proto: CLAIM",
    "X-Forwarded-Prefix: CLAIM",
    "X-Forwarded-Tls-Client-Cert: CLAIM",
    "X-Real-IP: CLAIM",
    "Forwarded: for=CLAIM",
    "X-Original-URL: CLAIM",
    "X-Rewrite-URL: CLAIM",
    "Remote-User: CLAIM",
    "Proxy: CLAIM",
    "Connection: close, X-Forwarded-For",
    "Connection: close, X-Forwarded-Proto, X-Forwarded-Host",
];

impl Site {
    /// What becomes of one head: the status, and what the application saw.
    fn ask(&self, target: &str, field: &str) -> (u16, Option<Recorded>) {
        self.app.clear();
        let mut raw = self.house.raw();
        let reply = raw.ask(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{field}\r\n\r\n", self.house.authority()));
        (reply.status, self.app.requests().into_iter().next_back())
    }

    fn rows(&self, edge: &str) -> Vec<String> {
        let paths = PATHS.iter().map(|path| {
            let (status, seen) = self.ask(path, "Connection: close");
            let seen = seen.map(|seen| format!(", sees `{}`", seen.target)).unwrap_or_default();
            format!("| {edge} | `{path}` | {status}{seen} |")
        });
        let claims = CLAIMS.iter().map(|field| {
            let (status, seen) = self.ask("/claim", field);
            format!("| {edge} | `{field}` | {status}{} |", seen.map(|seen| word(&seen)).unwrap_or_default())
        });
        paths.chain(claims).collect()
    }
}

/// Whether the claim came through, and whether the edge's own word did.
fn word(seen: &Recorded) -> &'static str {
    let claimed = seen.headers.iter().any(|(_, value)| value.contains("CLAIM"));
    let told = seen.header("x-forwarded-for").is_some_and(|value| value.contains("127.0.0.1"))
        && seen.header("x-forwarded-proto") == Some("https");
    match (claimed, told) {
        (true, _) => ", **the claim passes**",
        (false, true) => ", gone; the edge's own word is there",
        (false, false) => ", gone; **the edge's own word as well**",
    }
}

/// Rows of one edge under a mark of the page.
fn declared(mark: &str, edge: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/concepts/other-edges.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, part) = text.split_once(&format!("<!-- {mark} -->")).expect("the mark");
    let part = part.split("<!--").next().unwrap_or_default();
    part.lines().filter(|line| line.starts_with(&format!("| {edge} |"))).map(str::to_owned).collect()
}

#[track_caller]
fn compare(mark: &str, edge: &str, found: &[String]) {
    let declared = declared(mark, edge);
    assert!(declared == found, "the page says of {mark}:\n{}\nbut this was found:\n{}", declared.join("\n"), found.join("\n"));
}
