//! Forged requests, known and unknown addresses, links of recovery and sessions: each control is taken away in turn, and named.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorward_kit::{SystemClock, SystemEntropy};
use doorward_verify::{Options, Report};

use crate::accounts_site::Landlord;
use crate::house::House;

/// What is taken away, and the looks that must show it: those and no others.
const SABOTAGES: &[(&str, &[&str])] = &[
    ("any origin", &["csrf-login-origin"]),
    ("any site", &["csrf-login-site"]),
    ("no token", &["csrf-logout-missing"]),
    ("any token", &["csrf-logout-foreign"]),
    ("refusal ends session", &["csrf-logout-foreign", "csrf-session-lives"]),
    ("known sign-up", &["signup-known", "signup-unknown"]),
    ("unknown sign-up", &["signup-unknown"]),
    ("known forgot", &["forgot-known", "forgot-unknown"]),
    ("unknown forgot", &["forgot-unknown"]),
    // The others are held to what the first one got.
    ("talkative reset", &["reset-invented", "reset-malformed", "reset-used"]),
    ("malformed reset", &["reset-malformed"]),
    ("dead link", &["reset-once"]),
    ("eternal link", &["reset-used"]),
    ("keeps credentials", &["session-planted", "session-sign-in"]),
    ("adopts credentials", &["session-planted"]),
    ("me refuses", &["csrf-session-lives", "session-me"]),
    ("keeps cookies", &["session-sign-out"]),
    ("keeps sessions", &["session-replayed"]),
];

/// Looks at the wire and the clock, which know nothing of accounts and have tests of their own.
fn elsewhere() -> Vec<String> {
    let starts = ["framing-", "spoof-", "identity-", "tls-", "timing-", "limit-"];
    let ids = crate::coverage::STABLE.iter().filter(|id| starts.iter().any(|start| id.starts_with(start)) || **id == "api-429");
    ids.map(ToString::to_string).collect()
}

/// With a flaw, and hands on the site's side.
async fn look(flaw: &'static str) -> (House, Report) {
    let house = House::honest().await;
    house.accounts.weaken(flaw);
    let options = Options { from_afar: false, declared: elsewhere(), ..house.options() };
    let plan = house.plan(options);
    let hands = Landlord(house.accounts.clone());
    let report = Box::pin(doorward_verify::run_watched(&plan, Some(&hands), Arc::new(SystemClock), &SystemEntropy, |_| {})).await;
    (house, report)
}

fn failures(report: &Report) -> BTreeSet<String> {
    report.headers.failures.iter().cloned().collect()
}

/// Ids of what is wrong.
fn ids(failures: &BTreeSet<String>) -> Vec<&str> {
    let ids: BTreeSet<&str> = failures.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    ids.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_whose_accounts_are_right_passes_and_keeps_nobody() {
    let (house, report) = look("").await;
    assert_eq!(failures(&report), BTreeSet::new());
    let flows = report.verification.auth_flows;
    let all = [flows.csrf_rejected, flows.signup_uniform, flows.forgot_identical, flows.reset_generic];
    assert_eq!(all, [Some(true); 4]);
    assert!(!report.verification.artifacts.missing.contains(&"VER-11"));
    assert_eq!(house.accounts.left(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn ver_11_each_control_that_is_taken_away_is_named_and_nothing_else() {
    for (flaw, expected) in SABOTAGES {
        let (house, report) = look(flaw).await;
        assert_eq!(ids(&failures(&report)), *expected, "{flaw}: {:#?}", report.headers.failures);
        assert!(!report.is_ok(), "{flaw}");
        let flows = report.verification.auth_flows;
        let seen =
            |start: &str| !expected.iter().any(|id| id.starts_with(start) && *id != "csrf-session-lives" && *id != "reset-once");
        assert_eq!(flows.csrf_rejected, Some(seen("csrf-")), "{flaw}");
        assert_eq!(flows.signup_uniform, Some(seen("signup-")), "{flaw}");
        assert_eq!(flows.forgot_identical, Some(seen("forgot-")), "{flaw}");
        assert_eq!(flows.reset_generic, Some(seen("reset-")), "{flaw}");
        assert_eq!(house.accounts.left(), Vec::<String>::new(), "{flaw}: throw-away accounts go whatever was found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_of_these_flows_is_shown_to_fail() {
    let report = look("").await.1;
    let ours = ["csrf-", "signup-", "forgot-", "reset-", "session-"];
    let known = report.headers.probes.iter().map(|probe| probe.id.as_str());
    let known: BTreeSet<&str> = known.filter(|id| ours.iter().any(|start| id.starts_with(start))).collect();
    let shown: BTreeSet<&str> = SABOTAGES.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    assert_eq!(known, shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_sign_up_is_the_same_for_everybody() {
    let (_, report) = look("sign-up is closed").await;
    assert_eq!(failures(&report), BTreeSet::new());
    assert_eq!(report.verification.auth_flows.signup_uniform, Some(true));
}
