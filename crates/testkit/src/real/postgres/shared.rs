//! One server for all test processes of a run.
//!
//! Each test is a process of its own, so nobody among them can keep the server. Three files beside the build do: a gate that is locked
//! while a server is made or ended, a file that every user holds a shared lock on, which the kernel lifts however the process ends, and
//! the place of the server. A keeper, a few lines of shell, waits until nobody holds the second lock for a while and then ends the server.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cluster::Cluster;
use crate::address::INSIDE;

/// For as long as it is held, the server stays.
pub(super) struct Lease(#[expect(dead_code, reason = "its lock is what counts")] File);

/// `$1` the folder of these files, `$2` the server's; the rest starts the server. A lock that is free may be so between two tests.
const KEEPER: &str = r#"
state=$1 cluster=$2; shift 2
"$@" >"$cluster/postgres.log" 2>&1 &
server=$!
while kill -0 $server 2>/dev/null; do
    flock -x "$state/users" true
    before=$(wc -c <"$state/uses")
    sleep 15
    exec 9>"$state/gate"
    flock -x 9
    if flock -xn "$state/users" true && [ "$before" = "$(wc -c <"$state/uses")" ]; then
        rm -f "$state/place" "$state/uses"
        kill -QUIT "$(head -n 1 "$cluster/data/postmaster.pid")"
        wait $server
        break
    fi
    exec 9>&-
done
rm -rf "$cluster"
"#;

/// Joins the users of the server; the first one starts it.
pub(super) fn join() -> (Cluster, Lease) {
    let state = state();
    std::fs::create_dir_all(&state).unwrap();
    let gate = open(&state.join("gate"));
    gate.lock().unwrap();
    let users = open(&state.join("users"));
    users.lock_shared().unwrap();
    let cluster = running(&state).unwrap_or_else(|| make(&state));
    OpenOptions::new().create(true).append(true).open(state.join("uses")).unwrap().write_all(b".").unwrap();
    (cluster, Lease(users))
}

/// Held by whoever makes a template; the others wait.
pub(super) fn turn() -> File {
    let state = state();
    std::fs::create_dir_all(&state).unwrap();
    let turn = open(&state.join("turn"));
    turn.lock().unwrap();
    turn
}

/// `target/tmp`, found from `target/<profile>/deps/<test>`: two checkouts do not meet.
fn state() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).expect("target/<profile>/deps/<test>").join("tmp/postgres")
}

fn open(path: &Path) -> File {
    OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap()
}

/// The server that the file tells of, unless it is gone.
fn running(state: &Path) -> Option<Cluster> {
    let place = std::fs::read_to_string(state.join("place")).ok()?;
    let (port, folder) = place.split_once(' ')?;
    let port = port.parse().ok()?;
    TcpStream::connect(SocketAddr::new(INSIDE, port)).ok()?;
    let cluster = Cluster::of_others(PathBuf::from(folder), port);
    cluster.ask("postgres", "SELECT 1").ok()?;
    Some(cluster)
}

fn make(state: &Path) -> Cluster {
    let mut cluster = Cluster::make();
    std::fs::write(state.join("uses"), "").unwrap();
    let server = cluster.command(&["max_connections=400".to_owned()]);
    let keeper = Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .args([state, cluster.folder()])
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(cluster.folder())
        // Whoever ends the test's group does not end the keeper.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // It outlives this process; nobody waits for it.
    drop(keeper.unwrap());
    cluster.wait();
    cluster.keep();
    std::fs::write(state.join("place"), format!("{} {}", cluster.port(), cluster.folder().display())).unwrap();
    cluster
}
