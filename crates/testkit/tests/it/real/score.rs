//! The score of a run is that of MDN's own scorer, fixture by fixture.

use std::io::Write as _;
use std::process::{Command, Stdio};

use doorward_testkit::real::{parts, sources};
use doorward_verify::score::{Plain, Preflight, Subject, grade, modifiers, value};
use serde_json::{Value, json};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                   form-action 'self'; frame-ancestors 'none'; upgrade-insecure-requests; report-uri /api/csp-report; report-to csp";

/// A site as the guide asks for it.
fn guide() -> Subject {
    let fields = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", CSP),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("set-cookie", "__Host-doorward_csrf=a; Path=/; Secure; SameSite=Strict"),
    ];
    Subject {
        host: "app.test".to_owned(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: "<!doctype html><script src=\"/a.js\" integrity=\"sha384-x\"></script>".to_owned(),
        trusted: true,
        plain: Plain::Redirect("https://app.test/".to_owned()),
        preflight: None,
    }
}

/// The site with one field instead of its own.
fn with(name: &str, values: &[&str]) -> Subject {
    let mut subject = guide();
    subject.fields.retain(|(known, _)| known != name);
    subject.fields.extend(values.iter().map(|value| (name.to_owned(), (*value).to_owned())));
    subject
}

fn body(text: &str) -> Subject {
    Subject { body: text.to_owned(), ..guide() }
}

fn plain(plain: Plain) -> Subject {
    Subject { plain, ..guide() }
}

fn policies() -> Vec<Subject> {
    let one = [
        "default-src 'none'",
        "default-src 'self'",
        "default-src 'none'; style-src 'self' 'unsafe-inline'",
        "default-src 'none'; style-src data:; frame-ancestors 'self'",
        "default-src 'self' 'unsafe-inline'",
        "script-src 'self'",
        "default-src *",
        "default-src 'self'; object-src https:",
        "default-src 'self'; script-src 'self' 'unsafe-eval'",
        "default-src 'self'; img-src http://images.test",
        "default-src 'self'; connect-src http://api.test",
        "default-src 'self'; script-src 'self'; script-src 'none'",
        "default-src 'none'; report-uri /a; report-uri /b",
        "default-src 'none'; script-src 'nonce-abc' 'unsafe-inline'",
        "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic' https: 'self'",
        "default-src 'none'; script-src 'strict-dynamic' 'self'",
        "DEFAULT-SRC 'NONE'; IMG-SRC",
        "frame-ancestors 'none'",
        "img",
        ";;;;;;;",
    ];
    let mut all: Vec<Subject> = one.iter().map(|policy| with("content-security-policy", &[policy])).collect();
    all.push(with("content-security-policy", &[]));
    all.push(with("content-security-policy", &[CSP, CSP]));
    all.push(with("content-security-policy", &["default-src 'none'", "script-src https:"]));
    let mut reporting = with("content-security-policy", &[]);
    reporting.fields.push(("content-security-policy-report-only".to_owned(), "default-src 'none'".to_owned()));
    all.push(reporting);
    let tag = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self' https://a.test/b/\">";
    let tagged = |policies: &[&str]| Subject { body: tag.to_owned(), ..with("content-security-policy", policies) };
    all.push(tagged(&[]));
    all.push(tagged(&[CSP]));
    all.push(tagged(&["default-src 'self'; script-src https://a.test/b/c 'self'"]));
    all
}

fn fields() -> Vec<Subject> {
    let values: [(&str, &[&[&str]]); 5] = [
        (
            "strict-transport-security",
            &[
                &[],
                &["max-age=15552000"],
                &["max-age=15551999; includeSubDomains"],
                &["max-age=0"],
                &["includeSubDomains"],
                &["max-age=abc"],
                &["max-age=\"63072000\""],
                &["max-age=63072000", "max-age=63072000"],
                &["Max-Age=63072000; Preload"],
            ],
        ),
        ("x-content-type-options", &[&[], &["NoSniff"], &["nosniff", "nosniff"], &["sniff"], &[""]]),
        ("x-frame-options", &[&[], &["SAMEORIGIN"], &["ALLOW-FROM https://a.test"], &["DENY", "DENY"]]),
        (
            "referrer-policy",
            &[
                &[],
                &["no-referrer"],
                &["unsafe-url"],
                &["no-referrer, strict-origin"],
                &["wrong"],
                &["same-origin", "origin"],
                &[""],
            ],
        ),
        ("cross-origin-resource-policy", &[&[], &["same-site"], &["cross-origin"], &["same-origin", "same-origin"], &["wrong"]]),
    ];
    let mut all = Vec::new();
    for (name, variants) in values {
        for variant in variants {
            let subject = with(name, variant);
            let mut framed = subject.clone();
            // Without a policy the older field is what counts.
            framed.fields.retain(|(known, _)| known != "content-security-policy");
            all.extend([subject, framed]);
        }
    }
    all
}

fn cookies() -> Vec<Subject> {
    let sets: [&[&str]; 12] = [
        &[],
        &["a=b; Secure"],
        &["a=b; SameSite=Lax"],
        &["a=b; SameSite=None"],
        &["a=b; Secure; SameSite=Wrong"],
        &["a=b; Secure; SameSite"],
        &["session=b; Secure; SameSite=Lax"],
        &["session=b; HttpOnly; SameSite=Lax"],
        &["session=b; Secure; HttpOnly; SameSite=Lax", "csrftoken=a; Secure"],
        &["__Host-session=b; HttpOnly; Path=/"],
        &["login=b; Secure; HttpOnly; SameSite=Strict", "theme=dark; SameSite=Lax"],
        &["heroku-session-affinity=b"],
    ];
    let mut all: Vec<Subject> = sets.iter().map(|set| with("set-cookie", set)).collect();
    let mut bare = with("set-cookie", &["session=b; HttpOnly"]);
    bare.fields.retain(|(known, _)| known != "strict-transport-security");
    all.push(bare);
    all
}

fn rest() -> Vec<Subject> {
    let to = |place: &str| plain(Plain::Redirect(place.to_owned()));
    let asked = |values: [&str; 2]| {
        let names = ["access-control-allow-origin", "access-control-allow-credentials"];
        let fields = names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
        Subject { preflight: Some(Preflight { origin: "https://other.test".to_owned(), fields }), ..guide() }
    };
    vec![
        guide(),
        Subject { trusted: false, ..guide() },
        Subject { trusted: false, plain: Plain::Closed, ..guide() },
        plain(Plain::Closed),
        plain(Plain::Page),
        to("https://www.app.test/"),
        to("https://APP.test:8443/x?y#z"),
        to("http://app.test/x"),
        to("/x"),
        asked(["*", ""]),
        asked(["https://other.test", "true"]),
        asked(["https://other.test", "false"]),
        asked(["https://app.test", "true"]),
        with("content-type", &["application/json"]),
        with("content-type", &[]),
        body(""),
        body("<script>1</script>"),
        body("<!-- <script src=https://b.test/x></script> --><p>no script</p>"),
        body("<script src='/a.js'></script>"),
        body("<SCRIPT SRC=https://b.test/x></SCRIPT>"),
        body("<script src=https://b.test/x integrity=sha384-x></script>"),
        body("<script src=http://b.test/x integrity=sha384-x></script>"),
        body("<script src=http://b.test/x></script><script src=/a integrity=sha384-x></script>"),
        body("<script src=/a integrity=sha384-x></script><script src=https://b.test/x></script>"),
        body("<script src=//b.test/x integrity=sha384-x></script>"),
        body("<script src=https://cdn.app.test/x integrity=sha384-x></script>"),
        body("<meta name=referrer content=unsafe-url><title><script src=x></title>"),
    ]
}

fn written(subject: &Subject) -> Value {
    let plain = match &subject.plain {
        Plain::Closed => "closed",
        Plain::Page => "page",
        Plain::Redirect(to) => to,
    };
    let preflight = subject.preflight.as_ref().map(|asked| json!({"origin": asked.origin, "fields": asked.fields}));
    json!({
        "host": subject.host, "fields": subject.fields, "body": subject.body, "trusted": subject.trusted, "plain": plain,
        "preflight": preflight,
    })
}

/// What MDN's functions make of the subjects.
fn theirs(subjects: &[Subject]) -> Vec<Value> {
    let node = parts().join("node/nodejs/bin/node");
    assert!(node.exists(), "{} is missing: run `cargo xtask test`", node.display());
    let mut command = Command::new(node);
    command.arg(sources().join("observatory/score.mjs")).arg(parts().join("observatory/node_modules")).env_remove("NODE_OPTIONS");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let sites: Vec<Value> = subjects.iter().map(written).collect();
    child.stdin.take().unwrap().write_all(Value::from(sites).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn ver_13_the_score_is_that_of_an_independent_scorer_on_every_fixture() {
    let subjects = [policies(), fields(), cookies(), rest()].concat();
    let theirs = theirs(&subjects);
    assert_eq!(theirs.len(), subjects.len());
    let mut values = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for (subject, theirs) in subjects.iter().zip(&theirs) {
        let modifiers = modifiers(subject);
        let value = value(&modifiers);
        let ours = json!({"value": value, "grade": grade(value), "modifiers": modifiers});
        if ours != *theirs {
            wrong.push(format!("{subject:#?}\nours   {ours}\ntheirs {theirs}"));
        }
        values.insert(value);
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), subjects.len(), wrong.join("\n\n"));
    assert!(values.len() > 12, "fixtures that all come to the same show little: {values:?}");
}
