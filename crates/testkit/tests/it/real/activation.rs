//! Sockets that a supervisor binds and hands over.

use std::path::Path;

use doorward_testkit::real::parts;
use doorward_testkit::{EchoUpstream, House, Start, binary};

/// Binds what `[listen]` names, as systemd does, and becomes the binary. Its first word says which sockets and under which names; the
/// addresses are held, so that whoever tried to bind them again would fail.
const LAUNCH: &str = r#"
import os, re, socket, sys
how, program, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
text = open("doorward.toml").read()
at = lambda key: re.search(rf'^{key} = \[?"127\.0\.0\.1:(\d+)"', text, re.M).group(1)
held = []
def bound(port):
    sock = socket.socket()
    sock.bind(("127.0.0.1", int(port)))
    sock.listen()
    held.append(sock)
sockets, names = {
    "named": (["https", "http", "internal"], "https:http:internal"),
    "unnamed": (["https", "http"], None),
    "unit": (["http", "https"], "doorward.socket:doorward.socket"),
    "crossed": (["https", "http"], "http:https"),
    "more": (["https", "0"], "https:extra"),
    "file": (["https"], "https:file"),
    "miscounted": (["https"], "https:http"),
    "others": (["https"], "https"),
}[how]
for key in sockets:
    bound(at(key) if key != "0" else 0)
count = len(held)
if how == "file":
    count += 1
    held.append(open("doorward.toml"))
copies = [os.dup(sock.fileno() if not isinstance(sock, int) else sock) for sock in held]
copies = [__import__("fcntl").fcntl(fd, __import__("fcntl").F_DUPFD, 100) for fd in copies]
for index, fd in enumerate(copies):
    os.dup2(fd, 3 + index, inheritable=True)
os.environ["LISTEN_FDS"] = str(count)
os.environ["LISTEN_PID"] = str(os.getpid() if how != "others" else 1)
if names is not None:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(program, [program, *rest])
"#;

fn launch(how: &str) -> Vec<String> {
    let python = parts().join("py/bin/python").display().to_string();
    ["", "-c", LAUNCH, how, &binary().display().to_string()]
        .map(str::to_owned)
        .into_iter()
        .map(|word| if word.is_empty() { python.clone() } else { word })
        .collect()
}

fn named(_: &Path) -> Vec<String> {
    launch("named")
}

fn unnamed(_: &Path) -> Vec<String> {
    launch("unnamed")
}

fn unit(_: &Path) -> Vec<String> {
    launch("unit")
}

fn crossed(_: &Path) -> Vec<String> {
    launch("crossed")
}

fn more(_: &Path) -> Vec<String> {
    launch("more")
}

fn file(_: &Path) -> Vec<String> {
    launch("file")
}

fn miscounted(_: &Path) -> Vec<String> {
    launch("miscounted")
}

fn others(_: &Path) -> Vec<String> {
    launch("others")
}

#[test]
fn sockets_that_are_handed_over_are_served_if_the_configuration_names_them() {
    let web = EchoUpstream::start("web");
    let house = || House::builder().echo(&web).route("/", "web", "public");
    for by in [named as fn(&Path) -> Vec<String>, unnamed, unit] {
        let mut house = house().by(by).start();
        house.client().get("/").expect(200);
        assert_eq!(house.stop(), Some(0), "{}", house.stderr());
    }
    for (by, words) in [
        (crossed as fn(&Path) -> Vec<String>, "[listen] does not name in http"),
        (more, "[listen] does not name at all"),
        (file, "descriptor 4 (\"file\"), which was handed over, is no TCP socket"),
        (miscounted, "LISTEN_FDNAMES has 2 names for 1 sockets"),
    ] {
        let Start::Refused { code, stderr, .. } = house().by(by).try_start() else { panic!("served although {words}") };
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    // They were inherited, and the address is taken: to serve there all the same would be to take what is somebody else's.
    let refused = House::builder().by(others).try_start();
    let Start::Refused { code, stderr, .. } = refused else { panic!("another's socket was taken") };
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("cannot listen on"), "{stderr}");
}
