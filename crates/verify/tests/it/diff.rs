//! Two runs on one site are the same; a change of the site is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_verify::Report;
use doorward_verify::diff::differences;
use serde_json::Value;

use crate::house::{Act, House, Reply};

fn evidence(report: &Report) -> Value {
    serde_json::to_value(&report.headers).expect("JSON")
}

/// Two runs on one site, of which the second sees the root changed.
async fn changed(change: fn(Reply) -> Reply) -> Vec<String> {
    let late = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&late);
    let house = House::tampered(move |asked, reply| {
        let is_changed = now.load(Ordering::SeqCst) && asked.is_get("/");
        Act::Reply(if is_changed { change(reply) } else { reply })
    })
    .await;
    let before = evidence(&house.look().await);
    late.store(true, Ordering::SeqCst);
    differences(&before, &evidence(&house.look().await))
}

fn tells(lines: &[String], words: &str) {
    assert!(lines.iter().any(|line| line.contains(words)), "no {words:?} in {lines:#?}");
}

#[tokio::test]
async fn two_runs_on_one_site_are_the_same() {
    let house = House::honest().await;
    let (first, second) = (evidence(&house.look().await), evidence(&house.look().await));
    assert_ne!(first, second, "run ids differ, so the comparison has something to leave out");
    assert_eq!(differences(&first, &second), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_status_value_order_or_number_of_fields_is_told() {
    tells(&changed(|reply| reply.status(204)).await, "probes/root-get/response/status: 200 → 204");
    let lines = changed(|reply| reply.set("x-frame-options", "SAMEORIGIN")).await;
    tells(&lines, "probes/root-get/response/headers/x-frame-options: DENY → SAMEORIGIN");
    tells(&lines, "checks/HDR-04 x-frame-options/verdict: pass → fail");
    tells(&changed(|reply| reply.without("x-content-type-options")).await, "x-content-type-options: nosniff → (nothing)");
    tells(&changed(|reply| reply.add("x-frame-options", "DENY")).await, "x-frame-options: DENY → DENY | DENY");
    let turned = |mut reply: Reply| {
        reply.fields.reverse();
        reply
    };
    tells(&changed(turned).await, "probes/root-get/response/headers in order");
}

#[tokio::test]
async fn what_is_new_each_time_is_left_out_and_its_absence_told() {
    let house = House::honest().await;
    let before = evidence(&house.look().await);
    let headers = |name: &str, value: &str| {
        let mut file = before.clone();
        let fields = file["probes"][0]["response"]["headers"].as_array_mut().expect("fields");
        fields.push(serde_json::json!([name, value]));
        file
    };
    let policy = |nonce: &str| headers("content-security-policy", &format!("script-src 'nonce-{nonce}'"));
    let cookie = |expires: &str| headers("set-cookie", &format!("a=<redacted>; Expires={expires}; Secure"));
    assert!(differences(&policy("abc"), &policy("def")).is_empty());
    assert!(differences(&cookie("Thu, 01 Jan"), &cookie("Fri, 02 Jan")).is_empty());
    assert!(differences(&headers("date", "now"), &headers("date", "then")).is_empty());
    assert!(differences(&headers("location", "/0123456789abcdef"), &headers("location", "/fedcba9876543210")).is_empty());
    assert!(!differences(&headers("date", "now"), &before).is_empty());
    let asset = |hash: &str| headers("link", &format!("</assets/app.{hash}.js>"));
    assert!(!differences(&asset("0123456789abcdef"), &asset("fedcba9876543210")).is_empty());
}

#[tokio::test]
async fn a_measured_time_is_left_out_and_its_verdict_is_not() {
    let report = evidence(&House::honest().await.look().await);
    let check = |id: &str, header: &str, observed: &str, verdict: &str| {
        let mut file = report.clone();
        file["probes"][0]["id"] = id.into();
        file["probes"][0]["checks"] =
            serde_json::json!([{"id": "VER-02", "header": header, "count": 1, "observed": observed, "verdict": verdict}]);
        file
    };
    let retry = |seconds: &str, verdict: &str| check("root-get", "retry-after", seconds, verdict);
    assert!(differences(&retry("60", "pass"), &retry("55", "pass")).is_empty());
    tells(&differences(&retry("60", "pass"), &retry("55", "fail")), "VER-02 retry-after/verdict: pass → fail");
    let clock = |gap: &str| check("timing-recovery", "clock", gap, "pass");
    assert!(differences(&clock("0.4 ms"), &clock("0.6 ms")).is_empty());
    let status = |status: &str| check("root-get", "status", status, "pass");
    tells(&differences(&status("200"), &status("204")), "VER-02 status/observed: 200 → 204");
}
