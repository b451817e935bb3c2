//! Files that appear whole or not at all.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use doorward_kit::SystemEntropy;
use doorward_verify::{Options, Plan, Report};

use crate::house::{House, look};

const FILE: &str = "security-headers.json";
const CHILD: &str = "DOORWARD_VERIFY_WRITER";

/// A report that takes a while to write.
async fn long_report() -> Report {
    let origin = "https://127.0.0.1:9".parse().expect("an origin");
    let mut plan = Plan::for_stranger(&origin, Options::default(), &SystemEntropy);
    plan.limits.whole = Duration::ZERO;
    let mut report = look(&plan).await;
    report.headers.failures = (0..20_000).map(|number| format!("root-get: failure number {number}")).collect();
    report
}

#[tokio::test]
#[ignore = "the child that the crash test kills"]
async fn writer_child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let report = long_report().await;
    loop {
        report.write(Path::new(&dir)).expect("written");
    }
}

#[test]
fn ver_05_a_writer_that_is_killed_leaves_a_whole_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE);
    std::fs::write(&path, "{\"old\": true}\n").expect("the old file");
    let mut replaced = false;
    let mut round = 0;
    // Until it was stopped often enough, and at least once after it had put a file in place.
    while round < 12 || !replaced {
        assert!(round < 200, "the child never writes");
        round += 1;
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "file::writer_child", "--ignored", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("a child");
        // Wait until it writes, then stop it at a moment of its own.
        let before = std::fs::read_dir(dir.path()).expect("a folder").count();
        while std::fs::read_dir(dir.path()).expect("a folder").count() == before && child.try_wait().expect("a child").is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(700 * (round % 40)));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.ends_with("}\n"));
        let json: serde_json::Value = serde_json::from_str(&text).expect("whole");
        let new = json["failures"].as_array().map(Vec::len) == Some(20_000);
        assert!(new || (json["old"] == true && !replaced));
        replaced = new;
    }
}

#[tokio::test]
async fn ver_05_where_nothing_can_be_written_the_old_file_stays() {
    let report = long_report().await;
    let dir = tempfile::tempdir().expect("a folder");
    // The second file cannot take its place: a folder with something in it stands there.
    std::fs::create_dir_all(dir.path().join("verification-report.json/x")).expect("a folder");
    let error = report.write(dir.path()).expect_err("not writable");
    assert!(error.path.ends_with("verification-report.json"));
    assert!(dir.path().join("verification-report.json/x").exists());
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("a folder").filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
    let blocked = dir.path().join(FILE);
    assert!(report.write(&blocked).is_err(), "a file is no folder");
    assert!(serde_json::from_slice::<serde_json::Value>(&std::fs::read(&blocked).expect("still there")).is_ok());
}

#[tokio::test]
async fn ver_05_a_run_has_one_id_utc_times_and_files_that_anybody_may_read() {
    let house = House::honest().await;
    let (first, second) = (house.look().await, house.look().await);
    assert_ne!(first.headers.run_id, second.headers.run_id);
    assert_eq!(first.headers.run_id, first.verification.run_id);
    assert!(first.headers.started_at.ends_with('Z') && first.headers.started_at <= first.headers.finished_at);
    let dir = tempfile::tempdir().expect("a folder");
    first.write(dir.path()).expect("written");
    second.write(dir.path()).expect("written again");
    for name in [FILE, "verification-report.json"] {
        let mode = std::fs::metadata(dir.path().join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 2);
}
