//! Every operation of the API description with bodies, fields and sessions that nobody thought of, straight into the router: the same
//! requests as over sockets (`testkit::noise`), without the door that refuses some of them first. Never a fault of ours, never a hang,
//! always `{"detail": …}`, and never a status that is not described.
//!
//! `DOORWARD_FUZZ_CASES` makes it longer, `DOORWARD_FUZZ_SEED` repeats a run; a failure names its seed.

use std::time::Duration;

use doorward_app::openapi;
use doorward_testkit::dice::{Dice, fresh_seed, note, number_of};
use doorward_testkit::noise::{Sender, draft, operations};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Answer, CSRF, Client, PASSWORD};
use crate::house::House;

/// Longest time that one request may take, whatever it holds.
const DEADLINE: Duration = Duration::from_secs(10);
/// Cases when nothing else is asked for.
const CASES: u64 = 600;

/// One request after the description of an operation.
async fn knock(client: &mut Client<'_>, dice: &mut Dice, operation: &(String, String, Value)) -> Answer {
    let jar: Vec<String> = client.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (cookies, csrf) = (jar.join("; "), client.jar.get(CSRF).cloned().unwrap_or_default());
    let sender = Sender { origin: "https://app.example.com", cookies: &cookies, csrf: &csrf, password: PASSWORD };
    let draft = draft(dice, sender, operation);
    // The draft says which cookies come along.
    let mut ask = client.ask(draft.method.parse::<Method>().expect("a method"), &draft.target).without("cookie");
    for (name, value) in &draft.fields {
        ask = ask.octets(name, value);
    }
    match draft.body {
        Some(body) if dice.one_in(4) => ask.raw_stream(body).send().await,
        Some(body) => ask.raw_body(body).send().await,
        None => ask.send().await,
    }
}

fn check(answer: &Answer, operation: &Value) {
    let status = answer.status.as_str();
    assert!(operation["responses"][status].is_object(), "{status} is not described: {}", answer.text());
    // The store and the hashing threads are well here, so not even the 503 that is described has a reason.
    assert!(!answer.status.is_server_error(), "{status}: {}", answer.text());
    if answer.status.is_success() {
        return;
    }
    let body = answer.json();
    let members = body.as_object().expect("an object");
    assert!(members["detail"].is_string(), "{body}");
    assert!(members.keys().all(|name| name == "detail" || name == "errors"), "{body}");
    // Where a way to a provider has ended, its cookie is taken away on purpose.
    let is_cleared = |cookie: &str| cookie.starts_with("__Host-doorward_provider=; ") && cookie.ends_with("Max-Age=0");
    let set: Vec<_> = answer.set_cookies().into_iter().filter(|cookie| !is_cleared(cookie)).collect();
    assert!(set.is_empty(), "ERR-08: {set:?}");
}

/// A client that is somebody, most of the time.
async fn somebody<'h>(house: &'h House, dice: &mut Dice, member: &mut Client<'h>, made: &mut u32) -> Client<'h> {
    let mut client = Client::new(house);
    match dice.below(6) {
        0 => {}
        1 => {
            client.get("/api/auth/csrf").await;
        }
        _ => {
            if member.get("/api/auth/me").await.status != StatusCode::OK {
                *made += 1;
                *member = house.member(&format!("member{made}@example.com")).await;
            }
            client.jar.clone_from(&member.jar);
        }
    }
    client
}

#[tokio::test]
async fn every_operation_of_the_description_withstands_whatever_is_sent() {
    let cases = number_of("DOORWARD_FUZZ_CASES").unwrap_or(CASES);
    let seed = number_of("DOORWARD_FUZZ_SEED").unwrap_or_else(fresh_seed);
    let house = House::new().await;
    let document = openapi::document();
    let all = operations(&document);
    let mut member = house.member("ada@example.com").await;
    let mut made = 0;
    let mut answered = std::collections::BTreeSet::new();
    for case in 0..cases {
        let mut dice = Dice::nth(seed, case);
        let operation = &all[usize::try_from(case).expect("small") % all.len()];
        let (method, path, described) = operation;
        let mut client = somebody(&house, &mut dice, &mut member, &mut made).await;
        note(&format!("seed {seed} case {case}: {method} {path}"));
        let answer = tokio::time::timeout(DEADLINE, knock(&mut client, &mut dice, operation)).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer within {DEADLINE:?}"));
        if !answer.text().is_empty() || !answer.status.is_success() {
            check(&answer, described);
        }
        answered.insert((method, path, answer.status.is_success()));
    }
    assert!(answered.len() >= all.len(), "every operation was asked");
}
