//! What is reachable is what the exposure map says: every socket of the process, every host and path behind it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use doorward_testkit::{ADMIN_USER, EchoUpstream, House, INSIDE, OUTSIDE, RawClient, Reply, Request, Start, Tls, basic_auth};
use serde_json::Value;

/// What the binary prints of its own configuration.
fn map(house: &House) -> Value {
    let output = house.command(&["check", "--exposure", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["exposure"].clone()
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

/// Inodes of the sockets that the process holds.
fn inodes(pid: u32) -> BTreeSet<String> {
    let links =
        std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let names = links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()));
    names.collect()
}

/// Lines of a table of the kernel that are about the process's own sockets, in words.
fn own_lines(pid: u32, table: &str, inode_at: usize) -> Vec<Vec<String>> {
    let own = inodes(pid);
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let lines = text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|words| words.get(inode_at).is_some_and(|inode| own.contains(inode))).collect()
}

/// `0100007F:1F90`, and four such words for IPv6: each word in the machine's order of octets.
fn address(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').unwrap();
    let words = ip.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).unwrap(), 16).unwrap());
    let octets: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
    let ip = match <[u8; 4]>::try_from(&octets[..]) {
        Ok(four) => IpAddr::from(four),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(&octets[..]).unwrap()),
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).unwrap())
}

/// Everything that takes connections or datagrams, by the kernel's own lists.
fn listening(pid: u32) -> BTreeSet<SocketAddr> {
    const LISTEN: &str = "0A";
    let tcp = ["tcp", "tcp6"].into_iter().flat_map(|table| own_lines(pid, table, 9)).filter(|words| words[3] == LISTEN);
    let udp = ["udp", "udp6"].into_iter().flat_map(|table| own_lines(pid, table, 9));
    tcp.chain(udp).map(|words| address(&words[1])).collect()
}

fn declared(house: &House) -> BTreeSet<SocketAddr> {
    texts(&map(house)["listeners"], "address").into_iter().map(|text| text.parse().unwrap()).collect()
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn expo_01_the_process_listens_where_the_map_says_and_nowhere_else() {
    let web = EchoUpstream::start("web");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let v4 = format!("https = [\"127.0.0.1:{port}\"]");
    let both = if has_ipv6() { format!("https = [\"127.0.0.1:{port}\", \"[::1]:{port}\"]") } else { v4.clone() };
    let builder = House::builder().https_port(port).echo(&web).route("/", "web", "public").edit(&v4, &both);
    let mut house = builder.start();
    let addresses = if has_ipv6() { 4 } else { 3 };
    assert_eq!(declared(&house).len(), addresses);
    assert_eq!(listening(house.pid()), declared(&house));
    // Traffic, a reload and a command beside it open nothing more.
    house.client().get("/").expect(200);
    house.add_member("ada@app.test");
    house.reload_with(|text| text.replace("path = \"/\"", "path = \"/other\""));
    assert_eq!(listening(house.pid()), declared(&house));
    // Neither does anything else take a connection, of a file system's socket for one.
    let unix = own_lines(house.pid(), "unix", 6);
    assert!(unix.iter().all(|words| words[3] != "00010000"), "a listening socket: {unix:?}");
    house.assert_alive();
}

#[test]
fn expo_01_nothing_but_the_edge_is_published_by_what_is_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for path in doorward_testkit::canary::files_below(&root.join("packaging")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            seen += 1;
            if let Some((_, address)) = line.split_once('=').filter(|(key, _)| key.starts_with("Listen")) {
                let port = address.rsplit(':').next().unwrap();
                assert!(line.starts_with("ListenStream=") && ["80", "443"].contains(&port), "{}: {line}", path.display());
            }
            let opens = line.contains("0.0.0.0") || line.contains("[::]");
            assert!(!opens || line.starts_with("ListenStream="), "{}: {line}", path.display());
        }
    }
    assert!(seen > 50, "{seen} lines");
    // The one wildcard of IPv6 takes IPv6 alone, as the configuration's does.
    let socket = std::fs::read_to_string(root.join("packaging/systemd/doorward.socket")).unwrap();
    assert!(socket.lines().any(|line| line == "BindIPv6Only=ipv6-only"), "{socket}");
    // The example publishes the edge, and keeps the rest.
    let example = doorward_listen(&std::fs::read_to_string(root.join("examples/doorward.toml")).unwrap());
    assert!(example.iter().all(|address| [80, 443].contains(&address.port()) || address.ip().is_loopback()), "{example:?}");
}

fn doorward_listen(text: &str) -> Vec<SocketAddr> {
    let section = text.split("[listen]").nth(1).unwrap().split("\n[").next().unwrap();
    let addresses: Vec<SocketAddr> = section.split('"').filter_map(|piece| piece.parse().ok()).collect();
    assert!(addresses.len() >= 2, "{section}");
    addresses
}

/// The address from which this machine would leave it, if it has one.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((IpAddr::from([0, 0, 0, 0]), 0)).ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

#[test]
fn expo_07_what_is_inside_is_reached_from_inside_or_through_a_gate() {
    let (web, dash) = (EchoUpstream::start("web"), EchoUpstream::start("dash"));
    let builder = || House::builder().echo(&web).echo(&dash).route("/", "web", "public").gate("dash", "dash", "traefik");
    let house = builder().start();
    let inside = |path: &str| {
        let mut raw = RawClient::plain(house.internal(), INSIDE).unwrap();
        raw.ask(format!("GET {path} HTTP/1.1\r\nHost: inside\r\n\r\n")).status
    };
    assert_eq!([inside("/metrics"), inside("/health/ready"), inside("/")], [200, 200, 404]);
    // By any other address of this machine nobody answers.
    for ip in [Some(OUTSIDE), outward()].into_iter().flatten() {
        let other = SocketAddr::new(ip, house.internal().port());
        assert!(TcpStream::connect_timeout(&other, Duration::from_secs(2)).is_err(), "{other}");
    }
    // The names of what stands inside mean nothing outside, and the dashboard's host is its gate.
    for path in ["/metrics", "/health/ready", "/openapi.json"] {
        let reply = house.client().get(path);
        let from_upstream = reply.status == 200 && reply.json()["upstream"] == "web";
        assert!(reply.status == 404 || from_upstream, "{path}: {reply:?}");
    }
    assert_eq!(house.client_of("dash", OUTSIDE).get("/dashboard/").status, 403);
    assert_eq!(house.client_of("dash", INSIDE).get("/dashboard/").status, 401);
    assert_eq!(dash.count(), 0);
    for public in ["0.0.0.0", "[::]", "203.0.113.7", "[2001:db8::1]"] {
        let refused = builder().edit("internal = \"127.0.0.1:", &format!("internal = \"{public}:")).try_start();
        let Start::Refused { code, stderr, .. } = refused else { panic!("{public} was listened on") };
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("listen.internal") && stderr.contains("would be open to the public"), "{stderr}");
    }
}

/// What became of one request.
#[derive(Debug, PartialEq, Eq)]
enum Observed {
    Forwarded(String),
    Answered(u16),
}

fn observed(reply: &Reply) -> Observed {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match body["upstream"].as_str() {
        Some(name) if reply.status == 200 => Observed::Forwarded(name.to_owned()),
        _ => Observed::Answered(reply.status),
    }
}

#[test]
fn every_host_and_path_behaves_as_the_map_says_and_no_other_is_there() {
    let upstreams: Vec<EchoUpstream> = ["web", "api", "members", "ui"].iter().map(|name| EchoUpstream::start(name)).collect();
    let [web, api, members, ui] = &upstreams[..] else { unreachable!() };
    let builder = House::builder().echo(web).echo(api).echo(members).echo(ui);
    let builder = builder.route("/app/", "web", "public").route("/api/v1/", "api", "identified");
    let builder = builder.route("/members/", "members", "signed-in");
    let house = builder.gate_with("adm", "ui", "strict", "allow = [\"127.0.0.1/32\"]\npaths = [\"/admin/\"]").start();
    let map = map(&house);
    let ask = |from: IpAddr, host: &str, path: &str, fields: &[(&str, &str)]| {
        let authority = format!("{host}:{}", house.https().port());
        let mut client = doorward_testkit::Client::new(house.https(), from, &authority);
        let request = fields.iter().fold(Request::get(path), |request, (name, value)| request.header(name, value));
        observed(&client.send(&request))
    };
    let mut seen = 0;
    for host in map["hosts"].as_array().unwrap() {
        let name = host["host"].as_str().unwrap();
        for path in host["paths"].as_array().unwrap() {
            let (access, upstream) = (path["access"].as_str().unwrap(), path["upstream"].as_str().unwrap_or_default());
            let target = path["path"].as_str().unwrap().replace("/*", "/x");
            let forwarded = Observed::Forwarded(upstream.to_owned());
            seen += 1;
            match access {
                "public" | "identified" => assert_eq!(ask(OUTSIDE, name, &target, &[]), forwarded, "{name}{target}"),
                "signed-in" => {
                    assert_eq!(ask(OUTSIDE, name, &target, &[]), Observed::Answered(401), "{name}{target}");
                    let reply = house.member("ada@app.test").get(&target);
                    assert_eq!(observed(&reply), forwarded, "{name}{target}");
                }
                "gated" => {
                    let keeper = basic_auth(ADMIN_USER, doorward_testkit::ADMIN_PASSWORD);
                    let with = [("Authorization", keeper.as_str())];
                    assert_eq!(ask(OUTSIDE, name, &target, &with), Observed::Answered(403), "{name}{target}");
                    assert_eq!(ask(INSIDE, name, &target, &[]), Observed::Answered(401), "{name}{target}");
                    assert_eq!(ask(INSIDE, name, &target, &with), forwarded, "{name}{target}");
                    assert_eq!(ask(INSIDE, name, "/elsewhere", &with), Observed::Answered(404), "{name}");
                }
                "built in" => {
                    let before: usize = upstreams.iter().map(EchoUpstream::count).sum();
                    let answer = ask(INSIDE, name, &target, &[]);
                    assert!(matches!(answer, Observed::Answered(status) if status != 421), "{name}{target}: {answer:?}");
                    assert_eq!(upstreams.iter().map(EchoUpstream::count).sum::<usize>(), before, "{name}{target}");
                }
                other => panic!("{other} is no access"),
            }
        }
    }
    assert!(seen > 10, "{map}");
    // What the map does not have is not there.
    upstreams.iter().for_each(EchoUpstream::clear);
    for path in ["/", "/appx", "/APP/x", "/api", "/api/v2/x", "/member", "/metrics", "/admin/", "/.git/HEAD", "/health/live"] {
        assert_eq!(ask(INSIDE, house.host(), path, &[]), Observed::Answered(404), "{path}");
    }
    // No handshake by such a name, and no request within a handshake by another.
    for host in ["x.app.test", "app.test.example", "adm", "evil.adm.app.test", "127.0.0.1", "localhost"] {
        assert!(RawClient::tls(house.https(), INSIDE, &Tls::to(host)).is_err() || host.starts_with("127."), "{host}");
        assert_eq!(within(&house, INSIDE, host, "/app/x", "").status, 421, "{host}");
    }
    assert_eq!(upstreams.iter().map(EchoUpstream::count).sum::<usize>(), 0);
    assert_eq!(listening(house.pid()), declared(&house));
}

/// Asks for a host in a connection that was opened by the site's own name.
fn within(house: &House, from: IpAddr, host: &str, path: &str, fields: &str) -> Reply {
    let port = house.https().port();
    house.raw_from(from, house.host()).ask(format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{fields}\r\n"))
}

#[test]
fn explain_says_what_the_door_does() {
    let (web, ui) = (EchoUpstream::start("web"), EchoUpstream::start("ui"));
    let builder = House::builder().echo(&web).echo(&ui).route("/app/", "web", "public").gate("adm", "ui", "strict");
    let house = builder.listen("trusted_proxies = [\"127.0.0.3\"]").start();
    let gate = format!("adm.{}", house.host());
    for (from, chain, host, path) in [
        ("127.0.0.1", "", house.host(), "/nowhere"),
        ("127.0.0.1", "", "x.app.test", "/app/x"),
        ("127.0.0.1", "", &*gate, "/"),
        ("127.0.0.2", "127.0.0.1", &*gate, "/"),
        ("127.0.0.3", "127.0.0.1", &*gate, "/"),
        ("127.0.0.3", "127.0.0.1, 127.0.0.2", &*gate, "/"),
        ("127.0.0.3", "unknown", &*gate, "/"),
        ("127.0.0.1", "", house.host(), "/app/%2e%2e/x"),
    ] {
        let field = format!("X-Forwarded-For: {chain}");
        let output = house.command(&["explain", from, "--header", &field, "--host", host, "--path", path, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let reply = within(&house, from.parse().unwrap(), host, path, &format!("{field}\r\n"));
        assert_eq!(said["way"]["status"], reply.status, "{from} {chain:?} {host}{path}: {said}\n{reply:?}");
        for field in said["way"]["answer"].as_array().unwrap() {
            let (name, value) = (field[0].as_str().unwrap(), field[1].as_str().unwrap());
            // A page of ours gets a policy with its own nonce or hashes; everything else is the same octet for octet.
            let is_own = name == "content-security-policy" || name == "cache-control" || name == "content-type";
            assert!(is_own || reply.all(name).contains(&value), "{name}: {value} is not in {reply:?}");
        }
    }
    let shown = house.command(&["explain", "2001:db8:1:2:3::4", "--proxied-for", "192.0.2.1"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    for words in ["2001:db8:1:2::/64", "2001:db8:1::/48", "stays outside of adm.app.test", "refused, not read"] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}
