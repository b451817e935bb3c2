//! The master key is rotated under people who are signed in and links that are in the mail, through the real binary (CFG-02).
//!
//! Time is moved by moving the times in the key file, which is what the house goes by.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use doorward_testkit::canary::Canary;
use doorward_testkit::{Client, House, Request, SESSION_COOKIE, Start, until};
use serde_json::{Value, json};

const ADA: &str = "ada@app.test";
const NEW: &str = "eleven calm otters under a bridge";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";
const SOON_AFTER: &str = "2026-01-01T00:00:01Z";

fn key_file(house: &House) -> PathBuf {
    house.folder().join("master.key")
}

fn ring(house: &House) -> String {
    std::fs::read_to_string(key_file(house)).unwrap()
}

/// Writes the file as `secrets rotate` does, by renaming.
fn write_ring(house: &House, text: &str) {
    let new = house.folder().join("edited.key");
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(new, key_file(house)).unwrap();
}

/// The ring with another value of one time of one version.
fn with_time(text: &str, version: u32, name: &str, value: &str) -> String {
    let edit = |line: &str| {
        if !line.starts_with(&format!("{version} ")) {
            return line.to_owned();
        }
        let words = line.split(' ').map(|word| if word.starts_with(name) { format!("{name}{value}") } else { word.to_owned() });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|line| edit(line) + "\n").collect()
}

#[track_caller]
fn rotate(house: &House, args: &[&str]) -> String {
    let output = house.command(&[&["secrets", "rotate"], args].concat());
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{told}");
    told
}

/// Ends the process, changes what a change needs, starts again.
fn restart(house: &mut House, change: impl FnOnce(&House)) {
    house.stop();
    change(house);
    house.restart_with(|text| text);
}

fn me(client: &mut Client) -> u16 {
    client.get("/api/auth/me").status
}

fn login(house: &House, password: &str) -> (u16, Client) {
    let mut client = house.client();
    let status = client.post_json("/api/auth/login", &json!({"email": ADA, "password": password})).status;
    (status, client)
}

fn verify(house: &House, token: &str) -> u16 {
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).status
}

/// The keys of the set that upstreams fetch.
fn key_ids(house: &House) -> BTreeSet<String> {
    key_ids_by(&mut house.client())
}

fn key_ids_by(client: &mut Client) -> BTreeSet<String> {
    let reply = client.get("/.well-known/doorward/jwks.json");
    let set: Value = serde_json::from_slice(&reply.body).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn entries(house: &House, event: &str) -> Vec<Value> {
    let output = house.command(&["audit", "search", "--json", "--event", event]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn assert_trail_holds(house: &House) {
    let output = house.command(&["audit", "verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn cfg_02_old_sessions_links_and_passwords_are_good_in_the_grace_and_dead_or_renewed_after_it() {
    let mut house = House::builder().unlimited().start();
    let (mut active, mut idle, mut late) = (house.member(ADA), house.sign_in(ADA), house.sign_in(ADA));
    house.sign_up("bob@app.test", house.password());
    let used = house.mailbox().wait_for("bob@app.test").token();
    house.sign_up("eve@app.test", house.password());
    let unused = house.mailbox().wait_for("eve@app.test").token();
    let first_key = key_ids(&house);

    restart(&mut house, |house| {
        let told = rotate(house, &["--activate-in", "0"]);
        assert!(told.contains("version 2 is used from now on"), "{told}");
        // The default overlap is as long as the longest session, so nothing is lost by it.
        assert!(!told.contains("end then"), "{told}");
    });

    // In the grace.
    let former = active.session();
    assert_eq!((me(&mut active), me(&mut idle)), (200, 200), "sessions");
    assert_ne!(active.session(), former, "a session that is used gets a credential of the new key");
    assert_eq!(verify(&house, &used), 200, "a link");
    active.send(&Request::post("/api/auth/logout").csrf()).expect(204);
    let (status, mut active) = login(&house, house.password());
    assert_eq!(status, 200, "a password");
    assert_eq!(entries(&house, "password.rehashed").len(), 1, "and it has the new pepper now");
    assert_eq!(login(&house, house.password()).0, 200);
    assert_eq!(entries(&house, "password.rehashed").len(), 1, "once");
    let both_keys = key_ids(&house);
    assert!(both_keys.len() == 2 && both_keys.is_superset(&first_key), "upstreams find both keys: {both_keys:?}");
    let rotated = entries(&house, "admin.key_rotated");
    assert_eq!((rotated.len(), &rotated[0]["meta"]["key_version"]), (1, &json!("2")), "{rotated:?}");

    let about = house.command(&["audit", "search", "--json", "--event", "auth.login", "--about", "Ada@App.test"]);
    assert_eq!(String::from_utf8_lossy(&about.stdout).lines().count(), 5, "of either key: {about:?}");

    restart(&mut house, |house| {
        let text = with_time(&ring(house), 2, "from=", LONG_AGO);
        write_ring(house, &with_time(&text, 1, "until=", SOON_AFTER));
    });

    // After it.
    assert_eq!(me(&mut late), 401, "a session that nobody used in the grace");
    assert_eq!(verify(&house, &unused), 400, "a link of the former key");
    assert_eq!((me(&mut active), me(&mut idle)), (200, 200), "credentials of the new key");
    assert_eq!(login(&house, house.password()).0, 200, "a password");
    assert!(key_ids(&house).is_disjoint(&first_key));
    assert_trail_holds(&house);
}

#[test]
fn cfg_02_a_session_that_nobody_uses_in_the_grace_is_dead_after_it() {
    let mut house = House::builder().unlimited().start();
    let (mut used, mut idle) = (house.member(ADA), house.sign_in(ADA));
    restart(&mut house, |house| {
        rotate(house, &["--activate-in", "0", "--overlap", "1h"]);
    });
    assert_eq!(me(&mut used), 200);
    restart(&mut house, |house| {
        let text = with_time(&ring(house), 2, "from=", LONG_AGO);
        write_ring(house, &with_time(&text, 1, "until=", SOON_AFTER));
    });
    assert_eq!((me(&mut idle), me(&mut used)), (401, 200));
    // It is the key that has retired, and nothing else that ended it.
    let mut twin = idle.twin();
    restart(&mut house, |house| write_ring(house, &with_time(&ring(house), 1, "until=", "2100-01-01T00:00:00Z")));
    assert_eq!(me(&mut twin), 200);
    restart(&mut house, |house| write_ring(house, &with_time(&ring(house), 1, "until=", SOON_AFTER)));
    assert_eq!(me(&mut idle), 401);
    assert_eq!(login(&house, house.password()).0, 200, "the pepper of the retired key goes on");
    assert_eq!(entries(&house, "password.rehashed").len(), 1);
    assert_trail_holds(&house);
}

#[test]
fn a_running_house_takes_a_rotation_up_and_uses_the_new_key_when_its_time_comes() {
    let house = &House::builder().unlimited().start();
    let mut member = house.member(ADA);
    let before = key_ids(house);
    let told = rotate(house, &["--overlap", "2h"]);
    assert!(told.contains("nobody uses in those 2h"), "a short overlap is said: {told}");
    let both =
        until(Duration::from_secs(20), "the new key to be published", || Some(key_ids(house)).filter(|ids| ids.len() == 2));
    assert!(both.is_superset(&before));
    let credential = member.session();
    assert_eq!((me(&mut member), member.session() == credential), (200, true), "it is not used yet");
    // Commands beside it go by the same file.
    assert_trail_holds(house);
    let again = house.command(&["secrets", "rotate"]);
    assert_eq!(again.status.code(), Some(2), "one that has not begun is not overtaken");
    assert!(String::from_utf8_lossy(&again.stderr).contains("version 2 is not in use yet"), "{again:?}");

    write_ring(house, &with_time(&ring(house), 2, "from=", LONG_AGO));
    until(Duration::from_secs(20), "the new key to be used", || {
        assert_eq!(me(&mut member), 200);
        (member.session() != credential).then_some(())
    });
    assert_trail_holds(house);
    assert_eq!(entries(house, "audit.gap").len(), 0);
}

#[test]
fn two_nodes_change_over_together_and_know_each_others_sessions_before_and_after() {
    let house = House::builder().unlimited().start();
    let node = house.another_node();
    house.add_member(ADA);
    rotate(&house, &[]);
    let both = |client: &mut Client| Some(key_ids_by(client)).filter(|ids| ids.len() == 2);
    let ids = until(Duration::from_secs(20), "one node to take it up", || both(&mut house.client()));
    assert_eq!(until(Duration::from_secs(20), "the other one", || both(&mut node.client())), ids);
    for begun in [false, true] {
        if begun {
            write_ring(&house, &with_time(&ring(&house), 2, "from=", LONG_AGO));
        }
        for _ in 0..5 {
            // Whichever of the two has taken the change up first.
            for (mut here, mut there) in [(house.client(), node.client()), (node.client(), house.client())] {
                here.post_json("/api/auth/login", &json!({"email": ADA, "password": house.password()})).expect(200);
                there.set_cookie(SESSION_COOKIE, &here.session());
                assert_eq!((me(&mut there), me(&mut here)), (200, 200), "begun: {begun}");
            }
        }
    }
    let taken_up = |log: String| log.lines().filter(|line| line.contains("the key ring was taken up")).count() == 2;
    until(Duration::from_secs(20), "one node to take the change up", || taken_up(house.stderr()).then_some(()));
    until(Duration::from_secs(20), "the other one", || taken_up(node.stderr()).then_some(()));
    let (_, mut here) = login(&house, house.password());
    let mut there = node.client();
    there.set_cookie(SESSION_COOKIE, &here.session());
    assert_eq!((me(&mut there), me(&mut here)), (200, 200));
    assert_trail_holds(&house);
    assert_eq!(entries(&house, "audit.gap").len(), 0);
}

#[test]
fn a_key_file_that_cannot_be_used_leaves_a_running_house_as_it_is() {
    let mut house = House::builder().unlimited().start();
    let mut member = house.member(ADA);
    let good = ring(&house);
    let broken = ["2 c2hvcnQ=\n", "change_me", "", "another-secret-of-thirty-two-octets-q83vEjRWeJ"];
    for text in broken {
        write_ring(&house, text);
        let said = house.stderr().lines().filter(|line| line.contains("the former ring stays in force")).count();
        until(Duration::from_secs(20), "the log to say so", || {
            let now = house.stderr().lines().filter(|line| line.contains("the former ring stays in force")).count();
            (now > said).then_some(())
        });
        assert_eq!(me(&mut member), 200, "{text}");
    }
    std::fs::remove_file(key_file(&house)).unwrap();
    write_ring(&house, &good);
    assert_eq!(me(&mut member), 200);
    house.assert_alive();
    let log = house.stderr();
    for secret in ["c2hvcnQ=", "another-secret-of-thirty", good.trim()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn an_old_copy_of_the_key_file_does_not_start() {
    let mut house = House::builder().unlimited().start();
    let old = ring(&house);
    house.stop();
    rotate(&house, &["--activate-in", "0"]);
    house.restart_with(|text| text);
    house.add_member(ADA);
    house.stop();
    let new = ring(&house);
    let without_newest: String =
        new.lines().skip(1).map(|line| line.split(" until=").next().unwrap().to_owned() + "\n").collect();
    for copy in [old, without_newest] {
        write_ring(&house, &copy);
        let output = house.command(&["serve"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("site.key_file: version 2 is missing"), "{told}");
        let secret = copy.split(' ').find(|word| word.len() > 30).unwrap_or(copy.trim()).trim().to_owned();
        assert!(!told.contains(&secret), "{told}");
    }
    write_ring(&house, &new);
    house.restart_with(|text| text);
    assert_eq!(login(&house, house.password()).0, 200);
    assert_trail_holds(&house);
}

#[test]
fn a_key_that_was_lost_is_mended_by_a_line_and_its_owners_are_refused_like_anybody() {
    let mut house = House::builder().unlimited().start();
    house.add_member(ADA);
    restart(&mut house, |house| {
        rotate(house, &["--activate-in", "0"]);
        let lost = "bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2WHc3dVFlUnRZdUlvUA==";
        let text = ring(house);
        let former = text.lines().nth(1).unwrap().split(' ').nth(1).unwrap();
        write_ring(house, &text.replace(former, lost));
    });
    let refusal = |email: &str| {
        let mut client = house.client();
        let reply = client.post_json("/api/auth/login", &json!({"email": email, "password": house.password()}));
        (reply.status, reply.text())
    };
    assert_eq!(refusal(ADA), refusal("nobody@app.test"));
    let log = house.stderr();
    let line = log.lines().find(|line| line.contains("stored password hash cannot be used")).expect("a line of the log");
    assert!(line.contains("ERROR") && line.contains("user_id") && !line.contains("argon2") && !line.contains(ADA), "{line}");
    let verified = house.command(&["audit", "verify"]);
    assert_eq!(verified.status.code(), Some(1), "what was written with the lost key cannot be proven: {verified:?}");
    assert_eq!(entries(&house, "audit.gap").len(), 1, "and the trail says from where on");
    house.client().post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let reset = |mail: &doorward_testkit::Mail| mail.body().contains("/account/reset#token=");
    let token = until(Duration::from_secs(20), "a reset link", || {
        house.mailbox().to(ADA).iter().find(|mail| reset(mail)).map(doorward_testkit::Mail::token)
    });
    house.client().post_json("/api/auth/reset-password", &json!({"token": token, "password": NEW})).expect(200);
    assert_eq!(login(&house, NEW).0, 200);
}

#[test]
fn the_commands_show_versions_and_never_a_key_and_the_file_stays_private() {
    let house = House::builder().start();
    let first = ring(&house);
    std::fs::set_permissions(key_file(&house), std::fs::Permissions::from_mode(0o400)).unwrap();
    let told = rotate(&house, &["--activate-in", "1h", "--overlap", "3d"]);
    let mode = std::fs::metadata(key_file(&house)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let list = |args: &[&str]| String::from_utf8(house.command(&[&["secrets", "list"], args].concat()).stdout).unwrap();
    let (plain, machine) = (list(&[]), list(&["--json"]));
    let versions: Vec<Value> = machine.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<_> = versions.iter().map(|key| (key["version"].as_u64().unwrap(), key["state"].as_str().unwrap())).collect();
    assert_eq!(states, [(2, "waiting"), (1, "current")]);
    assert!(versions[0]["from"].is_string() && versions[1]["until"].is_string(), "{machine}");
    let mut canaries = vec![Canary::new("first key", first.trim())];
    for line in ring(&house).lines() {
        canaries.push(Canary::new("a line's key", line.split(' ').nth(1).unwrap()));
    }
    for canary in &canaries {
        let sinks = [&told, &plain, &machine, &house.stdout(), &house.stderr()].map(String::clone);
        assert!(sinks.iter().all(|sink| canary.search("output", sink.as_bytes()).is_empty()), "{}", sinks.join("\n"));
    }
}

#[test]
fn a_key_of_the_environment_is_not_rotated_but_a_whole_ring_may_stand_there() {
    let secret = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";
    let house = House::builder().edit("key_file = \"master.key\"", "key_env = \"SITE_KEYS\"").var("SITE_KEYS", secret).start();
    let mut command = std::process::Command::new(doorward_testkit::binary());
    let output = command
        .current_dir(house.folder())
        .env("SITE_KEYS", secret)
        .arg("--config")
        .arg(house.config_file())
        .args(["secrets", "rotate"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("SITE_KEYS") && told.contains("site.key_file") && !told.contains(secret), "{told}");
    let ring = "2 bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2WHc3dVFlUnRZdUlvUA==\n1 cTgzdkVqUldlSnE3ekprMm1aOHlLMXZYdzd1UWVSdFlHSElK until=2026-01-01T00:00:00Z";
    let outcome =
        House::builder().edit("key_file = \"master.key\"", "key_env = \"SITE_KEYS\"").var("SITE_KEYS", ring).try_start();
    assert!(matches!(outcome, Start::Ready), "{outcome:?}");
}
