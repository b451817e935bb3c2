//! What a site does with octets that no client sends, and with callers who say who they are.

use doorward_verify::{Options, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{AMBIGUOUS, Act, Asked, GATE, House, OUTSIDE, Reply, look};

/// Something that the site does wrong with one kind of request.
type Sabotage = (&'static str, fn(&Asked) -> bool, fn(Reply) -> Reply);

fn is_ambiguous_with(asked: &Asked, text: &str) -> bool {
    asked.method == AMBIGUOUS && asked.body.contains(text)
}

fn spoofs(asked: &Asked, name: &str) -> bool {
    asked.from == OUTSIDE && asked.host.starts_with(GATE) && asked.field(name).is_some()
}

fn passes(reply: Reply) -> Reply {
    reply.status(200)
}

/// Every id of these flows but those of TLS, which have a site of their own below.
const SABOTAGES: &[Sabotage] = &[
    ("framing-two-lengths", |asked| is_ambiguous_with(asked, "Content-Length: 00"), passes),
    ("framing-length-and-coding", |asked| is_ambiguous_with(asked, "Content-Length: 5"), passes),
    ("framing-signed-length", |asked| is_ambiguous_with(asked, "+0"), passes),
    ("framing-unknown-coding", |asked| is_ambiguous_with(asked, "xchunked"), passes),
    ("framing-space-before-colon", |asked| is_ambiguous_with(asked, "X-Probe :"), passes),
    ("framing-folded-line", |asked| is_ambiguous_with(asked, "\r\n 2"), passes),
    ("framing-bare-return", |asked| is_ambiguous_with(asked, "1\r2"), passes),
    ("framing-zero-octet", |asked| is_ambiguous_with(asked, "\0"), passes),
    ("framing-two-hosts", |asked| asked.method == AMBIGUOUS && asked.body.matches("Host:").count() == 2, passes),
    ("framing-no-host", |asked| asked.method == AMBIGUOUS && !asked.body.contains("Host:"), passes),
    ("framing-dots-in-path", |asked| is_ambiguous_with(asked, "%2e"), passes),
    ("framing-slash-in-path", |asked| is_ambiguous_with(asked, "%2f"), passes),
    ("spoof-x-forwarded-for", |asked| spoofs(asked, "x-forwarded-for"), |reply| reply.status(401)),
    ("spoof-x-real-ip", |asked| spoofs(asked, "x-real-ip"), |reply| reply.status(401)),
    ("spoof-forwarded", |asked| spoofs(asked, "forwarded"), |reply| reply.status(401)),
    ("spoof-true-client-ip", |asked| spoofs(asked, "true-client-ip"), |reply| reply.status(401)),
    ("spoof-cf-connecting-ip", |asked| spoofs(asked, "cf-connecting-ip"), |reply| reply.status(401)),
    ("spoof-x-client-ip", |asked| spoofs(asked, "x-client-ip"), |reply| reply.status(401)),
    ("identity-fields", |asked| asked.field("x-doorward-user").is_some(), passes),
    ("identity-aliases", |asked| asked.field("x_doorward_user").is_some(), passes),
];

#[tokio::test]
async fn each_sabotage_of_the_wire_is_caught_by_the_look_that_is_for_it_and_by_no_other() {
    for (id, is_meant, spoil) in SABOTAGES {
        let house = House::tampered(move |asked, reply| Act::Reply(if is_meant(asked) { spoil(reply) } else { reply })).await;
        let failures = house.look_quickly().await.headers.failures;
        assert!(!failures.is_empty(), "{id}: nothing was noticed");
        for failure in failures {
            assert!(failure.starts_with(&format!("{id}: ")), "{id}: {failure}");
        }
    }
}

#[tokio::test]
async fn old_versions_of_tls_are_refused_and_the_lowest_that_is_agreed_on_is_told() {
    let report = House::honest().await.look_quickly().await;
    for id in ["tls-1-0", "tls-1-1"] {
        let probe = report.headers.probes.iter().find(|probe| probe.id == id).expect("looked at");
        assert_eq!(probe.checks[0].observed, "refused");
    }
    assert_eq!(report.verification.tls.expect("a certificate").min_version, Some("1.2"));
}

#[tokio::test]
async fn a_connection_that_stays_open_behind_a_refusal_is_named_as_such() {
    let house = House::tampered(
        |asked, reply| {
            if is_ambiguous_with(asked, "X-Probe :") { Act::Linger(reply) } else { Act::Reply(reply) }
        },
    )
    .await;
    let failures = house.look_quickly().await.headers.failures;
    assert_eq!(failures, ["framing-space-before-colon: refusal: the connection stays open behind it"]);
}

/// Agrees on whatever version a first message names (RFC 5246 §7.4.1.3), and says no more.
async fn agree(mut stream: TcpStream) {
    let mut hello = [0; 11];
    if stream.read_exact(&mut hello).await.is_ok() {
        let answer = [22, 3, hello[10], 0, 6, 2, 0, 0, 2, 3, hello[10]];
        let _ = stream.write_all(&answer).await;
    }
}

#[tokio::test]
async fn a_site_that_agrees_on_an_old_version_of_tls_is_named() {
    let listener = crate::house::listen().await;
    let port = crate::house::port(&listener);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(agree(stream));
        }
    });
    let origin = format!("https://127.0.0.1:{port}").parse().expect("an origin");
    let plan = Plan::for_stranger(&origin, Options::default(), &doorward_kit::SystemEntropy);
    let failures = look(&crate::house::impatient(plan)).await.headers.failures;
    for id in ["tls-1-0", "tls-1-1"] {
        let told = format!("{id}: version: the site agrees on a version that RFC 8996 has retired");
        assert!(failures.contains(&told), "{failures:?}");
    }
}
