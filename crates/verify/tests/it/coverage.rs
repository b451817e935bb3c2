//! What is looked at.

use std::collections::BTreeSet;

use doorward_verify::evidence::CheckVerdict;

use crate::house::{Act, House, look};

/// What an outsider says of himself.
const SPOOFS: &[&str] = &[
    "spoof-x-forwarded-for",
    "spoof-x-real-ip",
    "spoof-forwarded",
    "spoof-true-client-ip",
    "spoof-cf-connecting-ip",
    "spoof-x-client-ip",
];

/// The ids that readers of reports rely on.
pub(crate) const STABLE: &[&str] = &[
    "root-get",
    "root-head",
    "root-options",
    "root-h2",
    "page-sign-in",
    "asset",
    "page-404",
    "api-health-get",
    "api-401",
    "api-404",
    "api-405",
    "api-413",
    "upstream-502",
    "http-redirect",
    "http-api",
    "gate-desk-outside-none",
    "gate-desk-outside-wrong",
    "gate-desk-outside-right",
    "gate-desk-inside-none",
    "gate-desk-inside-wrong",
    "gate-desk-inside-right",
    "api-429",
    "tls-1-0",
    "tls-1-1",
    "framing-two-lengths",
    "framing-length-and-coding",
    "framing-signed-length",
    "framing-unknown-coding",
    "framing-space-before-colon",
    "framing-folded-line",
    "framing-bare-return",
    "framing-zero-octet",
    "framing-two-hosts",
    "framing-no-host",
    "framing-dots-in-path",
    "framing-slash-in-path",
    "spoof-x-forwarded-for",
    "spoof-x-real-ip",
    "spoof-forwarded",
    "spoof-true-client-ip",
    "spoof-cf-connecting-ip",
    "spoof-x-client-ip",
    "identity-fields",
    "identity-aliases",
    "exposure-routes",
    "exposure-unknown-host",
    "exposure-internal",
    "exposure-ports",
    "csrf-login-origin",
    "csrf-login-site",
    "csrf-logout-missing",
    "csrf-logout-foreign",
    "csrf-session-lives",
    "signup-known",
    "signup-unknown",
    "forgot-known",
    "forgot-unknown",
    "reset-invented",
    "reset-malformed",
    "reset-once",
    "reset-used",
    "session-sign-in",
    "session-me",
    "session-planted",
    "session-sign-out",
    "session-replayed",
    "trail-chain",
    "trail-events",
    "canary-sinks",
    "canary-log",
];

#[tokio::test]
async fn an_honest_site_is_right() {
    let house = House::honest().await;
    let report = house.look().await;
    assert_eq!(report.headers.failures, Vec::<String>::new());
    assert!(report.is_ok());
}

#[tokio::test]
async fn ver_02_every_class_of_answer_is_looked_at() {
    let house = House::honest().await;
    let report = house.look().await;
    let mut ids: Vec<&str> = report.headers.probes.iter().map(|probe| probe.id.as_str()).collect();
    // One look for each declared or internal path.
    ids.dedup();
    assert_eq!(ids, STABLE);
    let statuses: BTreeSet<u16> = report.headers.probes.iter().filter_map(|p| Some(p.response.as_ref()?.status)).collect();
    assert_eq!(statuses, BTreeSet::from([200, 303, 308, 400, 401, 403, 404, 405, 413, 421, 429]));
    for probe in report.headers.probes.iter().filter(|probe| probe.response.is_some()) {
        assert!(probe.checks.iter().any(|check| check.header == "content-security-policy"), "{}", probe.id);
    }
}

#[tokio::test]
async fn ver_02_the_answer_of_a_stopped_upstream_is_looked_at_when_the_operator_says_so() {
    let house = House::tampered(|asked, reply| Act::Reply(if asked.is_get("/down") { reply.status(502) } else { reply })).await;
    let mut options = house.options();
    options.stopped = Some("/down".into());
    let report = look(&house.plan(options)).await;
    let probe = report.headers.probes.iter().find(|probe| probe.id == "upstream-502").expect("planned");
    assert_eq!(probe.response.as_ref().map(|response| response.status), Some(502));
    assert!(report.is_ok(), "{:?}", report.headers.failures);
}

#[tokio::test]
async fn ver_02_each_class_that_answers_with_another_status_is_named() {
    for (id, target) in
        [("api-health-get", "/api/health"), ("api-401", "/api/auth/me"), ("asset", "/assets/doorward/site.0a1b2c3d.css")]
    {
        let house =
            House::tampered(move |asked, reply| Act::Reply(if asked.is_get(target) { reply.status(418) } else { reply })).await;
        let report = house.look().await;
        assert!(report.headers.failures.iter().any(|line| line.starts_with(&format!("{id}: status: is 418"))), "{id}");
    }
}

#[tokio::test]
async fn ver_02_a_limiter_that_never_limits_is_a_deviation() {
    let house =
        House::tampered(|asked, reply| Act::Reply(if asked.is_get("/api/auth/csrf") { reply.status(200) } else { reply })).await;
    let report = house.look().await;
    assert!(
        report.headers.failures.contains(&"api-429: status: is 200 instead of 429".to_owned()),
        "{:?}",
        report.headers.failures
    );
}

#[tokio::test]
async fn ver_02_a_page_without_a_hashed_asset_is_a_deviation() {
    let house = House::tampered(|asked, mut reply| {
        if asked.is_get("/account/sign-in") {
            reply.body.clear();
        }
        Act::Reply(reply)
    })
    .await;
    let report = house.look().await;
    assert_eq!(report.headers.failures, ["asset: the page refers to no hashed asset"]);
}

#[tokio::test]
async fn what_cannot_be_looked_at_fails_the_run_unless_it_was_declared() {
    let house = House::honest().await;
    let mut options = house.options();
    options.inside = None;
    let report = look(&house.plan(options.clone())).await;
    assert!(!report.is_ok());
    let (spoofs, others): (Vec<_>, Vec<_>) = report.headers.failures.iter().partition(|line| line.starts_with("spoof-"));
    assert_eq!(spoofs.len(), SPOOFS.len());
    assert_eq!(
        others,
        [
            "gate-desk-inside-none: skipped: no inside address was given",
            "gate-desk-inside-wrong: skipped: no inside address was given"
        ]
    );
    options.declared = vec!["gate-desk-inside-none".into(), "gate-desk-inside-wrong".into()];
    options.declared.extend(SPOOFS.iter().map(ToString::to_string));
    let report = look(&House::honest().await.plan(options)).await;
    let of_plan = report.headers.probes.iter().filter(|probe| probe.class != "flow");
    let skipped = of_plan.filter(|probe| probe.checks.iter().any(|check| check.verdict == CheckVerdict::Skip));
    assert_eq!(skipped.count(), 5);
}

#[tokio::test]
async fn ver_16_a_run_asks_nothing_that_could_change_an_account() {
    let house = House::honest().await;
    house.look().await;
    for (asked, _) in house.said() {
        let harmless = matches!(asked.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            || (asked.method == "DELETE" && asked.target == "/api/health")
            || (asked.method == "POST" && asked.target == "/api/auth/login" && asked.field("content-length") == Some("8193"))
            // Nobody has these addresses, and another site's requests are refused before anybody looks.
            || (asked.method == "POST" && asked.target == "/api/auth/login" && asked.body.contains("@doorward-verify.invalid"))
            // Refused before anybody reads what it asks for.
            || asked.method == crate::house::AMBIGUOUS
            // Nobody was sent these links.
            || (asked.method == "POST" && asked.target == "/api/auth/reset-password");
        assert!(harmless, "{} {}", asked.method, asked.target);
    }
}
