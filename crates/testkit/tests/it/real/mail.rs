//! The real binary with a real relay, and what becomes of mail when that fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use doorward_testkit::canary::{Canary, Hit, files_below};
use doorward_testkit::real::{Postgres, Redis, SMTP_PASSWORD, Smtp, SmtpMode};
use doorward_testkit::timing::assert_untellable;
use doorward_testkit::{Client, House, HouseBuilder, Reply, Request, Start, until};
use serde_json::{Value, json};

use crate::site::constant_part;

const PATIENCE: Duration = Duration::from_secs(30);

fn house(relay: &Smtp) -> HouseBuilder {
    House::builder().smtp(relay).mail("retry_first = \"1s\"")
}

/// Runs a command: exit code and what it printed.
fn run(house: &House, words: &[&str]) -> (Option<i32>, String) {
    let output = house.command(words);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What the outbox holds, newest first.
#[track_caller]
fn mails(house: &House) -> Vec<Value> {
    let (code, out) = run(house, &["mail", "list", "--json"]);
    assert_eq!(code, Some(0), "{out}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until the newest mail was tried and failed; the fault and the state.
#[track_caller]
fn fault(house: &House) -> (String, String) {
    until(PATIENCE, "a delivery to fail", || {
        let newest = mails(house).into_iter().next()?;
        let fault = newest["fault"].as_str()?.to_owned();
        Some((fault, newest["state"].as_str().unwrap().to_owned()))
    })
}

#[test]
fn mail_leaves_over_verified_tls_of_either_kind_as_somebody_the_relay_knows() {
    for mode in [SmtpMode::Implicit, SmtpMode::StartTls] {
        let relay = Smtp::start(mode);
        let house = house(&relay).start();
        let mut ada = house.member("ada@app.test");
        assert_eq!(ada.get("/api/auth/me").json()["email"], "ada@app.test");
        let [mail] = &relay.mailbox().all()[..] else { panic!("{mode:?}: one mail") };
        assert_eq!(mail.field("to").as_deref(), Some("ada@app.test"));
        assert!(mail.field("auto-submitted").is_some() && mail.text.is_ascii(), "{mode:?}");
        assert!(!house.data_dir().join("mail").exists(), "{mode:?}: and not into files as well");
    }
}

#[test]
fn email_10_a_relay_with_a_certificate_of_another_name_or_authority_gets_nothing() {
    // All at once: each waits for an attempt that fails.
    std::thread::scope(|scope| {
        for mode in [SmtpMode::Implicit, SmtpMode::StartTls] {
            scope.spawn(move || {
                let relay = Smtp::start_as(mode, "relay.elsewhere.test");
                gets_nothing("another name", mode, &relay, &relay);
            });
            scope.spawn(move || gets_nothing("another authority", mode, &Smtp::start(mode), &Smtp::start(mode)));
        }
    });
}

#[track_caller]
fn gets_nothing(what: &str, mode: SmtpMode, relay: &Smtp, authority: &Smtp) {
    let (own, other) = (relay.ca_file(), authority.ca_file());
    let house = house(relay).edit(own.to_str().unwrap(), other.to_str().unwrap()).start();
    house.sign_up("ada@app.test", house.password());
    assert_eq!(fault(&house), ("tls".to_owned(), "waiting".to_owned()), "{what}, {mode:?}");
    assert_eq!(relay.attempts(), 0, "{what}, {mode:?}");
}

#[test]
fn email_10_a_relay_in_clear_is_refused_in_the_file_and_at_the_socket() {
    let relay = Smtp::start(SmtpMode::Clear);
    let Start::Refused { code, stderr, .. } = House::builder().smtp(&relay).try_start() else { panic!("mail in clear") };
    assert!(code == Some(2) && stderr.contains("mail.url"), "{code:?}: {stderr}");
    let url = format!("smtp://{}", relay.address());
    let house = house(&relay).edit(&relay.url(), &url).start();
    house.sign_up("ada@app.test", house.password());
    assert_eq!(fault(&house), ("no_starttls".to_owned(), "waiting".to_owned()));
    assert_eq!(relay.attempts(), 0);
}

/// Passes everything on, and adds lines of its own behind the relay's reply to STARTTLS: they go out with it, still in clear.
fn between(relay: SocketAddr, added: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(relay).unwrap();
            std::thread::spawn(move || meddle(&client, &server, added));
        }
    });
    port
}

fn meddle(client: &TcpStream, server: &TcpStream, added: &str) -> Option<()> {
    let (mut heard, mut said) = (BufReader::new(client.try_clone().ok()?), BufReader::new(server.try_clone().ok()?));
    let reply = |said: &mut BufReader<TcpStream>| {
        let mut reply = String::new();
        while said.read_line(&mut reply).ok()? > 0 && reply.lines().last()?.as_bytes().get(3) != Some(&b' ') {}
        Some(reply)
    };
    let (mut client, mut server) = (client, server);
    client.write_all(reply(&mut said)?.as_bytes()).ok()?;
    loop {
        let mut line = String::new();
        heard.read_line(&mut line).ok()?;
        server.write_all(line.as_bytes()).ok()?;
        let answer = reply(&mut said)?;
        if line.trim_end() == "STARTTLS" {
            client.write_all(format!("{answer}{added}").as_bytes()).ok()?;
            break;
        }
        client.write_all(answer.as_bytes()).ok()?;
    }
    let (mut up, mut down) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut heard, &mut down));
    std::io::copy(&mut said, &mut up).ok().map(|_| ())
}

#[test]
fn email_10_lines_that_somebody_adds_behind_starttls_are_not_taken_for_the_relay() {
    let relay = Smtp::start(SmtpMode::StartTls);
    for (added, is_delivered) in [("", true), ("250-relay.test\r\n250 AUTH LOGIN PLAIN\r\n", false), ("2", false)] {
        let port = between(relay.address(), added);
        let url = relay.url();
        let meddled = url.replace(&format!(":{}", relay.address().port()), &format!(":{port}"));
        let house = house(&relay).edit(&url, &meddled).start();
        house.sign_up("ada@app.test", house.password());
        if is_delivered {
            let _ = relay.mailbox().wait_for("ada@app.test");
        } else {
            assert_eq!(fault(&house), ("tls".to_owned(), "waiting".to_owned()), "{added:?}");
            assert_eq!(relay.attempts(), 1, "{added:?}");
        }
    }
}

#[test]
fn email_10_what_a_relay_does_not_take_now_it_gets_later_and_what_it_never_takes_is_given_up_at_once() {
    let mut relay = Smtp::start(SmtpMode::Implicit);
    let house = house(&relay).start();
    relay.order("reject nobody\nbusy busy");
    house.sign_up("nobody@app.test", house.password());
    assert_eq!(fault(&house), ("recipient 550".to_owned(), "dead".to_owned()));
    house.sign_up("busy@app.test", house.password());
    assert_eq!(fault(&house), ("recipient 451".to_owned(), "waiting".to_owned()));
    relay.order("");
    let _ = relay.mailbox().wait_for("busy@app.test");

    relay.order("drop");
    house.sign_up("cut@app.test", house.password());
    assert_eq!(fault(&house).1, "waiting");
    relay.order("");
    let _ = relay.mailbox().wait_for("cut@app.test");

    relay.stop();
    house.sign_up("later@app.test", house.password());
    assert_eq!(fault(&house), ("unreachable".to_owned(), "waiting".to_owned()));
    relay.start_again();
    let _ = relay.mailbox().wait_for("later@app.test");
    assert_eq!(relay.mailbox().all().len(), 3);
    let (_, given_up) = run(&house, &["audit", "search", "--event", "email.given_up", "--json"]);
    assert!(given_up.lines().count() == 1 && !given_up.contains("nobody@"), "{given_up}");
}

#[test]
fn a_relay_that_does_not_know_us_keeps_the_mail_waiting_until_the_password_is_right() {
    let relay = Smtp::start(SmtpMode::StartTls);
    std::fs::write(relay.password_file(), "parsley").unwrap();
    let mut house = house(&relay).log("trace").start();
    house.sign_up("ada@app.test", house.password());
    assert_eq!(fault(&house), ("sign_in 535".to_owned(), "waiting".to_owned()));
    std::fs::write(relay.password_file(), SMTP_PASSWORD).unwrap();
    house.restart_with(|text| text);
    let _ = relay.mailbox().wait_for("ada@app.test");
    assert!(!house.stderr().contains(SMTP_PASSWORD) && !house.stderr().contains("parsley"));
}

#[test]
fn an_operator_lists_shows_and_retries_mail_and_never_sees_a_link() {
    // Over both databases at once: most of the time is waiting for mail.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let relay = Smtp::start(SmtpMode::Implicit);
            operate(&house(&relay).start(), &relay);
        });
        let (relay, postgres) = (Smtp::start(SmtpMode::Implicit), Postgres::start());
        operate(&house(&relay).postgres(&postgres).start(), &relay);
    });
}

#[test]
fn two_nodes_send_every_mail_once() {
    let (relay, postgres, redis) = (Smtp::start(SmtpMode::StartTls), Postgres::start(), Redis::start());
    let house = house(&relay).postgres(&postgres).redis(&redis).start();
    let other = house.another_node();
    relay.order("late 0.2");
    let mut clients = [house.client(), other.client()];
    for number in 0..24 {
        let body = json!({"email": format!("ada{number}@app.test"), "password": house.password()});
        clients[number % 2].post_json("/api/auth/register", &body).expect(202);
    }
    until(PATIENCE, "every mail to leave", || (mails(&house).iter().all(|mail| mail["state"] == "sent")).then_some(()));
    assert_eq!((relay.attempts(), relay.mailbox().all().len()), (24, 24));
}

#[track_caller]
fn operate(house: &House, relay: &Smtp) {
    relay.order("reject @app.test");
    for name in ["ada", "bea", "cat"] {
        house.sign_up(&format!("{name}@app.test"), house.password());
    }
    until(PATIENCE, "three to be given up", || {
        (mails(house).iter().filter(|mail| mail["state"] == "dead").count() == 3).then_some(())
    });
    let listed = mails(house);
    let id = listed[0]["id"].as_str().unwrap();
    let (code, shown) = run(house, &["mail", "show", id]);
    assert_eq!(code, Some(0));
    for expected in [id, "cat@app.test", "verification", "dead", "recipient 550"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert_eq!(run(house, &["mail", "show", id, "--json"]).1.trim_end(), listed[0].to_string());
    assert_eq!(run(house, &["mail", "list", "--state", "dead"]).1.lines().count(), 3);
    assert_eq!(run(house, &["mail", "list", "--state", "waiting"]).1, "");
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(run(house, &["mail", "show", unknown]).0, Some(1));
    assert_eq!(run(house, &["mail", "retry", unknown]).0, Some(1));
    for words in
        [&["mail", "show", "x"][..], &["mail", "retry"], &["mail", "retry", id, "--all"], &["mail", "list", "--state", "x"]]
    {
        assert_eq!(run(house, words).0, Some(2), "{words:?}");
    }
    relay.order("");
    assert_eq!(run(house, &["mail", "retry", id]).0, Some(0));
    let mail = relay.mailbox().wait_for("cat@app.test");
    assert_eq!(run(house, &["mail", "retry", id]).0, Some(1), "it is dead no more");
    assert_eq!(run(house, &["mail", "retry", "--all"]).0, Some(0));
    let _ = (relay.mailbox().wait_for("ada@app.test"), relay.mailbox().wait_for("bea@app.test"));
    let (_, retried) = run(house, &["audit", "search", "--event", "admin.mail_retry", "--json"]);
    assert_eq!(retried.lines().count(), 3);
    let reply = house.client().post_json("/api/auth/verify-email", &json!({"token": mail.token()}));
    assert_eq!(reply.status, 200, "the link of a revived mail works: {reply:?}");
    let (_, printed) = run(house, &["mail", "list"]);
    assert!(!printed.contains("https://") && !shown.contains("https://"));
}

/// The token of a mail, as it is and as octets.
fn secrets(token: &str) -> Vec<Canary> {
    use base64::Engine as _;
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
    vec![Canary::new("token", token.to_owned()), Canary::new("its octets", octets)]
}

/// Where one of the secrets is, in some files.
fn finds(files: &[(String, Vec<u8>)], secrets: &[Canary]) -> Vec<Hit> {
    files.iter().flat_map(|(name, octets)| secrets.iter().flat_map(|secret| secret.search(name, octets))).collect()
}

/// Everything that a house has written: database, log, settings.
fn written(house: &House) -> Vec<(String, Vec<u8>)> {
    let read = |path: PathBuf| Some((path.display().to_string(), std::fs::read(&path).ok()?));
    files_below(house.folder()).into_iter().filter_map(read).collect()
}

#[test]
fn email_09_a_link_is_nowhere_on_the_disk_while_its_mail_waits_nor_when_it_was_sent() {
    let mut relay = Smtp::start(SmtpMode::Implicit);
    let house = house(&relay).start();
    relay.stop();
    house.sign_up("ada@app.test", house.password());
    let _ = fault(&house);
    let while_it_waited = written(&house);
    relay.start_again();
    let secrets = secrets(&relay.mailbox().wait_for("ada@app.test").token());
    assert_eq!(finds(&while_it_waited, &secrets), [], "while it waited");
    until(PATIENCE, "the mail to be noted as sent", || (mails(&house)[0]["state"] == "sent").then_some(()));
    assert_eq!(finds(&written(&house), &secrets), [], "after it was sent");
}

#[test]
fn what_a_relay_writes_in_a_refusal_is_neither_logged_nor_stored_nor_shown() {
    let relay = Smtp::start(SmtpMode::StartTls);
    let house = house(&relay).log("trace").start();
    relay.order("spam");
    house.sign_up("ada@app.test", house.password());
    assert_eq!(fault(&house), ("relay 554".to_owned(), "waiting".to_owned()));
    relay.order("spam\nreject bea");
    house.sign_up("bea@app.test", house.password());
    assert_eq!(fault(&house), ("recipient 550".to_owned(), "dead".to_owned()));
    let id = mails(&house)[1]["id"].as_str().unwrap().to_owned();
    let (_, shown) = run(&house, &["mail", "show", &id]);
    relay.order("");
    assert_eq!(run(&house, &["mail", "retry", "--all"]).0, Some(0));
    let token = relay.mailbox().wait_for("ada@app.test").token();
    assert_eq!(finds(&written(&house), &secrets(&token)), []);
    let log = house.stderr();
    for word in ["looks like spam", "is nobody here", "ada@app.test", "bea@app.test"] {
        assert!(!log.contains(word), "{word} in the log");
    }
    assert!(log.contains("relay 554") && log.contains("recipient 550"), "{log}");
    assert!(!shown.contains("spam") && !shown.contains(&token));
}

fn resend(client: &mut Client, email: &str) -> Reply {
    client.post_json("/api/auth/verify-email/resend", &json!({"email": email}))
}

#[test]
fn email_12_a_flood_leaves_so_many_waiting_and_answers_the_same_and_the_owner_is_still_told() {
    let mut relay = Smtp::start(SmtpMode::Implicit);
    let house = house(&relay).unlimited().mail("queue_max = 100").start();
    let mut ada = house.member("ada@app.test");
    relay.stop();
    house.sign_up("flood@app.test", house.password());
    let mut client = house.client();
    let first = resend(&mut client, "flood@app.test");
    for _ in 0..150 {
        assert_eq!(constant_part(&resend(&mut client, "flood@app.test")), constant_part(&first));
    }
    let count = |state: &str| run(&house, &["mail", "list", "--state", state]).1.lines().count();
    assert_eq!(count("waiting"), 100);
    let body = json!({"current_password": house.password(), "new_password": "another fine long passphrase"});
    assert_eq!(ada.send(&Request::post("/api/auth/password").csrf().json(&body)).status, 200);
    assert_eq!(count("waiting"), 101, "a notice that protects an account is not part of the flood");
    let told = until(PATIENCE, "the refusals in the trail", || {
        let (_, out) = run(&house, &["audit", "search", "--event", "email.queue_failed", "--json"]);
        let counts = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["count"].as_u64().unwrap_or(1));
        let told: u64 = counts.sum();
        (told >= 52).then_some(told)
    });
    assert_eq!(told, 52);
    relay.start_again();
    let notice = relay.mailbox().wait_for("ada@app.test");
    assert!(!notice.text.is_empty());
}

#[test]
fn email_12_an_address_gets_so_many_mails_a_day_and_nobody_is_told() {
    let relay = Smtp::start(SmtpMode::Implicit);
    let house = house(&relay).limit("mail_address", "3/24h").start();
    let mut client = house.client();
    let replies: Vec<_> = (0..6)
        .map(|_| client.post_json("/api/auth/register", &json!({"email": "ada@app.test", "password": house.password()})))
        .collect();
    assert!(replies.iter().all(|reply| constant_part(reply) == constant_part(&replies[0]) && reply.status == 202));
    house.sign_up("bea@app.test", house.password());
    let _ = relay.mailbox().wait_for("bea@app.test");
    assert_eq!(relay.mailbox().to("ada@app.test").len(), 3);
}

/// What a stranger can ask for by an address, known or not.
fn questions(house: &House, email: &str) -> Vec<(&'static str, Reply)> {
    let (by_mail, whole) = (json!({"email": email}), json!({"email": email, "password": house.password()}));
    let ask = |path, body| (path, house.client().post_json(path, body));
    vec![
        ask("/api/auth/register", &whole),
        ask("/api/auth/forgot-password", &by_mail),
        ask("/api/auth/verify-email/resend", &by_mail),
    ]
}

#[test]
fn enum_13_the_state_of_mail_shows_in_no_answer() {
    let mut relay = Smtp::start(SmtpMode::Implicit);
    let house = house(&relay).unlimited().mail("queue_max = 100").start();
    house.add_member("known@app.test");
    let alike = |state: &str, first: &[(&str, Reply)]| {
        for email in ["known@app.test", "fresh@app.test"] {
            for ((path, reply), (_, usual)) in questions(&house, email).iter().zip(first) {
                assert_eq!(constant_part(reply), constant_part(usual), "{path} for {email} while {state}");
                assert_eq!(reply.raw_head.len(), usual.raw_head.len(), "{path} for {email} while {state}");
            }
        }
    };
    let healthy = questions(&house, "first@app.test");
    assert_eq!(healthy.iter().map(|(_, reply)| reply.status).collect::<Vec<_>>(), [202, 200, 200]);
    alike("mail leaves", &healthy);
    relay.order("reject @app.test");
    alike("every recipient is refused", &healthy);
    relay.order("late 2");
    alike("the relay is slow", &healthy);
    relay.order("hang");
    alike("the relay hangs", &healthy);
    relay.stop();
    alike("the relay is down", &healthy);
    house.sign_up("flood@app.test", house.password());
    let mut client = house.client();
    for _ in 0..100 {
        resend(&mut client, "flood@app.test").expect(200);
    }
    alike("the queue is full", &healthy);
    let (_, full) = run(&house, &["audit", "search", "--event", "email.queue_failed", "--json"]);
    assert!(!full.is_empty(), "it was full indeed");
}

#[test]
fn enum_13_a_known_address_takes_the_same_time_while_the_relay_hangs_and_while_the_queue_is_full() {
    for (queue_max, state) in [(1_000_000, "the relay hangs"), (100, "the queue is full")] {
        let relay = Smtp::start(SmtpMode::Implicit);
        let house = house(&relay).unlimited().mail(&format!("queue_max = {queue_max}")).start();
        house.add_member("known@app.test");
        relay.order("hang");
        let mut clients = [house.client(), house.client()];
        clients.iter_mut().for_each(|client| drop(client.get("/api/health")));
        let [known, unknown] = &mut clients;
        let time = |client: &mut Client, email: &str| {
            let start = std::time::Instant::now();
            client.post_json("/api/auth/forgot-password", &json!({"email": email})).expect(200);
            start.elapsed()
        };
        if queue_max == 100 {
            for _ in 0..110 {
                time(known, "known@app.test");
            }
        }
        let mut n = 0;
        assert_untellable(
            &format!("a reset link while {state}"),
            || time(known, "known@app.test"),
            || {
                n += 1;
                time(unknown, &format!("n{n:04}@app.test"))
            },
        );
    }
}

#[test]
fn a_relay_that_hangs_does_not_keep_the_house_from_ending() {
    let relay = Smtp::start(SmtpMode::Implicit);
    let mut house = house(&relay).start();
    relay.order("hang");
    house.sign_up("ada@app.test", house.password());
    until(PATIENCE, "the relay to hang", || (relay.attempts() == 1).then_some(()));
    assert_eq!(house.stop(), Some(0));
}

#[test]
fn a_relay_whose_authorities_or_password_cannot_be_read_is_refused_at_the_start() {
    let folder = tempfile::TempDir::with_prefix("doorward-mail-").unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let cases = [
        ("ca_file", folder.path().join("absent").display().to_string()),
        ("ca_file", write("empty.pem", "", 0o644)),
        ("ca_file", write("prose.pem", "trust me", 0o644)),
        ("ca_file", write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644)),
        ("password_file", folder.path().join("absent").display().to_string()),
        ("password_file", write("open", "marjoram-and-thyme", 0o644)),
        ("password_file", write("blank", "\n", 0o600)),
    ];
    let password = write("password", SMTP_PASSWORD, 0o600);
    for (key, path) in cases {
        let password = if key == "password_file" { &path } else { &password };
        let authorities = if key == "ca_file" { format!("ca_file = \"{path}\"") } else { String::new() };
        let builder = House::builder().mail("url = \"smtps://app@127.0.0.1:9\"").mail(&format!("password_file = \"{password}\""));
        let Start::Refused { code, stderr, .. } = builder.mail(&authorities).try_start() else { panic!("{key} {path}") };
        assert!(code == Some(2) && stderr.contains(&format!("mail.{key}")), "{path}: {code:?} {stderr}");
        assert!(!stderr.contains("marjoram"), "{stderr}");
    }
}
