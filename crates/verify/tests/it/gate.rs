//! Gates from both sides.

use doorward_kit::Secret;
use doorward_verify::{GateCredential, Report};

use crate::house::{Act, Asked, GATE, House, INSIDE, Reply, look};

async fn tampered(tamper: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) -> (House, Report) {
    let house =
        House::tampered(move |asked, reply| Act::Reply(if asked.host.starts_with(GATE) { tamper(asked, reply) } else { reply }))
            .await;
    let mut options = house.options();
    options.roots = vec![house.root.clone()];
    let password = Secret::new("open the gate, please".to_owned());
    options.credentials = vec![GateCredential { gate: "desk".into(), user: "operator".into(), password, status: 200 }];
    let report = look(&house.plan(options)).await;
    (house, report)
}

#[tokio::test]
async fn ver_07_each_gate_is_tried_from_both_sides_with_no_wrong_and_right_credentials() {
    let (house, report) = tampered(|_, reply| reply).await;
    assert!(report.is_ok(), "{:?}", report.headers.failures);
    let gate = serde_json::to_value(&report.verification.gates[0]).expect("JSON");
    assert_eq!(gate["outside"], serde_json::json!({"none": 403, "wrong": 403, "right": 403}));
    assert_eq!(gate["inside"], serde_json::json!({"none": 401, "wrong": 401, "right": 200}));
    let knocks: Vec<_> = house.said().into_iter().filter(|(asked, _)| asked.host.starts_with(GATE)).collect();
    assert_eq!(knocks.iter().filter(|(asked, _)| asked.from == INSIDE).count(), 3);
    assert_eq!(knocks.iter().filter(|(asked, _)| asked.from != INSIDE && asked.field("authorization").is_some()).count(), 2);
}

#[tokio::test]
async fn ver_07_a_broken_allowlist_fails() {
    let (_, report) = tampered(|asked, reply| match (asked.from == INSIDE, asked.field("authorization")) {
        (false, None) => reply.status(401).add("www-authenticate", "Basic realm=\"restricted\", charset=\"UTF-8\""),
        _ => reply,
    })
    .await;
    assert_eq!(report.headers.failures[0], "gate-desk-outside-none: status: is 401 instead of 403");
    assert!(
        report
            .headers
            .failures
            .contains(&"gate-desk-outside-none: www-authenticate: an outsider is asked for a password".to_owned())
    );
}

#[tokio::test]
async fn ver_07_only_the_exact_status_is_right() {
    let (_, report) =
        tampered(|asked, reply| if asked.from == INSIDE && reply.status == 401 { reply.status(403) } else { reply }).await;
    let wanted = ["none", "wrong"].map(|word| format!("gate-desk-inside-{word}: status: is 403 instead of 401"));
    assert!(wanted.iter().all(|line| report.headers.failures.contains(line)), "{:?}", report.headers.failures);
    let (_, report) = tampered(|asked, reply| if asked.from == INSIDE { reply.status(200) } else { reply }).await;
    assert_eq!(report.headers.failures.len(), 2, "{:?}", report.headers.failures);
}

#[tokio::test]
async fn ver_07_a_refusal_that_depends_on_the_credentials_is_an_oracle() {
    let (_, report) = tampered(|asked, mut reply| {
        if asked.from != INSIDE && asked.field("authorization").is_some_and(|value| value.starts_with("Basic b3BlcmF0b3I6")) {
            reply.body = reply.body.to_uppercase();
        }
        reply
    })
    .await;
    assert_eq!(report.headers.failures, ["gate-desk-outside-right: body: the body depends on the credentials"]);
    let (_, report) =
        tampered(
            |asked, reply| {
                if asked.from != INSIDE && asked.field("authorization").is_some() { reply.add("x-trace", "1") } else { reply }
            },
        )
        .await;
    assert_eq!(report.headers.failures.len(), 2, "{:?}", report.headers.failures);
}

#[tokio::test]
async fn a_challenge_that_names_the_gate_or_is_not_utf_8_is_a_deviation() {
    for (challenge, reason) in [
        ("Basic realm=\"desk\", charset=\"UTF-8\"", "the realm names what is behind the gate"),
        ("Basic realm=\"restricted\"", "charset=\"UTF-8\" is missing"),
        ("Bearer realm=\"restricted\"", "is not a basic challenge"),
        ("Basic charset=\"UTF-8\"", "the realm is missing"),
    ] {
        let (_, report) =
            tampered(move |_, reply| if reply.status == 401 { reply.set("www-authenticate", challenge) } else { reply }).await;
        assert_eq!(report.headers.failures[0], format!("gate-desk-inside-none: www-authenticate: {reason}"));
    }
}

#[tokio::test]
async fn credentials_do_not_go_to_a_listener_that_cannot_prove_itself() {
    let house = House::honest().await;
    let right = |house: &House| {
        let mut options = house.options();
        let password = Secret::new("open the gate, please".to_owned());
        options.credentials = vec![GateCredential { gate: "desk".into(), user: "operator".into(), password, status: 200 }];
        options
    };
    let report = look(&house.plan(right(&house))).await;
    assert!(
        report
            .headers
            .failures
            .iter()
            .any(|line| line.contains("credentials are only sent where trust anchors prove who listens"))
    );
    let mut options = right(&house);
    options.roots = vec![House::honest().await.root];
    let report = look(&house.plan(options)).await;
    assert!(report.headers.failures[0].starts_with("root-get: TLS handshake failed"), "{:?}", report.headers.failures);
    assert!(
        house
            .said()
            .iter()
            .all(|(asked, _)| !asked.field("authorization").is_some_and(|value| value.starts_with("Basic b3BlcmF0b3I6")))
    );
}
