//! Debian packages.

use std::{path::Path, process::Command, time::Duration};

use crate::{error::TaskError, process, tree};

/// A package, the way to see that it is there, and why it is wanted.
pub(crate) struct Package {
    name: &'static str,
    present: fn() -> bool,
    reason: &'static str,
}

const NGINX: Package =
    Package { name: "nginx", present: || on_path("nginx"), reason: "takes an exported policy, and is the yardstick of speed" };
const CADDY: Package =
    Package { name: "caddy", present: || on_path("caddy"), reason: "takes an exported policy, and is measured beside ours" };

/// What the tests use.
pub(crate) const FOR_TESTS: &[Package] = &[
    Package { name: "python3", present: || on_path("python3"), reason: "runs FastAPI and Django behind the door" },
    Package { name: "python3-venv", present: has_venv, reason: "keeps their packages out of the system" },
    Package { name: "redis-server", present: || on_path("redis-server"), reason: "counts for several nodes" },
    Package {
        name: "postgresql",
        present: || Path::exists(Path::new("/usr/lib/postgresql")),
        reason: "keeps the accounts of several nodes",
    },
    Package {
        name: "pebble",
        present: || on_path("pebble") && on_path("pebble-challtestsrv"),
        reason: "issues certificates as the authority does",
    },
    Package { name: "systemd", present: || on_path("systemd-analyze"), reason: "reads the unit as the service manager does" },
    Package {
        name: "sqlite3",
        present: || on_path("sqlite3"),
        reason: "reads a database that was left in the middle of something",
    },
    Package { name: "libfaketime", present: has_faketime, reason: "steps a server's clock while it runs" },
    Package { name: "chromium", present: || on_path("chromium"), reason: "signs up and in as a person does" },
    Package { name: "chromium-driver", present: || on_path("chromedriver"), reason: "lets the tests drive the browser" },
    NGINX,
    CADDY,
];

/// What the benchmarks use on top.
pub(crate) const FOR_BENCH: &[Package] = &[
    NGINX,
    Package { name: "haproxy", present: || on_path("haproxy"), reason: "is measured beside ours" },
    CADDY,
    Package { name: "nghttp2-client", present: || on_path("h2load"), reason: "makes the load over HTTP/2" },
    Package { name: "wrk", present: || on_path("wrk"), reason: "makes the load" },
    Package { name: "curl", present: || on_path("curl"), reason: "sees that all servers answer alike" },
    Package { name: "openssl", present: || on_path("openssl"), reason: "makes the certificate they share" },
    Package { name: "argon2", present: || on_path("argon2"), reason: "the reference implementation of the password hash" },
    Package { name: "util-linux", present: || on_path("taskset"), reason: "keeps each server on its core" },
];

/// Installs those that are not there.
///
/// # Errors
/// When packages are missing and this is no Debian, or no way to become root, or the installation fails.
pub(crate) fn install(packages: &[Package]) -> Result<(), TaskError> {
    let missing: Vec<&Package> = packages.iter().filter(|package| !(package.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("setup: apt-get install {} ({})", package.name, package.reason);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let root = Root::find(&names)?;
    apt_get(&root, &["update", "-q"], Duration::from_secs(300))?;
    let mut words = vec!["install", "-y", "-q", "--no-install-recommends"];
    words.extend(&names);
    apt_get(&root, &words, Duration::from_secs(900))
}

/// How packages may be installed here.
enum Root {
    Already,
    Sudo,
}

impl Root {
    fn find(names: &[&str]) -> Result<Self, TaskError> {
        let by_hand = format!("install {} by hand, or use `cargo xtask test --quick`", names.join(", "));
        if !on_path("apt-get") {
            return Err(TaskError::Undone(format!("there is no apt-get here: {by_hand}")));
        }
        let user = process::output(process::command("id").arg("-u"), Duration::from_secs(5))?;
        match user.trim() {
            "0" => Ok(Self::Already),
            _ if on_path("sudo") => Ok(Self::Sudo),
            _ => Err(TaskError::Undone(format!("neither root nor sudo: {by_hand}"))),
        }
    }

    fn command(&self) -> Command {
        match self {
            Self::Already => process::command("apt-get"),
            Self::Sudo => {
                // -n: a task that waits for a password that nobody types would hang.
                let mut command = process::command("sudo");
                command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
                command
            }
        }
    }
}

fn apt_get(root: &Root, words: &[&str], limit: Duration) -> Result<(), TaskError> {
    let mut command = root.command();
    // Another apt-get may be at work; wait for its lock instead of failing.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=120"]).args(words);
    process::output(&mut command, limit).map(|_| ())
}

fn on_path(name: &str) -> bool {
    tree::program(name).is_some()
}

fn has_faketime() -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    folders.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).any(|path| path.exists())
}

/// Debian splits `ensurepip` off, so that `python3 -m venv` is there and fails. An environment made earlier proves it works.
fn has_venv() -> bool {
    Path::exists(&tree::tools().join("bin/pip"))
        || process::output(process::command("python3").args(["-c", "import venv, ensurepip"]), Duration::from_secs(20)).is_ok()
}
