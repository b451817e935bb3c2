//! Errors of real servers, whose texts repeat what they were sent, and what the log says of them (LOG-06).

use doorward_testkit::canary::{Canary, Hit};
use doorward_testkit::real::{POSTGRES_PASSWORD, POSTGRES_USER, Postgres, REDIS_PASSWORD, Redis};
use doorward_testkit::{Act, EchoUpstream, House, Request, Start, free_port};
use serde_json::json;

const PASSWORD: &str = "canary password tulip and nine ferns";
const STRAY: &str = "canary-stray-Kx7mPz2Qw9";
const CODE: &str = "canary-code-7kq";

/// Looks through what the house said and what its trail holds.
#[track_caller]
fn assert_silent(house: &House, secrets: &[Canary]) {
    let trail = house.command(&["audit", "export", "--format", "jsonl"]);
    let sinks = [("stderr", house.stderr().into_bytes()), ("stdout", house.stdout().into_bytes()), ("trail", trail.stdout)];
    let hits: Vec<Hit> =
        secrets.iter().flat_map(|secret| sinks.iter().flat_map(|(name, octets)| secret.search(name, octets))).collect();
    assert!(hits.is_empty(), "{hits:#?}");
}

/// Every flow that writes, each with a secret in it; no answer may repeat one.
#[track_caller]
fn write_everywhere(house: &House, secrets: &[Canary]) -> Vec<u16> {
    let bodies = [
        ("/api/auth/register", json!({"email": "canary-eve@app.test", "password": PASSWORD, "username": STRAY})),
        ("/api/auth/login", json!({"email": "canary-ada@app.test", "password": PASSWORD})),
        ("/api/auth/login", json!({"email": "canary-ada@app.test", "password": "wrong wrong wrong wrong"})),
        ("/api/auth/forgot-password", json!({"email": "canary-ada@app.test"})),
        ("/api/auth/verify-email/resend", json!({"email": "canary-eve@app.test"})),
        ("/api/auth/verify-email", json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})),
        ("/api/auth/reset-password", json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "password": PASSWORD})),
    ];
    let send = |(path, body): &(&str, serde_json::Value)| {
        let reply = house.client().post_json(path, body);
        let hits: Vec<Hit> = secrets.iter().flat_map(|secret| secret.search(path, &reply.body)).collect();
        assert!(hits.is_empty(), "{hits:#?}");
        reply.status
    };
    bodies.iter().map(send).collect()
}

#[test]
fn log_06_errors_of_postgresql_are_told_without_values() {
    let postgres = Postgres::start();
    let house = House::builder().postgres(&postgres).log("trace").start();
    house.sign_up("canary-ada@app.test", PASSWORD);
    let token = house.mailbox().wait_for("canary-ada@app.test").token();
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).expect(200);
    let config = std::fs::read_to_string(house.config_file()).unwrap();
    let url = config.lines().find(|line| line.contains("postgres://")).expect("a store");
    let database = url.rsplit('/').next().unwrap().trim_end_matches('"');
    let secrets = [
        Canary::new("password", PASSWORD),
        Canary::new("address", "canary-ada@app.test"),
        Canary::new("other address", "canary-eve@app.test"),
        Canary::new("stray", STRAY),
        Canary::new("database password", POSTGRES_PASSWORD),
        Canary::new("token", token),
    ];
    // A real violation of a real constraint: `DETAIL: Key (email_canonical)=(canary-eve@app.test) already exists.`
    postgres.ask(database, "CREATE UNIQUE INDEX one_address ON sign_ups (email_canonical)").unwrap();
    let eve = json!({"email": "canary-eve@app.test", "password": PASSWORD});
    let statuses = [0, 1, 2].map(|_| house.client().post_json("/api/auth/register", &eve).status);
    assert_eq!(statuses[0], 202);
    assert!(statuses[1] >= 500, "the second row of the address cannot be written: {statuses:?}");
    postgres.ask(database, "DROP INDEX one_address").unwrap();
    // The same for every table and for states of every class, with the whole row in message, detail and hint.
    for state in ["23505", "23514", "22021", "22P02", "25006", "40001", "42501", "53100", "55P03", "57014", "P0001", "XX000"] {
        let function = format!(
            "CREATE OR REPLACE FUNCTION hostile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '{STRAY} %', coalesce(NEW::text, OLD::text) \
             USING ERRCODE = '{state}', DETAIL = 'Key (email)=(' || coalesce(NEW::text, OLD::text) || ') {STRAY}', HINT = '{STRAY}'; \
             END $$"
        );
        postgres.ask(database, &function).unwrap();
        for table in ["sign_ups", "sessions", "sign_in_failures", "one_times", "outbox", "audit"] {
            let trigger = format!(
                "CREATE TRIGGER hostile BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION hostile()"
            );
            postgres.ask(database, &trigger).unwrap();
        }
        let statuses = write_everywhere(&house, &secrets);
        assert!(statuses.iter().any(|status| *status >= 500), "{state}: {statuses:?}");
        for table in ["sign_ups", "sessions", "sign_in_failures", "one_times", "outbox", "audit"] {
            postgres.ask(database, &format!("DROP TRIGGER hostile ON {table}")).unwrap();
        }
    }
    // A statement that is refused whole: the server's words hold the name of what it misses, and the driver's the statement.
    postgres.ask(database, "ALTER TABLE users RENAME COLUMN email_canonical TO elsewhere").unwrap();
    write_everywhere(&house, &secrets);
    postgres.ask(database, "ALTER TABLE users RENAME COLUMN elsewhere TO email_canonical").unwrap();
    assert_eq!(
        house.client().post_json("/api/auth/login", &json!({"email": "canary-ada@app.test", "password": PASSWORD})).status,
        200
    );
    assert!(house.stderr().contains("the store did not answer"), "there is something to look at");
    assert_silent(&house, &secrets);
    let quoted = house
        .stderr()
        .lines()
        .filter(|line| ["Key (", "DETAIL", "INSERT INTO", "SELECT "].iter().any(|word| line.contains(word)))
        .count();
    assert_eq!(quoted, 0, "neither the server's words nor a statement");
}

#[test]
fn log_06_a_start_without_its_servers_shows_neither_password_nor_address() {
    let postgres = Postgres::start();
    let nobody = free_port();
    let store = format!("127.0.0.1:{}/test_", postgres.port());
    let wrong = "canary-wrong-9Qx7Lm2Vt5Kp8Rb3Zn6Wd4Hj1Ys0";
    let secrets = [
        Canary::new("database password", POSTGRES_PASSWORD),
        Canary::new("counters password", REDIS_PASSWORD),
        Canary::new("wrong password", wrong),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), wrong).unwrap();
    let file = file.path().display().to_string();
    let of_store = format!("url = \"postgres://{POSTGRES_USER}@{store}");
    let edits: [(&str, String); 4] = [
        (&store, "127.0.0.1:1/test_".to_owned()),
        (&store, format!("127.0.0.1:{nobody}/canary_no_such_database_")),
        (&of_store, format!("url = \"postgres://canary_stranger@{store}")),
        ("/secret\"", format!("/../..{file}\"")),
    ];
    for (from, to) in edits {
        let start = House::builder().postgres(&postgres).log("trace").edit(from, &to).try_start();
        let Start::Refused { stdout, stderr, .. } = start else { panic!("{to}: {start:?}") };
        let said = format!("{stdout}{stderr}");
        let hits: Vec<Hit> = secrets.iter().flat_map(|secret| secret.search(&to, said.as_bytes())).collect();
        assert!(hits.is_empty(), "{hits:#?}");
        assert!(!said.contains("postgres://") && !said.contains("canary_"), "{said}");
        assert!(said.contains("the database cannot be opened"), "{said}");
    }
}

#[test]
fn log_06_errors_of_redis_are_told_without_keys_and_passwords() {
    let mut redis = Redis::start();
    let house = House::builder().redis(&redis).log("trace").start();
    house.sign_up("canary-ada@app.test", PASSWORD);
    let keys = redis.keys();
    let prefix = keys.first().expect("keys").split(':').next().unwrap().to_owned();
    let mut secrets = vec![
        Canary::new("counters password", REDIS_PASSWORD),
        Canary::new("password", PASSWORD),
        Canary::new("address", "canary-ada@app"),
    ];
    let named = keys.iter().filter_map(|key| key.strip_prefix(&prefix)).filter(|name| name.len() >= 16);
    secrets.extend(named.map(|name| Canary::new("key", name)));
    assert!(secrets.len() > 3, "{keys:?}");
    let mut attempts = 0;
    let mut attempt = |what: &str| {
        attempts += 1;
        let body = json!({"email": format!("canary-ada@app{attempts}.test"), "password": PASSWORD});
        let status = house.client().post_json("/api/auth/login", &body).status;
        assert!(matches!(status, 401 | 503), "{what}: {status}");
    };
    attempt("well");
    redis.fill();
    attempt("full");
    redis.relieve();
    redis.become_replica();
    attempt("read-only");
    redis.become_primary();
    // A right that was taken away: the server's answer names the key that it was about.
    for rule in [["resetkeys", "~nothing:*"], ["-@all", "+ping"], ["resetpass", ">another-password"]] {
        redis.ask(&[&["acl", "setuser", "default"], &rule[..]].concat());
        for _ in 0..3 {
            attempt(rule[0]);
        }
        if rule[0] == "resetpass" {
            break;
        }
        redis.ask(&["acl", "setuser", "default", "allkeys", "+@all"]);
    }
    redis.stop();
    attempt("gone");
    assert!(house.stderr().contains("shared counters failed"), "there is something to look at");
    assert_silent(&house, &secrets);
    for word in ["redis://", "NOPERM", "WRONGPASS", "OOM", "EVALSHA", &format!("{prefix}:")] {
        assert!(!house.stderr().to_lowercase().contains(&word.to_lowercase()), "{word}");
    }
}

#[test]
fn log_06_errors_of_upstreams_are_told_without_the_request_and_the_answer() {
    let (web, gone) = (EchoUpstream::start("web"), free_port());
    let house = House::builder()
        .echo(&web)
        .upstream("gone", &format!("http://127.0.0.1:{gone}"))
        .route("/", "web", "public")
        .route("/gone/", "gone", "public")
        .log("trace")
        .start();
    let answers = [
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={STRAY}\r\nContent-Length: {STRAY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX-Api-Key: {STRAY}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        format!("HTTP/1.1 {STRAY}\r\n\r\n"),
        format!("{STRAY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{STRAY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: {STRAY}\r\n\r\n{STRAY}\r\n"),
        format!("HTTP/1.1 302 Found\r\nLocation: https://u:{STRAY}@x/?code={CODE}\r\nBad\u{0}: x\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\nX: {STRAY}\r\n\r\n{STRAY}"),
    ];
    let mut faults = 0;
    for (number, octets) in answers.iter().enumerate() {
        web.act(&format!("/broken-{number}"), Act::RawThenClose(octets.clone().into_bytes()));
        let target = format!("/broken-{number}?code={CODE}&state={STRAY}");
        let mut raw = house.raw();
        raw.send(format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {STRAY}\r\nCookie: sid={STRAY}\r\n\r\n",
            house.authority()
        ));
        let reply = raw.read_reply();
        faults += usize::from(reply.as_ref().map_or(true, |reply| reply.status == 502));
        if let Ok(reply) = &reply {
            assert!(reply.status != 502 || !reply.text().contains("canary"), "{reply:?}");
        }
    }
    web.act("/closes", Act::Close);
    for path in ["/closes", "/gone/x"] {
        let request = Request::post(&format!("{path}?code={CODE}")).header("Authorization", STRAY).body("text/plain", STRAY);
        let reply = house.client().send(&request);
        assert!(matches!(reply.status, 502..=504) && !reply.text().contains("canary"), "{reply:?}");
    }
    assert!(faults >= 6, "{faults} of {} answers were faults", answers.len());
    assert!(house.stderr().contains("upstream's answer is not valid") && house.stderr().contains("upstream cannot be reached"));
    assert_silent(&house, &[Canary::new("stray", STRAY), Canary::new("code", CODE)]);
}
