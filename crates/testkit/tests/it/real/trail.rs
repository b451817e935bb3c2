//! What happens while the trail takes no entry, through the real binary: the table is away, as a database that lost it would have it.

use std::time::Duration;

use doorward_testkit::real::Postgres;
use doorward_testkit::{Client, House, Mail, Request, until};
use serde_json::{Value, json};

const ADA: &str = "ada@app.test";
const BEA: &str = "bea@app.test";
const NEW: &str = "eleven calm otters under a bridge";

struct Place {
    postgres: Postgres,
    database: String,
    house: House,
}

impl Place {
    fn new() -> Self {
        let postgres = Postgres::start();
        let database = postgres.database();
        let store = postgres.section_of(&database);
        let house = House::builder().accounts("roles = [\"staff\"]").edit("[store]\nurl = \"sqlite\"\n", &store).start();
        Self { postgres, database, house }
    }

    fn ask(&self, statement: &str) -> String {
        self.postgres.ask(&self.database, statement).unwrap()
    }

    /// Everything that a flow may change, and every mail, as one text.
    fn state(&self) -> String {
        let tables = ["users", "sessions", "sign_ups", "outbox", "one_times", "devices", "sign_in_failures"];
        // Marks of the last request, and how far the sender is with older mail, are no effect of a flow.
        let row = "row_to_json(t)::jsonb - 'last_seen_at' - 'attempts' - 'next_at' - 'sent_at' - 'body'";
        tables.map(|table| self.ask(&format!("SELECT {row} FROM {table} t ORDER BY 1"))).join("\n")
    }

    fn post(&self, path: &str, body: &Value) -> u16 {
        self.house.client().post_json(path, body).status
    }

    /// The token of the next mail with such a link.
    fn mailed(&self, to: &str, page: &str, deed: impl FnOnce()) -> String {
        let page = format!("/account/{page}#");
        let links =
            || -> Vec<Mail> { self.house.mailbox().to(to).into_iter().filter(|mail| mail.body().contains(&page)).collect() };
        let before = links().len();
        deed();
        until(Duration::from_secs(15), "a mail", || links().into_iter().nth(before)).token()
    }

    /// How often the trail tells of an event.
    fn told(&self, event: &str) -> u64 {
        let count = format!("SELECT COALESCE(sum(COALESCE(count, 1)), 0) FROM audit WHERE event = '{event}'");
        self.ask(&count).trim().parse().unwrap()
    }
}

/// Tokens that are good as long as nothing happens.
struct Tokens {
    verify: String,
    reset: String,
    confirm: String,
    undo: String,
}

fn tokens(place: &Place) -> Tokens {
    let house = &place.house;
    let verify = place.mailed("pending@app.test", "verify", || house.sign_up("pending@app.test", house.password()));
    let change = |member: &mut Client, to: &str| {
        let body = json!({"email": to, "current_password": house.password()});
        member.send(&Request::post("/api/auth/email").csrf().json(&body)).expect(202);
    };
    let mut bea = house.member(BEA);
    let confirm = place.mailed("bee@app.test", "email/confirm", || change(&mut bea, "bee@app.test"));
    let undo = place.mailed(BEA, "email/undo", || {
        assert_eq!(place.post("/api/auth/email/confirm", &json!({"token": confirm})), 200);
    });
    let mut bee = house.sign_in("bee@app.test");
    let confirm = place.mailed("bay@app.test", "email/confirm", || change(&mut bee, "bay@app.test"));
    let reset = place.mailed(ADA, "reset", || assert_eq!(place.post("/api/auth/forgot-password", &json!({"email": ADA})), 200));
    Tokens { verify, reset, confirm, undo }
}

/// What strangers and holders of mailed links may ask for.
fn asked(house: &House, tokens: &Tokens) -> Vec<(&'static str, Value)> {
    let password = house.password();
    vec![
        ("/api/auth/register", json!({"email": "eve@app.test", "password": password})),
        ("/api/auth/verify-email", json!({"token": tokens.verify})),
        ("/api/auth/verify-email/resend", json!({"email": "pending@app.test"})),
        ("/api/auth/login", json!({"email": ADA, "password": password})),
        ("/api/auth/login", json!({"email": ADA, "password": "a wrong but long password"})),
        ("/api/auth/login", json!({"email": "nobody@app.test", "password": password})),
        ("/api/auth/forgot-password", json!({"email": ADA})),
        ("/api/auth/forgot-password", json!({"email": "nobody@app.test"})),
        ("/api/auth/reset-password", json!({"token": tokens.reset, "password": NEW})),
        ("/api/auth/reset-password", json!({"token": "A".repeat(43), "password": NEW})),
        ("/api/auth/email/confirm", json!({"token": tokens.confirm})),
        ("/api/auth/email/undo", json!({"token": tokens.undo})),
    ]
}

/// What somebody may ask for who is signed in.
fn own(house: &House, another: &str) -> Vec<(&'static str, String, Value)> {
    let password = json!({"current_password": house.password()});
    let path = |path: &str| path.to_owned();
    vec![
        ("PATCH", path("/api/auth/me"), json!({"bio": "planted"})),
        ("POST", path("/api/auth/password"), json!({"current_password": house.password(), "new_password": NEW})),
        ("POST", path("/api/auth/email"), json!({"email": "other@app.test", "current_password": house.password()})),
        ("POST", path("/api/auth/refresh"), json!({})),
        ("POST", path("/api/auth/me/export"), json!({})),
        ("POST", path("/api/auth/sessions/revoke-others"), json!({})),
        ("DELETE", format!("/api/auth/sessions/{another}"), json!({})),
        ("DELETE", path("/api/auth/me"), password),
        ("POST", path("/api/auth/logout"), json!({})),
    ]
}

/// What an operator may do.
fn operated(session: &str, import: &str) -> Vec<Vec<String>> {
    let lines = [
        format!("user disable {ADA}"),
        format!("user enable {ADA}"),
        format!("user roles {ADA} staff"),
        format!("user remove-factors {ADA}"),
        format!("user reset-link {ADA}"),
        format!("user delete {ADA}"),
        "user invite new@app.test --role staff".to_owned(),
        format!("session revoke {session}"),
        format!("session revoke-all {ADA}"),
        format!("import users {import} --format bcrypt-csv"),
        "audit verify".to_owned(),
    ];
    lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn aud_06_while_the_trail_takes_no_entry_nothing_happens_and_nothing_is_lost() {
    let place = Place::new();
    let house = &place.house;
    let mut ada = house.member(ADA);
    let other = house.sign_in(ADA);
    let tokens = tokens(&place);
    let sessions = ada.get("/api/auth/sessions").expect(200).json();
    let ids = |current: bool| {
        let is = |session: &&Value| session["is_current"] == current;
        sessions["sessions"].as_array().unwrap().iter().find(is).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (here, there) = (ids(true), ids(false));
    let import = house.folder().join("old.csv");
    std::fs::write(&import, "old@app.test,$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW,Old\n").unwrap();

    let (before, refused) = (place.state(), place.told("csrf.rejected"));
    place.ask("ALTER TABLE audit RENAME TO audit_away");
    for (path, body) in asked(house, &tokens) {
        assert_eq!(place.post(path, &body), 503, "{path} {body}");
    }
    for (method, path, body) in own(house, &there) {
        assert_eq!(ada.twin().send(&Request::new(method, &path).csrf().json(&body)).status, 503, "{method} {path}");
    }
    for words in operated(&here, import.to_str().unwrap()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = house.command(&words);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{words:?}");
    }
    // A refusal changes nothing and is not held up: its entry waits.
    for from in [11, 12, 13] {
        let mut client = house.client_from([127, 0, 0, from].into());
        let forged = Request::post("/api/auth/login").header("Sec-Fetch-Site", "cross-site").json(&json!({}));
        client.send(&forged).expect(403);
    }
    assert_eq!(place.state(), before, "no effect without an entry");
    place.ask("ALTER TABLE audit_away RENAME TO audit");

    until(Duration::from_secs(20), "what waited", || (place.told("csrf.rejected") == refused + 3).then_some(()));
    assert_eq!(place.told("audit.gap"), 0);
    assert_eq!(other.twin().get("/api/auth/me").status, 200, "nobody was signed out");
    // Every link that was tried in vain is still good, once.
    for (path, body) in [
        ("/api/auth/verify-email", json!({"token": tokens.verify})),
        ("/api/auth/email/confirm", json!({"token": tokens.confirm})),
        ("/api/auth/email/undo", json!({"token": tokens.undo})),
        ("/api/auth/reset-password", json!({"token": tokens.reset, "password": NEW})),
    ] {
        assert_eq!(place.post(path, &body), 200, "{path}");
        assert_eq!(place.post(path, &body), 400, "{path}");
    }
    assert_eq!(place.told("password.reset"), 1);
    assert!(house.command(&["audit", "verify"]).status.success());
    // What was told once is not told again.
    assert_eq!(place.told("csrf.rejected"), refused + 3);
}
