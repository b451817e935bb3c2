//! A wall clock that is stepped while the house runs, by libfaketime; monotonic time goes on as it does in nature.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use doorward_kit::{Clock as _, SystemClock, Timestamp};
use doorward_testkit::{House, OUTSIDE, Request, until};
use serde_json::json;

const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// A house and the file that sets its clock.
struct Stepped {
    house: House,
    clock: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stepped {
    fn start(limits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = folder.path().join("clock");
        std::fs::write(&clock, "+0").expect("written");
        let library = LIBRARIES.into_iter().find(|path| std::path::Path::new(path).exists()).expect("libfaketime is installed");
        let builder = limits.iter().fold(House::builder(), |builder, (scope, quota)| builder.limit(scope, quota));
        let house = builder
            .var("LD_PRELOAD", library)
            .var("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("UTF-8"))
            .var("FAKETIME_NO_CACHE", "1")
            .var("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start();
        Self { house, clock, _folder: folder }
    }

    /// Steps the clock to so many seconds off the true time, and sees in the log that the house goes by it.
    #[track_caller]
    fn step(&self, seconds: i64) {
        std::fs::write(&self.clock, format!("{seconds:+}")).expect("written");
        let path = format!("/stepped/{}", SystemClock.now().as_nanosecond());
        self.house.client_from(OUTSIDE).get(&path);
        let line = until(Duration::from_secs(10), "the request is logged", || {
            self.house.stderr().lines().find(|line| line.contains(&path)).map(str::to_owned)
        });
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let shown: Timestamp = line["timestamp"].as_str().and_then(|text| text.parse().ok()).expect("a time");
        let off = shown.duration_since(SystemClock.now()).as_secs() - seconds;
        assert!(off.abs() <= 60, "the clock shows {shown}, which is {off} s from what it was set to");
    }
}

#[test]
fn edge_rl_09_a_stepped_clock_neither_frees_a_caller_nor_keeps_one_out() {
    let stepped = Stepped::start(&[("edge", "10/h")]);
    let ask = || stepped.house.client().get("/nowhere").status;
    let statuses: Vec<u16> = (0..12).map(|_| ask()).collect();
    assert_eq!(statuses, [[404; 10].as_slice(), &[429; 2]].concat());
    for seconds in [3600, 7200, -3600, -86_400, 0] {
        stepped.step(seconds);
        let reply = stepped.house.client().get("/nowhere");
        let wait: u64 = reply.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert_eq!(reply.status, 429, "at {seconds} s");
        assert!((1..=3600).contains(&wait), "at {seconds} s one is to wait {wait} s");
    }
}

#[test]
fn edge_rl_09_a_bucket_fills_in_true_time_while_the_clock_stands_back() {
    let stepped = Stepped::start(&[("edge", "10/3s")]);
    stepped.step(-3600);
    let ask = || stepped.house.client().get("/nowhere").status;
    let begin = Instant::now();
    while ask() != 429 {
        assert!(begin.elapsed() < Duration::from_secs(30), "the limit is never reached");
    }
    let refused = Instant::now();
    while ask() != 404 {
        assert!(refused.elapsed() < Duration::from_secs(30), "the caller is kept out");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_applications_limits_do_not_follow_a_stepped_clock_either() {
    let stepped = Stepped::start(&[("auth_login", "3/h")]);
    let attempt = || {
        let request =
            Request::post("/api/auth/login").json(&json!({"email": "ada@app.test", "password": "a wrong but long guess"}));
        stepped.house.client().send(&request).status
    };
    assert_eq!([attempt(), attempt(), attempt(), attempt()], [401, 401, 401, 429]);
    for seconds in [3700, -3700, 0] {
        stepped.step(seconds);
        assert_eq!(attempt(), 429, "at {seconds} s");
    }
}
