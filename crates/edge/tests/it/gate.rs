//! The gate keeper, called directly.

use std::future::{Future as _, poll_fn};
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_config::{Profile, UpstreamTarget};
use doorward_edge::gate::{GateKeeper, GateLoadError, GateVerdict, HashFault, LineFault, UsersFault};
use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemEntropy};
use doorward_policy::{GatePolicy, Quota, UpstreamPolicy};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use tempfile::NamedTempFile;

const INSIDE: &str = "203.0.113.7";
const OUTSIDE: &str = "198.51.100.9";

static BCRYPT: LazyLock<String> = LazyLock::new(|| bcrypt::hash("open sesame", 10).expect("hashed"));
static ARGON2ID: LazyLock<String> =
    LazyLock::new(|| Argon2::default().hash_password_with_salt(b"open sesame", b"sixteen octets!!").expect("hashed").to_string());

struct Gate {
    policy: Arc<GatePolicy>,
    _users: NamedTempFile,
}

impl Gate {
    fn with(users: &str, allow: &[&str]) -> Self {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(users.as_bytes()).expect("written");
        let target = UpstreamTarget::server("127.0.0.1".parse().expect("a host"), 1);
        let policy = GatePolicy {
            name: "pgadmin".into(),
            host: "pgadmin.app.example.com".parse().expect("a host"),
            upstream: Arc::new(UpstreamPolicy { name: "pgadmin".into(), target }),
            allow: allow.iter().map(|network| network.parse().expect("a network")).collect(),
            users_file: file.path().into(),
            profile: Profile::PgAdmin,
            paths: vec![String::new()],
            websocket: true,
            operator_session: false,
        };
        Self { policy: Arc::new(policy), _users: file }
    }

    fn new() -> Self {
        Self::with(&format!("op:{}\nother:{}\n", *BCRYPT, *BCRYPT), &["203.0.113.0/24"])
    }

    fn keeper(&self) -> GateKeeper {
        GateKeeper::load(std::slice::from_ref(&self.policy)).expect("a sound file")
    }

    fn fault(users: &str) -> UsersFault {
        GateKeeper::load(&[Self::with(users, &["203.0.113.0/24"]).policy]).expect_err("refused").fault
    }

    async fn check(&self, keeper: &GateKeeper, from: &str, headers: &HeaderMap) -> GateVerdict {
        keeper.check(&self.policy, &context(from), headers).await
    }

    async fn attempt(&self, keeper: &GateKeeper, from: &str, user: &str, password: &str) -> GateVerdict {
        self.check(keeper, from, &basic(format!("{user}:{password}"))).await
    }
}

fn context(from: &str) -> RequestContext {
    let address: IpAddr = from.parse().expect("an address");
    RequestContext {
        request_id: RequestId::random(&SystemEntropy),
        client: ClientAddr::new(address),
        peer: PeerAddr((address, 50_000).into()),
        secure: true,
    }
}

fn field(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    headers
}

fn basic(credentials: impl AsRef<[u8]>) -> HeaderMap {
    field(&format!("Basic {}", STANDARD.encode(credentials)))
}

fn word(verdict: &GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Pass(_) => "pass",
        GateVerdict::Outsider => "outsider",
        GateVerdict::NoCredentials | GateVerdict::Unauthenticated => "unauthenticated",
        GateVerdict::Throttled { .. } => "throttled",
        GateVerdict::Malformed => "malformed",
    }
}

#[tokio::test]
async fn only_an_inside_address_with_the_right_password_passes() {
    for hash in [&*BCRYPT, &*ARGON2ID, &BCRYPT.replacen("$2b$", "$2y$", 1), &BCRYPT.replacen("$2b$", "$2a$", 1)] {
        let gate = Gate::with(&format!("op:{hash}\n"), &["203.0.113.0/24"]);
        let keeper = gate.keeper();
        for (from, credentials, want) in [
            (INSIDE, Some("op:open sesame"), "pass"),
            (INSIDE, Some("op:open sesamE"), "unauthenticated"),
            (INSIDE, Some("oP:open sesame"), "unauthenticated"),
            (INSIDE, None, "unauthenticated"),
            (OUTSIDE, Some("op:open sesame"), "outsider"),
            (OUTSIDE, Some("op:open sesamE"), "outsider"),
            (OUTSIDE, None, "outsider"),
        ] {
            let verdict = gate.check(&keeper, from, &credentials.map(basic).unwrap_or_default()).await;
            assert_eq!(word(&verdict), want, "{from} {credentials:?}");
            if let GateVerdict::Pass(permit) = verdict {
                assert_eq!(permit.user(), "op");
            }
        }
    }
}

#[tokio::test]
async fn gate_03_an_outsider_gets_one_verdict_whatever_it_sends_and_no_hash_is_made() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    let mut twice = basic("op:open sesame");
    twice.append(AUTHORIZATION, HeaderValue::from_static("Basic x"));
    let sent = [
        HeaderMap::new(),
        basic("op:open sesame"),
        basic("op:wrong"),
        basic("nobody:wrong"),
        field("Basic ????"),
        field("Bearer x"),
        twice,
    ];
    let start = Instant::now();
    for round in 0..200 {
        let verdict = gate.check(&keeper, OUTSIDE, &sent[round % sent.len()]).await;
        assert!(matches!(verdict, GateVerdict::Outsider));
    }
    // One bcrypt of cost 10 takes longer than all of these together.
    let outsiders = start.elapsed();
    let start = Instant::now();
    assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", "wrong").await), "unauthenticated");
    assert!(outsiders < start.elapsed(), "{outsiders:?}");
}

#[tokio::test]
async fn gate_04_only_the_derived_client_address_counts() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    let mut headers = basic("op:open sesame");
    for name in ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip", "x-cluster-client-ip"] {
        headers.insert(name, HeaderValue::from_static(INSIDE));
    }
    headers.insert("forwarded", HeaderValue::from_static("for=203.0.113.7"));
    assert_eq!(word(&gate.check(&keeper, OUTSIDE, &headers).await), "outsider");
    // The peer may be a trusted hop inside; the caller behind it is not.
    let hop = RequestContext { peer: context(INSIDE).peer, ..context(OUTSIDE) };
    assert_eq!(word(&keeper.check(&gate.policy, &hop, &headers).await), "outsider");
}

#[tokio::test]
async fn gate_05_networks_match_by_address_and_never_by_text() {
    let gate = Gate::with(&format!("op:{}\n", *BCRYPT), &["203.0.113.7/32", "2001:db8:1::/48", "10.0.0.0/30"]);
    let keeper = gate.keeper();
    for (from, inside) in [
        ("203.0.113.7", true),
        ("::ffff:203.0.113.7", true),
        ("203.0.113.70", false),
        ("203.0.113.6", false),
        ("::203.0.113.7", false),
        ("64:ff9b::203.0.113.7", false),
        ("2001:db8:1::", true),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:db8:2::", false),
        ("2001:db8::1", false),
        ("10.0.0.3", true),
        ("10.0.0.4", false),
        ("::ffff:10.0.0.4", false),
        ("::1", false),
        ("127.0.0.1", false),
    ] {
        let verdict = gate.check(&keeper, from, &HeaderMap::new()).await;
        assert_eq!(word(&verdict), if inside { "unauthenticated" } else { "outsider" }, "{from}");
    }
}

#[tokio::test]
async fn a_gate_that_the_keeper_does_not_know_stays_shut() {
    let gate = Gate::new();
    let keeper = GateKeeper::load(&[]).expect("nothing to load");
    assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", "open sesame").await), "outsider");
}

#[test]
fn gate_06_a_users_file_without_users_or_with_a_weak_line_is_refused_by_place_and_never_quoted() {
    for empty in ["", "\n\n", "# nobody\n", "\r\n"] {
        assert!(matches!(Gate::fault(empty), UsersFault::Empty), "{empty:?}");
    }
    let weak_bcrypt = bcrypt::hash("x", 4).expect("hashed");
    for (hash, want) in [
        ("secret", HashFault::Scheme),
        ("$apr1$Ja9sZ.Mh$yUm2uKqQ2VqMRKkBBfzJb/", HashFault::Scheme),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", HashFault::Scheme),
        ("$1$abcdefgh$G//4keteveJp0qb8z2DxG/", HashFault::Scheme),
        ("$5$rounds=5000$x$y", HashFault::Scheme),
        ("$6$rounds=5000$x$y", HashFault::Scheme),
        ("rqXexS6ZhobKA", HashFault::Scheme),
        ("", HashFault::Scheme),
        ("$2x$10$......................................................", HashFault::Scheme),
        ("$2b$10$short", HashFault::Damaged),
        (&weak_bcrypt, HashFault::BcryptCost(4)),
        (&BCRYPT.replacen("$10$", "$17$", 1), HashFault::BcryptCost(17)),
        (&BCRYPT.replacen("$10$", "$09$", 1), HashFault::BcryptCost(9)),
        (&ARGON2ID.replacen("m=19456", "m=8192", 1), HashFault::Argon2Cost),
        (&ARGON2ID.replacen("argon2id", "argon2d", 1), HashFault::Scheme),
    ] {
        let users = format!("# operators\r\nop:{}\r\nweak:{hash}\n", *BCRYPT);
        let gate = Gate::with(&users, &["203.0.113.0/24"]);
        let error: GateLoadError = GateKeeper::load(std::slice::from_ref(&gate.policy)).expect_err(hash);
        let UsersFault::Line { line, fault } = &error.fault else { panic!("{hash}: {error}") };
        assert_eq!((*line, *fault), (3, LineFault::Hash(want)), "{hash}");
        let said = error.to_string();
        assert!(
            said.contains("pgadmin") && said.contains(&gate.policy.users_file.display().to_string()) && said.contains("line 3"),
            "{said}"
        );
        assert!(hash.len() < 10 || !said.contains(hash), "{said}");
        assert!(!format!("{error:?}").contains("$2b$"), "{error:?}");
    }
}

#[test]
fn lines_that_are_no_lines_are_refused() {
    let hash = &*BCRYPT;
    for (users, line, want) in [
        (format!("op:{hash}\nop:{hash}\n"), 2, LineFault::Duplicate),
        (format!(":{hash}\n"), 1, LineFault::UserName),
        (format!("a\tb:{hash}\n"), 1, LineFault::UserName),
        ("op\n".to_owned(), 1, LineFault::Form),
        (format!("op:{hash}:more\n"), 1, LineFault::Hash(HashFault::Damaged)),
        (format!("op: {hash}\n"), 1, LineFault::Hash(HashFault::Scheme)),
    ] {
        assert!(matches!(Gate::fault(&users), UsersFault::Line { line: at, fault } if at == line && fault == want), "{users}");
    }
    let mut missing = GatePolicy::clone(&Gate::new().policy);
    missing.users_file = PathBuf::from("/nonexistent/doorward.htpasswd");
    let error = GateKeeper::load(&[Arc::new(missing)]).expect_err("missing");
    assert!(matches!(error.fault, UsersFault::Unreadable(_)));
}

#[tokio::test]
async fn gate_15_bcrypt_passwords_beyond_72_octets_are_refused_and_not_truncated() {
    let long = "p".repeat(72);
    let gate = Gate::with(&format!("op:{}\n", bcrypt::hash(&long, 10).expect("hashed")), &["203.0.113.0/24"]);
    let keeper = gate.keeper();
    for (password, want) in
        [(format!("{long}x"), "unauthenticated"), (format!("{long}{long}"), "unauthenticated"), (long.clone(), "pass")]
    {
        assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", &password).await), want, "{} octets", password.len());
    }
}

/// The chance that a random left one took longer than a random right one.
fn auc(left: &[Duration], right: &[Duration]) -> f64 {
    let wins: f64 = left
        .iter()
        .flat_map(|l| {
            right.iter().map(move |r| {
                if l > r {
                    1.0
                } else if l == r {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (left.len() * right.len()) as f64
}

/// Measures in interleaved pairs: whatever else the machine does falls on both sides alike. A noisy machine may spoil a run, so
/// there are three; a real difference shows in every one.
fn told_apart(gate: &Gate, left: &HeaderMap, right: &HeaderMap) -> Option<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let keeper =
        gate.keeper().with_failure_quota(Quota { count: 1_000_000.try_into().expect("not 0"), window: Duration::from_secs(60) });
    let measure = |headers: &HeaderMap| {
        runtime.block_on(async {
            let start = Instant::now();
            assert_eq!(word(&gate.check(&keeper, INSIDE, headers).await), "unauthenticated");
            start.elapsed()
        })
    };
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        for pair in 0..55 {
            let (l, r) = if pair % 2 == 0 {
                let l = measure(left);
                (l, measure(right))
            } else {
                let r = measure(right);
                (measure(left), r)
            };
            if pair >= 5 {
                lefts.push(l);
                rights.push(r);
            }
        }
        seen.push(auc(&lefts, &rights));
        if seen.last().is_some_and(|auc| (auc - 0.5).abs() <= 0.1) {
            return None;
        }
    }
    Some(seen)
}

#[test]
fn the_stopwatch_sees_a_hash_that_was_not_made() {
    let gate = Gate::new();
    assert!(told_apart(&gate, &basic("op:wrong password"), &HeaderMap::new()).is_some());
}

#[test]
fn gate_15_an_unknown_user_costs_as_much_as_a_known_one() {
    for hash in [&*BCRYPT, &*ARGON2ID] {
        let gate = Gate::with(&format!("op:{hash}\n"), &["203.0.113.0/24"]);
        assert_eq!(told_apart(&gate, &basic("op:wrong password"), &basic("nobody:wrong password")), None);
    }
}

#[test]
fn gate_15_a_mixed_users_file_gives_nobody_away() {
    let gate = Gate::with(&format!("op:{}\nold:{}\n", *ARGON2ID, *BCRYPT), &["203.0.113.0/24"]);
    assert_eq!(told_apart(&gate, &basic("old:wrong password"), &basic("nobody:wrong password")), None);
}

#[test]
fn gate_15_an_overlong_password_costs_as_much_as_any_other() {
    let gate = Gate::with(&format!("op:{}\n", *BCRYPT), &["203.0.113.0/24"]);
    let overlong = format!("op:{}", "p".repeat(100));
    assert_eq!(told_apart(&gate, &basic(overlong), &basic("op:wrong password")), None);
}

#[tokio::test]
async fn gate_16_after_ten_failures_from_a_prefix_even_the_right_password_waits() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", "open sesame").await), "pass");
    tokio::time::pause();
    for attempt in 0..10 {
        assert_eq!(word(&gate.attempt(&keeper, INSIDE, &format!("guess{attempt}"), "wrong").await), "unauthenticated");
    }
    for user in ["op", "other", "guess11"] {
        let GateVerdict::Throttled { retry_after } = gate.attempt(&keeper, INSIDE, user, "open sesame").await else {
            panic!("{user} passed")
        };
        assert!(retry_after <= Duration::from_secs(60) && retry_after > Duration::ZERO);
    }
    assert_eq!(
        word(&gate.check(&keeper, INSIDE, &HeaderMap::new()).await),
        "unauthenticated",
        "asking for the challenge is no attempt"
    );
    assert_eq!(word(&gate.attempt(&keeper, "203.0.113.8", "op", "open sesame").await), "pass", "another caller is not meant");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", "open sesame").await), "pass");
}

#[tokio::test]
async fn gate_16_ten_failures_for_a_user_count_wherever_they_come_from() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    tokio::time::pause();
    for host in 10..20 {
        assert_eq!(word(&gate.attempt(&keeper, &format!("203.0.113.{host}"), "op", "wrong").await), "unauthenticated");
    }
    assert_eq!(word(&gate.attempt(&keeper, "203.0.113.99", "op", "open sesame").await), "throttled");
    assert_eq!(word(&gate.attempt(&keeper, "203.0.113.99", "other", "open sesame").await), "pass");
}

#[tokio::test]
async fn gate_16_asking_in_parallel_gains_no_attempt() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    let passwords: Vec<String> = (0..40).map(|n| format!("guess {n}")).collect();
    let verdicts =
        futures_util::future::join_all(passwords.iter().map(|password| gate.attempt(&keeper, INSIDE, "op", password))).await;
    let count = |want| verdicts.iter().filter(|verdict| word(verdict) == want).count();
    assert_eq!((count("unauthenticated"), count("throttled")), (10, 30));
}

#[tokio::test]
async fn twenty_pictures_at_once_with_the_right_password_all_pass() {
    let gate = Gate::new();
    let keeper = gate.keeper().with_failure_quota(Quota { count: 1.try_into().expect("not 0"), window: Duration::from_secs(60) });
    let verdicts = futures_util::future::join_all((0..20).map(|_| gate.attempt(&keeper, INSIDE, "op", "open sesame"))).await;
    assert!(verdicts.iter().all(|verdict| word(verdict) == "pass"));
}

#[tokio::test]
async fn an_attempt_that_is_broken_off_counts() {
    let gate = Gate::new();
    let keeper = gate.keeper().with_failure_quota(Quota { count: 1.try_into().expect("not 0"), window: Duration::from_secs(60) });
    {
        let mut attempt = Box::pin(gate.attempt(&keeper, INSIDE, "op", "guess"));
        assert!(poll_fn(|cx| Poll::Ready(attempt.as_mut().poll(cx))).await.is_pending());
    }
    assert_eq!(word(&gate.attempt(&keeper, INSIDE, "op", "guess").await), "throttled");
}

#[tokio::test]
async fn a_proof_stands_for_five_minutes_for_exactly_these_credentials() {
    let gate = Gate::new();
    let keeper = gate.keeper();
    let time = async |user: &str, password: &str| {
        let start = Instant::now();
        let verdict = gate.attempt(&keeper, INSIDE, user, password).await;
        (word(&verdict), start.elapsed())
    };
    let (first, hashed) = time("op", "open sesame").await;
    assert_eq!(first, "pass");
    let mut fastest = hashed;
    for _ in 0..20 {
        let (again, proved) = time("op", "open sesame").await;
        assert_eq!(again, "pass");
        fastest = fastest.min(proved);
    }
    assert!(fastest * 10 < hashed, "{fastest:?} against {hashed:?}: no hash was made");
    for (user, password) in [("op", "open sesam"), ("op", "open sesamee"), ("op:open", "sesame"), ("o", "p:open sesame")] {
        assert_ne!(time(user, password).await.0, "pass", "{user}");
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    let (late, hashed_again) = time("op", "open sesame").await;
    assert_eq!(late, "pass");
    assert!(hashed_again > fastest * 10, "the proof has ended");
    // A new users file means a new keeper.
    let swapped = Gate::with(&format!("op:{}\n", bcrypt::hash("changed", 10).expect("hashed")), &["203.0.113.0/24"]);
    assert_eq!(word(&swapped.attempt(&swapped.keeper(), INSIDE, "op", "open sesame").await), "unauthenticated");
}

#[tokio::test]
async fn gate_17_credentials_are_read_in_one_way_or_not_at_all() {
    let gate = Gate::with(
        &format!("op:{}\nmüller:{}\ncolon:{}\n", *BCRYPT, *BCRYPT, bcrypt::hash("a:b", 10).expect("hashed")),
        &["203.0.113.0/24"],
    );
    let keeper = gate.keeper();
    let good = STANDARD.encode("op:open sesame");
    let mut twice = basic("op:open sesame");
    twice.append(AUTHORIZATION, HeaderValue::from_str(&format!("Basic {good}")).expect("a value"));
    for (headers, want) in [
        (twice, "malformed"),
        (field(&format!("BASIC {good}")), "pass"),
        (field(&format!("basic   {good}")), "pass"),
        (basic("müller:open sesame"), "pass"),
        (basic("colon:a:b"), "pass"),
        (field("Basic"), "malformed"),
        (field("Basic "), "malformed"),
        (field("Basic ===="), "malformed"),
        (field(&format!("Basic {good}=")), "malformed"),
        (field(&format!("Basic {}", good.trim_end_matches('='))), "malformed"),
        (field(&format!("Basic {good} ")), "malformed"),
        (field(&format!("Basic {good}, Basic {good}")), "malformed"),
        (field(&format!("Basic\t{good}")), "unauthenticated"),
        (field(&format!("Basic:{good}")), "unauthenticated"),
        (field("Basic b3A6b3BlbiBzZXNhbWV="), "malformed"),
        (field("Basic b3A_b3A-"), "malformed"),
        (field("Bearer b3A6b3BlbiBzZXNhbWU="), "unauthenticated"),
        (field(""), "unauthenticated"),
        (basic("no colon"), "malformed"),
        (basic(":open sesame"), "malformed"),
        (basic("op:"), "malformed"),
        (basic(":"), "malformed"),
        (basic(""), "malformed"),
        (basic("op:open sesame\0"), "malformed"),
        (basic("op\0:open sesame"), "malformed"),
        (basic("op:open\nsesame"), "malformed"),
        (basic("op:open sesame\u{85}"), "malformed"),
        (basic(b"op:open \xe9".as_slice()), "malformed"),
        (basic(b"\xff\xfe:x".as_slice()), "malformed"),
        (basic(format!("op:{}", "x".repeat(1100))), "malformed"),
        (basic("op :open sesame"), "unauthenticated"),
    ] {
        let verdict = gate.check(&keeper, INSIDE, &headers).await;
        assert_eq!(word(&verdict), want, "{:?}", headers.get(AUTHORIZATION));
    }
}
