//! No secret reaches a file or the screen.

use doorward_kit::Secret;
use doorward_verify::{GateCredential, Paint, Report, summary};

use crate::house::{Act, House, look};

const SESSION: &str = "Zk3-PLANTED-session-0f9e8d";
const CODE: &str = "planted-code-77";
const BEARER: &str = "planted.bearer.value";
const ECHO: &str = "Zk3-PLANTED-session-0f9e8d";
const PASSWORD: &str = "open the gate, please";

fn written(report: &Report) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    report.write(dir.path()).expect("written");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("a file");
    read("security-headers.json") + &read("verification-report.json") + &summary(report, Paint::Plain)
}

async fn planted() -> Report {
    let house = House::tampered(|asked, reply| {
        Act::Reply(match (asked.secure, asked.target.as_str()) {
            (true, "/") => reply
                .add("set-cookie", &format!("__Host-doorward_session={SESSION}; Path=/; Secure; HttpOnly; SameSite=Lax"))
                .add("set-cookie", &format!("legacy={SESSION}; Path=/; Planted={CODE}"))
                .add("x-debug-echo", &format!("last seen {ECHO}"))
                .add("authorization", &format!("Bearer {BEARER}"))
                .add("x-csrf-token", BEARER)
                .add("referrer-policy", &format!("https://x.test/?code={CODE}")),
            (true, "/api/health") => {
                reply.add("location", &format!("https://u:{BEARER}@app.test/cb?code={CODE}&state={SESSION}#t={CODE}"))
            }
            (true, "/api/auth/me") => {
                reply.add("content-security-policy", &format!("report-uri https://x.test/?code={CODE}; script-src {SESSION}"))
            }
            _ => reply,
        })
    })
    .await;
    let mut options = house.options();
    options.roots = vec![house.root.clone()];
    options.credentials = vec![GateCredential {
        gate: "desk".into(),
        user: "operator".into(),
        password: Secret::new(PASSWORD.into()),
        status: 200,
    }];
    look(&house.plan(options)).await
}

#[tokio::test]
async fn ver_06_planted_secrets_are_in_neither_file_nor_on_the_screen() {
    let report = planted().await;
    let text = written(&report);
    for secret in [SESSION, CODE, BEARER, PASSWORD, "b3BlcmF0b3I6", "c2VjcmV0LW9mLXRoZS1mb3Jt", "YW5vdGhlci1zZWNyZXQ"] {
        assert!(!text.contains(secret), "{secret} in {}", text.lines().find(|line| line.contains(secret)).unwrap_or_default());
    }
}

#[tokio::test]
async fn ver_06_what_is_not_secret_stays() {
    let report = planted().await;
    let headers = &report.headers.probes[0].response.as_ref().expect("an answer").headers;
    let cookies: Vec<&str> = headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect();
    assert_eq!(cookies[0], "__Host-doorward_session=<redacted>; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(cookies[1], "legacy=<redacted>; Path=/; <redacted>");
    let health = report.headers.probes.iter().find(|probe| probe.id == "api-health-get").expect("planned");
    let location = health.response.iter().flat_map(|response| &response.headers).find(|(name, _)| name == "location");
    assert_eq!(location.map(|(_, value)| value.as_str()), Some("https://<redacted>@app.test/cb?<redacted>"));
    let gate = report.headers.probes.iter().find(|probe| probe.id == "gate-desk-inside-right").expect("planned");
    assert!(gate.request.headers.contains(&("authorization".into(), "<redacted>".into())));
    assert!(report.headers.redactions.set_cookie_values >= 4);
    assert_eq!(
        report.headers.redactions.location_queries, 4,
        "of api-health-get, api-405, http-redirect and the way to the sign-in page"
    );
}

#[test]
fn ver_16_credentials_are_taken_only_from_private_files_and_never_shown() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str, mode: u32| {
        std::fs::write(dir.path().join(name), text).expect("written");
        std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(mode)).expect("mode");
    };
    write("list", "# gates\ndesk operator pw 302\n", 0o600);
    write("pw", &format!("{PASSWORD}\n"), 0o600);
    let read = || doorward_verify::read_credentials(&dir.path().join("list"));
    let list = read().expect("private");
    assert_eq!((list[0].gate.as_str(), list[0].status, list[0].password.expose().as_str()), ("desk", 302, PASSWORD));
    assert!(!format!("{list:?}").contains(PASSWORD));
    write("pw", PASSWORD, 0o640);
    assert!(read().expect_err("readable by the group").to_string().ends_with("make it mode 0600"));
    write("pw", PASSWORD, 0o600);
    write("list", &format!("desk operator:{PASSWORD}\n"), 0o600);
    assert!(!read().expect_err("malformed").to_string().contains(PASSWORD));
}
