//! Text of people goes out escaped for where it goes: pages, mails, logs, and every form of the trail (INPUT-09).

use doorward_testkit::{Client, House, Request, Totp};
use serde_json::{Value, json};

/// Ends an attribute, opens an element, and means something to a shell of a spreadsheet, to CEF and to a log viewer.
const NAME: &str = "=1+1|<b>&\"'</b>\\<script>alert(1)</script>";
/// The parts of it that must never stand in HTML as they are.
const RAW: &[&str] = &["<b>", "</b>", "<script>alert", "&\"'", "\"'"];
const ADA: &str = "ada@app.test";

/// The hidden token of the form on a page.
fn token(page: &str) -> String {
    page.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

/// Sends a page's form as a browser would.
fn submit(client: &mut Client, page: &str, fields: &[(&str, &str)]) -> String {
    let token = token(&client.get(page).expect(200).text());
    let reply = client.send(&Request::post(page).form(&[fields, &[("csrf_token", &token)]].concat()));
    reply.text()
}

#[track_caller]
fn assert_escaped(what: &str, page: &str, is_shown: bool) {
    for raw in RAW {
        assert!(!page.contains(raw), "{what} has {raw}:\n{page}");
    }
    if is_shown {
        // As references, whichever the template engine prefers.
        let plain = ["&lt;", "&#60;", "&#x3c;"].iter().any(|less| page.contains(&format!("{less}script")));
        assert!(plain, "{what} does not show the name:\n{page}");
    }
}

/// A person whose every text is markup.
fn house_with_ada() -> (House, Client) {
    let house = House::builder().unlimited().log("trace").start();
    let body = json!({"email": ADA, "password": house.password(), "username": NAME});
    house.client().post_json("/api/auth/register", &body).expect(202);
    let token = house.mailbox().wait_for(ADA).token();
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).expect(200);
    let mut client = house.client();
    let body = json!({"email": ADA, "password": house.password()});
    let sign_in = Request::post("/api/auth/login").header("User-Agent", NAME).json(&body);
    client.send(&sign_in).expect(200);
    let changes = json!({"display_name": NAME, "bio": NAME, "avatar_url": "https://img.test/a.png?x=%3Cb%3E&y='"});
    client.send(&Request::new("PATCH", "/api/auth/me").csrf().header("User-Agent", NAME).json(&changes)).expect(200);
    (house, client)
}

/// Gives the account an authenticator app whose name is markup.
fn add_app(client: &mut Client) {
    let offer = client.send(&Request::post("/api/auth/factors/totp").csrf()).json();
    let mut app = Totp::scan(offer["uri"].as_str().unwrap());
    let body = json!({"enrolment": offer["enrolment"], "code": app.next_code()});
    let added = client.send(&Request::post("/api/auth/factors/totp/confirm").csrf().json(&body));
    assert_eq!(added.status, 200, "{}", added.text());
    let path = format!("/api/auth/factors/{}", added.json()["id"].as_str().unwrap());
    let renamed = client.send(&Request::new("PATCH", &path).csrf().json(&json!({"name": NAME})));
    assert_eq!(renamed.status, 204, "{}", renamed.text());
}

#[test]
fn input_09_a_name_that_is_markup_is_text_on_every_page() {
    let (house, mut client) = house_with_ada();
    add_app(&mut client);
    for (page, is_shown) in [
        ("/account", true),
        ("/account/profile", true),
        ("/account/sessions", false),
        ("/account/email", false),
        ("/account/password", false),
        ("/account/delete", false),
        ("/account/factors", true),
        ("/account/factors/passkey", false),
        ("/account/factors/recovery-codes", false),
        ("/account/step-up", false),
    ] {
        let reply = client.get(page).expect(200);
        assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        assert_escaped(page, &reply.text(), is_shown);
    }
    // What a form is shown again with, whatever was wrong with it.
    let long = format!("{NAME}{}", "x".repeat(2100));
    let again = submit(&mut client, "/account/profile", &[("display_name", NAME), ("bio", &long), ("avatar_url", NAME)]);
    assert_escaped("the profile, again", &again, true);
    let again = submit(&mut client, "/account/step-up", &[("code", NAME), ("next", NAME)]);
    assert_escaped("the fresh proof, again", &again, false);
    let mut stranger = house.client();
    for (page, fields) in [
        ("/account/sign-in/second-factor", &[("code", NAME), ("next", NAME), ("with", NAME)][..]),
        ("/account/sign-up", &[("email", NAME), ("username", NAME), ("password", "short")]),
        ("/account/sign-in", &[("email", NAME), ("password", "short")]),
        ("/account/forgot", &[("email", NAME)]),
        ("/account/resend", &[("email", NAME)]),
        ("/account/verify", &[("token", NAME)]),
        ("/account/reset", &[("token", NAME), ("password", "short")]),
    ] {
        assert_escaped(page, &submit(&mut stranger, page, fields), false);
    }
    for path in ["/account/%3Cb%3E%26%22'%3C%2Fb%3E", "/account/sign-in?next=%22'%3E%3Cb%3E", "/account?done=%3Cb%3E"] {
        let reply = stranger.send(&Request::get(path).header("Accept", "text/html"));
        assert_escaped(path, &reply.text(), false);
    }
}

/// JSON is no HTML: it says so, is parsed by nobody as such, and comes back character for character.
#[test]
fn input_09_a_name_that_is_markup_comes_back_as_it_was_in_json() {
    let (_house, mut client) = house_with_ada();
    let me = client.get("/api/auth/me");
    let export = client.send(&Request::post("/api/auth/me/export").csrf());
    for reply in [&me, &export] {
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!((&me.json()["display_name"], &me.json()["bio"]), (&json!(NAME), &json!(NAME)));
    assert_eq!(export.json()["account"]["display_name"], NAME);
    let refused = client.send(&Request::new("PATCH", "/api/auth/me").csrf().json(&json!({"avatar_url": NAME})));
    assert_eq!(refused.status, 422);
    assert!(!refused.text().contains("alert(1)"), "a fault repeats nothing: {}", refused.text());
}

#[test]
fn input_09_no_mail_holds_markup_of_a_person() {
    let (house, mut client) = house_with_ada();
    let stranger =
        |path: &str, body: Value| house.client().send(&Request::post(path).header("User-Agent", NAME).json(&body)).status;
    assert_eq!(stranger("/api/auth/register", json!({"email": ADA, "password": house.password(), "username": NAME})), 202);
    assert_eq!(stranger("/api/auth/forgot-password", json!({"email": ADA})), 200);
    let next = "eleven calm otters under a bridge";
    let body = json!({"current_password": house.password(), "new_password": next});
    client.send(&Request::post("/api/auth/password").csrf().json(&body)).expect(200);
    let body = json!({"current_password": next, "email": "new@app.test"});
    client.send(&Request::post("/api/auth/email").csrf().json(&body)).expect(202);
    let confirm = house.mailbox().wait_for("new@app.test").token();
    assert_eq!(stranger("/api/auth/email/confirm", json!({"token": confirm})), 200);
    // One for the sign-up, the second sign-up, the reset link, the new password and the address that was left; one for the new address.
    let _ = house.mailbox().wait_for_nth(ADA, 5);
    let mails = house.mailbox().all();
    assert_eq!(mails.len(), 6, "{mails:#?}");
    for mail in mails {
        assert!(mail.field("content-type").unwrap().starts_with("text/plain"), "a mail in HTML has to be escaped: {}", mail.text);
        assert!(!mail.text.contains("multipart/"), "{}", mail.text);
        for raw in RAW.iter().chain(&["alert(1)", "=1+1"]) {
            assert!(!mail.text.contains(raw) && !mail.body().contains(raw), "{raw} in {}", mail.text);
        }
    }
}

#[test]
fn input_09_logs_and_the_trail_are_escaped_for_their_form() {
    let (house, mut client) = house_with_ada();
    client.get("/%3Cb%3E%26%22'%3C%2Fb%3E%7C=%5C");
    for line in house.stderr().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        assert!(!line.contains("alert(1)"), "neither name nor user agent is in a log: {line}");
    }
    let run = |words: &[&str]| {
        let output = house.command(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json_lines = run(&["audit", "export", "--format", "jsonl"]);
    let with_agent: Vec<Value> = json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter(|entry: &Value| entry["user_agent"] == NAME)
        .collect();
    assert!(with_agent.len() >= 2, "a sign-in and a change: {json_lines}");
    assert!(!json_lines.replace(&serde_json::to_string(NAME).unwrap(), "").contains("alert(1)"), "nowhere but as the user agent");
    // CEF: `=` and `\` are escaped in the extension, and `|` ends nothing there.
    let cef = run(&["audit", "export", "--format", "cef"]);
    let escaped = NAME.replace('\\', "\\\\").replace('=', "\\=");
    assert!(cef.lines().filter(|line| line.contains(&format!("requestClientApplication={escaped}"))).count() >= 2, "{cef}");
    for line in cef.lines() {
        let header = line.split('|').take(7).collect::<Vec<_>>();
        assert!(header.len() == 7 && header[0] == "CEF:0" && header[6].parse::<u8>().is_ok(), "{line}");
    }
    // A spreadsheet would run a cell that begins with `=`; there is no such form of the trail. Should there be one, it belongs in here.
    let help = run(&["audit", "export", "--help"]);
    let values: Vec<_> =
        help.lines().filter_map(|line| Some(line.trim().strip_prefix("- ")?.split(':').next()?.to_owned())).collect();
    assert_eq!(values, ["jsonl", "cef"], "{help}");
    for words in [&["audit", "tail", "-n", "1000"][..], &["user", "list"], &["user", "show", ADA], &["session", "list", ADA]] {
        assert!(!run(words).chars().any(|c| c.is_control() && c != '\n'), "{words:?}");
    }
    for words in [&["user", "list", "--json"][..], &["user", "show", ADA, "--json"]] {
        let shown: Value = serde_json::from_str(run(words).lines().next().unwrap()).unwrap();
        assert!(shown.is_object(), "{words:?}");
    }
}
