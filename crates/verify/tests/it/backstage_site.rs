//! A site that is not at loopback, with hands on its side: ports, routes, the trail and planted secrets, each shown to fail.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_kit::{Secret, SystemClock, SystemEntropy, Timestamp};
use doorward_verify::{Backstage, BackstageError, Options, Pin, Report, Sink, TrailState};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::house::{Act, House, SITE};

/// Where nothing listens but the site of one test.
fn quiet_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let of_process = u8::try_from(std::process::id() % 250).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::new(127, 77, of_process, NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Hands that do everything right, unless a test makes them.
#[derive(Default)]
struct Hands {
    faults: Vec<String>,
    events: Vec<&'static str>,
    /// What the sinks hold, by name; a log is one only where a test gives it.
    sinks: Vec<(&'static str, usize)>,
    is_broken: bool,
    planted: Mutex<Vec<String>>,
}

#[async_trait]
impl Backstage for Hands {
    async fn add_account(&self, _: &str, _: &Secret<String>) -> Result<(), BackstageError> {
        Err(BackstageError("nobody moves in here".into()))
    }

    async fn remove_account(&self, _: &str) -> Result<(), BackstageError> {
        Ok(())
    }

    async fn recovery_token(&self, _: &str) -> Result<Secret<String>, BackstageError> {
        Err(BackstageError("nobody lives here".into()))
    }

    async fn trail(&self, _: Timestamp) -> Result<TrailState, BackstageError> {
        if self.is_broken {
            return Err(BackstageError("the trail is out of reach".into()));
        }
        Ok(TrailState { faults: self.faults.clone(), events: self.events.iter().map(ToString::to_string).collect() })
    }

    async fn search(&self, planted: &[Secret<String>]) -> Result<Vec<Sink>, BackstageError> {
        if self.is_broken {
            return Err(BackstageError("the store is out of reach".into()));
        }
        self.planted.lock().expect("nobody panicked").extend(planted.iter().map(|secret| secret.expose().clone()));
        Ok(self.sinks.iter().map(|(name, hits)| Sink { name: (*name).to_owned(), hits: *hits }).collect())
    }
}

/// Everything that a run may have left.
const EVENTS: &[&str] = &[
    "csrf.rejected",
    "password.reset_failed",
    "password.reset_requested",
    "password.reset",
    "auth.login",
    "auth.login_failed",
    "auth.logout",
    "auth.signup",
    "session.created",
    "ratelimit.exceeded",
    "gate.denied",
];

fn clean() -> Hands {
    Hands { sinks: vec![("store", 0), ("log", 0)], events: EVENTS.to_vec(), ..Hands::default() }
}

/// Lends the site an address that is not the machine's usual one.
async fn lend(here: IpAddr, port: u16) {
    let listener = TcpListener::bind((here, port)).await.expect("a free port");
    tokio::spawn(async move {
        while let Ok((mut near, peer)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                // The site sees who comes.
                let _ = socket.bind(SocketAddr::new(peer.ip(), 0));
                let Ok(mut far): Result<TcpStream, _> = socket.connect(SocketAddr::new(crate::house::INSIDE, port)).await else {
                    return;
                };
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
}

/// Gives the site of a test an address of its own.
async fn at_home(house: &House) -> IpAddr {
    let here = quiet_address();
    lend(here, house.https).await;
    lend(here, house.http).await;
    here
}

fn options(house: &House, here: IpAddr) -> Options {
    let pins = house.options().pins.into_iter().map(|pin| Pin { address: here, ..pin });
    Options { pins: pins.collect(), from_afar: false, declared: vec!["api-429".into()], ..house.options() }
}

async fn look(house: &House, here: IpAddr, hands: &Hands) -> Report {
    let plan = house.plan(options(house, here));
    doorward_verify::run_watched(&plan, Some(hands), Arc::new(SystemClock), &SystemEntropy, |_| {}).await
}

/// What is wrong with the looks of this file.
fn wrong(report: &Report) -> Vec<&str> {
    let ours = |line: &&String| ["exposure-", "trail-", "canary-"].iter().any(|start| line.starts_with(start));
    report.headers.failures.iter().filter(ours).map(String::as_str).collect()
}

fn row(report: &Report, id: &str) -> String {
    let row = report.verification.checks.iter().find(|row| row.id == id).expect("the row was looked at");
    format!("{:?}", row.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_as_declared_has_nothing_wrong() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    let hands = clean();
    let report = look(&house, here, &hands).await;
    assert_eq!(wrong(&report), Vec::<&str>::new());
    for id in ["EXPO-01", "EXPO-03", "EXPO-04", "EXPO-12", "AUD-01", "AUD-07", "VER-12"] {
        assert_eq!(row(&report, id), "Pass", "{id}");
    }
    let exposure = report.verification.exposure.as_ref().expect("looked at");
    assert!(exposure.unexpected.is_empty() && exposure.declared == exposure.observed, "{exposure:?}");
    assert!(report.verification.audit.is_some_and(|audit| audit.chain_ok));
    let scan = report.verification.secrets_scan.as_ref().expect("looked at");
    assert_eq!((scan.hits, scan.sinks.as_slice()), (0, &["store".to_owned(), "log".to_owned()][..]));
    let planted = hands.planted.lock().expect("nobody panicked").clone();
    assert_eq!(planted.len(), scan.canaries);
    let text = format!("{report:?}");
    assert!(planted.len() >= 3 && planted.iter().all(|secret| !text.contains(secret.as_str())), "no report holds one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_nobody_declared_is_named() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    let _redis = TcpListener::bind((here, 6379)).await.expect("a free port");
    let report = look(&house, here, &clean()).await;
    assert_eq!(
        wrong(&report),
        ["exposure-ports: ports: open and not declared: 6379/tcp", "exposure-ports: ports: open and not declared: 6379/tcp"]
    );
    assert_eq!((row(&report, "EXPO-12"), row(&report, "EXPO-01")), ("Fail".into(), "Fail".into()));
    assert_eq!(report.verification.exposure.as_ref().map(|found| found.unexpected.clone()), Some(vec!["6379/tcp".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_at_loopback_is_not_scanned_and_the_report_says_so() {
    let house = House::honest().await;
    let report = house.look_quickly().await;
    let probe = report.headers.probes.iter().find(|probe| probe.id == "exposure-ports").expect("planned");
    assert!(probe.checks[0].reason.as_deref().is_some_and(|reason| reason.contains("loopback")), "{probe:?}");
    assert!(report.is_ok(), "{:?}", report.headers.failures);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_a_stray_host_and_an_internal_path_that_answer_otherwise_are_named() {
    let house = House::tampered(|asked, reply| {
        let is_stray = asked.secure && !asked.host.starts_with(SITE) && !asked.host.starts_with("adm.");
        Act::Reply(match asked.target.as_str() {
            _ if is_stray => reply.status(200),
            "/metrics" if asked.secure => {
                crate::house::Reply { body: "# HELP doorward_up Whether.\n".into(), ..reply.status(200) }
            }
            "/health/ready" if asked.secure => crate::house::Reply { body: "{\"ok\":true}".into(), ..reply },
            "/private" => reply.status(200),
            _ => reply,
        })
    })
    .await;
    let here = at_home(&house).await;
    let report = look(&house, here, &clean()).await;
    let ready = "exposure-internal: body: /health/ready is answered as the internal listener answers it";
    let metrics = "exposure-internal: body: /metrics is answered as the internal listener answers it";
    assert_eq!(
        wrong(&report),
        [
            "exposure-routes: status: is 200 instead of 303",
            "exposure-unknown-host: status: is 200 instead of 421",
            metrics,
            metrics,
            ready,
            ready
        ]
    );
    for id in ["EXPO-03", "EXPO-04", "EXPO-12"] {
        assert_eq!(row(&report, id), "Fail", "{id}");
    }
    let public = report.verification.exposure.as_ref().map(|found| found.internal_paths_public.clone());
    assert_eq!(public, Some(vec!["/metrics".to_owned(), "/health/ready".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_chain_is_named() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    let hands = Hands { faults: vec!["node a: position 7: the entry was altered".into()], ..clean() };
    let report = look(&house, here, &hands).await;
    assert_eq!(wrong(&report), ["trail-chain: chain: node a: position 7: the entry was altered"]);
    assert!(report.verification.audit.is_some_and(|audit| !audit.chain_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_run_did_not_leave_is_named() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    let events = EVENTS.iter().copied().filter(|name| *name != "csrf.rejected").collect();
    let report = look(&house, here, &Hands { events, ..clean() }).await;
    assert_eq!(wrong(&report), ["trail-events: events: the run left no csrf.rejected"]);
    assert_eq!(row(&report, "AUD-01"), "Fail");
    let audit = report.verification.audit.expect("looked at");
    assert_eq!(audit.events_seen + 1, audit.events_expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_secret_in_a_sink_or_in_the_log_is_named() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    for (sinks, id, sink) in [
        (vec![("store", 0), ("trail", 2), ("log", 0)], "canary-sinks", "trail"),
        (vec![("store", 0), ("trail", 0), ("log", 2)], "canary-log", "log"),
    ] {
        let report = look(&house, here, &Hands { sinks, ..clean() }).await;
        assert_eq!(wrong(&report), [format!("{id}: {sink}: 2 of the secrets that the run planted are in there")]);
        assert_eq!(row(&report, "VER-12"), "Fail");
        assert_eq!(report.verification.secrets_scan.as_ref().map(|scan| scan.hits), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_not_given_and_hands_that_fail_make_the_run_fail() {
    let house = House::honest().await;
    let here = at_home(&house).await;
    let report = look(&house, here, &Hands { sinks: vec![("store", 0)], ..clean() }).await;
    assert_eq!(wrong(&report), ["canary-log: skipped: no log of the site was given (--log FILE)"]);
    assert!(report.verification.artifacts.missing.contains(&"VER-12"));
    let report = look(&house, here, &Hands { sinks: vec![("trail", 0), ("log", 0)], ..clean() }).await;
    let left_out = "canary-sinks: skipped: the store was not searched: of PostgreSQL this machine has no files";
    assert_eq!(wrong(&report), [left_out]);
    let report = look(&house, here, &Hands { is_broken: true, ..clean() }).await;
    assert_eq!(
        wrong(&report),
        [
            "trail-chain: trail: the trail is out of reach",
            "trail-events: trail: the trail is out of reach",
            "canary-sinks: search: the store is out of reach",
            "canary-log: search: the store is out of reach"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hands_the_side_of_the_site_is_missing_unless_the_operator_looks_from_afar() {
    let house = House::honest().await;
    let mut options = Options { from_afar: false, declared: vec!["api-429".into()], ..house.options() };
    let report = crate::house::look(&house.plan(options.clone())).await;
    let no_hands = |id: &str| format!("{id}: skipped: the site's store is not open to this machine");
    assert_eq!(wrong(&report), ["trail-chain", "trail-events", "canary-sinks", "canary-log"].map(no_hands));
    options.from_afar = true;
    assert_eq!(wrong(&crate::house::look(&house.plan(options)).await), Vec::<&str>::new());
}
