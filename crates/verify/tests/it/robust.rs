//! A site that misbehaves ends in a report, never in a panic and never in green.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use doorward_verify::Plan;
use doorward_verify::evidence::{CheckVerdict, Probe};

use crate::house::{Act, House, SITE, impatient, look};

#[tokio::test]
async fn ver_04_a_site_that_dies_in_the_middle_is_written_down_as_not_ok() {
    let count = Arc::new(AtomicU32::new(0));
    let house =
        House::tampered(move |_, reply| if count.fetch_add(1, Ordering::SeqCst) < 5 { Act::Reply(reply) } else { Act::Close })
            .await;
    let report = house.look_quickly().await;
    let dir = tempfile::tempdir().expect("a folder");
    report.write(&dir.path().join("meta")).expect("written all the same");
    let text = std::fs::read_to_string(dir.path().join("meta/security-headers.json")).expect("the file");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["ok"], false);
    assert!(json["probes"][4]["response"].is_object());
    assert_eq!(json["probes"][7]["error"], "the connection ended before the answer did");
    assert!(!report.is_ok());
}

#[tokio::test]
async fn ver_04_nobody_listening_is_written_down_as_not_ok() {
    let origin = format!("https://127.0.0.1:{}", {
        let listener = crate::house::listen().await;
        crate::house::port(&listener)
    });
    let plan = Plan::for_stranger(
        &origin.parse().expect("an origin"),
        doorward_verify::Options::default(),
        &doorward_kit::SystemEntropy,
    );
    let report = look(&plan).await;
    assert!(!report.is_ok());
    assert!(report.headers.failures[0].starts_with("root-get: no connection"), "{:?}", report.headers.failures);
}

#[tokio::test]
async fn ver_04_answers_that_are_not_http_are_errors() {
    let cases: &[&[u8]] = &[
        b"\x16\x03\x01\x02\x00nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: 1\r\n folded: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc0\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"",
    ];
    for raw in cases {
        let house =
            House::tampered(|asked, reply| if asked.is_get("/") { Act::Raw(raw.to_vec()) } else { Act::Reply(reply) }).await;
        let report = house.look_quickly().await;
        assert!(report.headers.probes[0].error.is_some(), "{:?}", String::from_utf8_lossy(raw));
        assert!(report.headers.failures[0].starts_with("root-get: "), "{:?}", report.headers.failures);
    }
}

#[tokio::test]
async fn ver_04_an_endless_answer_comes_to_an_end() {
    let house = House::tampered(|asked, reply| {
        if !asked.is_get("/") {
            return Act::Reply(reply);
        }
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        head.resize(512 * 1024, b'x');
        Act::Raw(head)
    })
    .await;
    let report = house.look_quickly().await;
    assert!(
        report.headers.probes[0].error.as_deref().is_some_and(|error| error.contains("64 KiB")),
        "{:?}",
        report.headers.probes[0].error
    );
}

#[tokio::test]
async fn ver_04_a_timeout_is_an_error_of_its_probe_alone() {
    let house = House::tampered(|asked, reply| if asked.is_get("/api/health") { Act::Hang } else { Act::Reply(reply) }).await;
    let report = look(&impatient(house.plan(house.options()))).await;
    assert_eq!(report.headers.failures, ["api-health-get: no whole answer within 400 ms"]);
}

#[tokio::test]
async fn ver_15_a_probe_may_take_five_seconds_and_a_run_a_minute() {
    let house = House::honest().await;
    let plan = house.plan(house.options());
    assert_eq!((plan.limits.probe, plan.limits.whole), (Duration::from_secs(5), Duration::from_secs(60)));
    let started = Instant::now();
    let report = look(&plan).await;
    assert!(report.is_ok(), "{:?}", report.headers.failures);
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(report.headers.probes.iter().all(|probe| probe.elapsed_ms < 5_000));
}

#[tokio::test]
async fn ver_15_a_site_that_hangs_on_everything_cannot_hold_the_run() {
    let house = House::tampered(|_, _| Act::Hang).await;
    let mut plan = house.plan(house.options());
    plan.limits.probe = Duration::from_millis(100);
    plan.limits.whole = Duration::from_millis(450);
    let started = Instant::now();
    let report = look(&plan).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    let errors: Vec<_> = report.headers.probes.iter().filter_map(|probe| probe.error.as_deref()).collect();
    assert!(errors[0].contains("100 ms"), "{errors:?}");
    assert_eq!(errors.last(), Some(&"the run's time is used up"));
    // Every look is accounted for: made, or left out by declaration.
    let is_skipped = |probe: &&Probe| probe.checks.iter().any(|check| check.verdict == CheckVerdict::Skip);
    let skipped = report.headers.probes.iter().filter(is_skipped).count();
    assert_eq!(errors.len() + skipped, report.headers.probes.len());
    assert!(report.headers.urls.root.contains(SITE));
}
