//! The binary as a service manager starts it: a user of its own, a read-only file system, one capability (CFG-06).

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_testkit::{EchoUpstream, House, Start, binary};

/// `nobody` on every system.
const NOBODY: u32 = 65_534;

/// `CAP_NET_BIND_SERVICE` alone, as `/proc` writes it.
const BIND_ALONE: &str = "0000000000000400";

/// Mounts everything read-only but the data folder, gives up every capability but one, becomes nobody, and then the binary. Its words:
/// the binary, the data folder, the arguments.
const CONFINE: &str = r#"
binary=$1 data=$2; shift 2
set -e
touch "$data.binary" && mount --bind "$binary" "$data.binary"
mount --bind "$data" "$data"
awk '{ print $2 }' /proc/self/mounts | while read -r at; do
    case $at in /proc*|/sys*|"$data") ;; *) mount -o remount,bind,ro "$at" 2>/dev/null || true ;; esac
done
mount -o remount,bind,ro /
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service \
    "$data.binary" "$@"
"#;

/// Root is needed to become somebody else; `sudo` where the tests run as a person.
fn as_root() -> Vec<String> {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    if id.trim_ascii() == b"0" { Vec::new() } else { vec!["sudo".into(), "-n".into()] }
}

fn confined(folder: &Path) -> Vec<String> {
    let data = folder.join("data");
    let mut words = as_root();
    let own = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CONFINE, "sh"];
    words.extend(own.map(str::to_owned));
    words.extend([binary().display().to_string(), data.display().to_string()]);
    hand_over(folder);
    words
}

/// Root here, or of a user namespace where the tests run as a person.
fn rooted(_: &Path) -> Vec<String> {
    if as_root().is_empty() { Vec::new() } else { ["unshare", "--user", "--map-root-user"].map(str::to_owned).to_vec() }
}

/// Everything that the house reads belongs to nobody.
fn hand_over(path: &Path) {
    if as_root().is_empty() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    } else {
        assert!(Command::new("sudo").args(["-n", "chown", "65534:65534"]).arg(path).status().unwrap().success());
    }
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| hand_over(&entry.unwrap().path()));
    }
}

/// A port that only root or the capability may bind.
fn privileged_port() -> u16 {
    (601..1000).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port below 1024")
}

/// What the kernel says of the process.
fn status(pid: u32, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in\n{text}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Files that the process holds open for writing.
fn open_for_writing(pid: u32) -> Vec<PathBuf> {
    // Only root may look into the process of another user.
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        assert!(!as_root().is_empty());
        return Vec::new();
    };
    let writes = |number: &std::ffi::OsStr| {
        let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy())).unwrap_or_default();
        let flags = info
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .map_or(0, |text| u32::from_str_radix(text.trim(), 8).unwrap());
        flags & 0b11 != 0
    };
    let found = entries.filter_map(Result::ok).filter(|entry| writes(&entry.file_name()));
    found
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| path.is_absolute() && !path.starts_with("/dev"))
        .collect()
}

#[test]
fn cfg_06_the_house_lives_as_nobody_on_a_read_only_system_with_one_capability() {
    let web = EchoUpstream::start("web");
    let port = privileged_port();
    let builder = House::builder().https_port(port).echo(&web).route("/", "web", "public");
    let mut house = builder.edit("danger_run_as_root = true\n", "").by(confined).start();
    let pid = house.pid();
    assert!(port < 1024);
    assert_eq!((status(pid, "Uid"), status(pid, "Gid")), ("65534 65534 65534 65534".into(), "65534 65534 65534 65534".into()));
    for set in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
        assert_eq!(status(pid, set), BIND_ALONE, "{set}");
    }
    assert_eq!((status(pid, "NoNewPrivs"), status(pid, "Groups")), ("1".into(), String::new()));
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mounts")).unwrap();
    let data = house.data_dir();
    // What is mounted over something hides it: the last one of a place counts.
    let words = |line: &'_ str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let last: BTreeMap<String, String> = mounts.lines().map(words).map(|words| (words[1].clone(), words[3].clone())).collect();
    for (at, options) in &last {
        let wanted = if Path::new(at) == data { "rw" } else { "ro" };
        let is_kernels = at.starts_with("/proc") || at.starts_with("/sys");
        assert!(is_kernels || options.split(',').any(|option| option == wanted), "{at}: {options}");
    }
    assert!(last.contains_key("/") && last.contains_key(&data.display().to_string()), "{mounts}");
    // A whole life: database, mail, audit, sessions, pages, upstream, a reload.
    let mut ada = house.member("ada@app.test");
    ada.get("/api/auth/me").expect(200);
    ada.get("/").expect(200);
    house.hang_up();
    house.wait_for_reload(0);
    for path in open_for_writing(pid) {
        let is_log = path.parent() == Some(house.folder()) && path.extension().is_some_and(|end| end == "out" || end == "err");
        assert!(is_log || path.starts_with(&data), "{} is open for writing", path.display());
    }
    for made in doorward_testkit::canary::files_below(&data) {
        let seen = std::fs::metadata(&made).unwrap();
        assert_eq!((seen.uid(), seen.mode() & 0o077), (NOBODY, 0), "{}", made.display());
    }
    let log = house.stderr();
    assert!(!log.contains("Read-only file system") && !log.contains("Permission denied"), "{log}");
    assert_eq!(house.stop(), Some(0), "{}", house.stderr());
}

#[test]
fn cfg_06_root_is_refused_outside_development_unless_the_danger_is_named() {
    let house = || House::builder().by(rooted);
    for env in ["staging", "production"] {
        let refused = house().env(env).edit("danger_run_as_root = true\n", "").try_start();
        let Start::Refused { code, stderr, .. } = refused else { panic!("{env}: root may serve") };
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("refused to serve as root") && stderr.contains("site.danger_run_as_root"), "{stderr}");
    }
    assert!(matches!(house().try_start(), Start::Ready));
    assert!(matches!(house().env("development").edit("danger_run_as_root = true\n", "").try_start(), Start::Ready));
}

#[test]
fn cfg_06_the_unit_asks_for_no_more_than_that() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/doorward.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    for line in [
        "User=doorward",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "StateDirectory=doorward",
        "StateDirectoryMode=0700",
        "MemoryDenyWriteExecute=yes",
        "LimitCORE=0",
        "RestartPreventExitStatus=2",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}");
    }
    assert!(!text.contains("ReadWritePaths") && !text.lines().any(|line| line.starts_with("User=root")), "{text}");
    // The service manager's own opinion, of the unit with this build in place of an installed one.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("doorward.service");
    std::fs::write(&copy, text.replace("/usr/bin/doorward", &binary().display().to_string())).unwrap();
    let say = |words: &[&str]| Command::new("systemd-analyze").args(words).arg(&copy).output().expect("systemd-analyze is there");
    let verified = say(&["verify", "--man=no"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let judged = say(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
