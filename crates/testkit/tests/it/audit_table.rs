//! Table (c) of the requirements, driven through the real binary: what each deed leaves in the trail, to the last entry.
//!
//! After each step a mark is set that the trail shows behind everything the step left; what lies between two marks must be exactly what
//! the step names. A line is `event outcome [reason] [key=value …]`; values that are different in every run are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use doorward_testkit::h2::H2Frames;
use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Client, House, HouseBuilder, INSIDE, OUTSIDE, Request, SESSION_COOKIE, Totp, basic_auth,
    second_step, until,
};
use serde_json::{Value, json};

use crate::site::Site;

/// Events of table (c) that no test of a few seconds can cause from outside, and the tests that look at them elsewhere.
const ELSEWHERE: &[(&str, &str)] = &[
    ("acme.order", "testkit real::acme: a_certificate_is_ordered_at_the_first_start_for_new_hosts_and_never_again_without_need"),
    (
        "acme.refused",
        "testkit real::acme: a_certificate_is_ordered_at_the_first_start_for_new_hosts_and_never_again_without_need",
    ),
    ("audit.rotated", "storage/sqlite audit: a_pruned_chain_holds_from_its_floor_and_says_that_it_was_pruned"),
    ("auth.account_locked", "storage/sqlite device: a hundred failures in a row"),
    ("config.rejected", "doorward: reload"),
    ("email.queue_failed", "app: a queue that is full"),
    ("oauth.failed", PROVIDERS),
    ("oauth.link", PROVIDERS),
    ("oauth.link_rejected", PROVIDERS),
    ("oauth.login", PROVIDERS),
    ("oauth.start", PROVIDERS),
    ("oauth.unlink", PROVIDERS),
    ("session.expired", "storage/sqlite session: idle and absolute timeouts"),
    ("session.reuse", "testkit rotation: ses_13"),
    ("tls.reload", "doorward: reload"),
];

/// With a provider that is a part of its own.
const PROVIDERS: &str = "testkit real::provider_trail: aud_01_what_providers_say_is_told_once_in_the_words_of_table_c";

/// Table (c), and what came with second factors.
const TABLE: &[&str] = &[
    "auth.login",
    "auth.login_failed",
    "auth.throttled",
    "auth.account_locked",
    "auth.second_factor_asked",
    "auth.step_up",
    "auth.step_up_failed",
    "auth.signup",
    "auth.logout",
    "session.created",
    "session.rotated",
    "session.expired",
    "session.revoked",
    "session.reuse",
    "session.cookie_duplicate",
    "profile.updated",
    "email.verify_issued",
    "email.verified",
    "email.verify_failed",
    "email.queue_failed",
    "email.change_requested",
    "email.changed",
    "email.change_undone",
    "password.reset_requested",
    "password.reset",
    "password.reset_failed",
    "password.changed",
    "password.change_failed",
    "password.rehashed",
    "oauth.start",
    "oauth.login",
    "oauth.link",
    "oauth.unlink",
    "oauth.link_rejected",
    "oauth.failed",
    "factor.added",
    "factor.failed",
    "factor.recovery_codes",
    "factor.removed",
    "factor.renamed",
    "csrf.rejected",
    "ratelimit.exceeded",
    "gate.allowed",
    "gate.denied",
    "proxy.rejected",
    "admin.session_revoke",
    "admin.user_disabled",
    "admin.user_enabled",
    "acme.order",
    "acme.refused",
    "tls.reload",
    "config.loaded",
    "config.rejected",
    "sys.start",
    "sys.stop",
    "audit.gap",
    "audit.verify",
    "audit.rotated",
    "verify.run",
];

/// Extra fields whose values nobody can know beforehand.
const DIFFERENT: &[&str] = &["config_hash", "failed_checks", "from_seq", "new_hash", "old_hash", "run_id", "target_user_id"];

const NEW: &str = "eleven calm otters under a bridge";
const WRONG: &str = "wrong wrong wrong wrong";
const ADA: &str = "ada@app.test";
const BEA: &str = "bea@app.test";
const CAT: &str = "cat@app.test";

/// A place, and whoever a step of it needs.
pub(crate) struct World {
    site: Site,
    people: BTreeMap<&'static str, Client>,
    apps: BTreeMap<&'static str, Totp>,
    /// Recovery codes of whoever has an app.
    recovery: Vec<String>,
    seq: u64,
    marks: u8,
    driven: BTreeSet<String>,
}

pub(crate) type Step = (&'static str, fn(&mut World), &'static [&'static str]);

impl World {
    pub(crate) fn new(site: Site) -> Self {
        Self {
            site,
            people: BTreeMap::new(),
            apps: BTreeMap::new(),
            recovery: Vec::new(),
            seq: 0,
            marks: 0,
            driven: BTreeSet::new(),
        }
    }

    pub(crate) fn house(&self) -> &House {
        &self.site.house
    }

    fn post(&self, path: &str, body: &Value) -> u16 {
        self.house().client().post_json(path, body).status
    }

    fn login(&self, email: &str, password: &str) -> u16 {
        self.post("/api/auth/login", &json!({"email": email, "password": password}))
    }

    fn own(&mut self, whose: &'static str, method: &str, path: &str, body: &Value) -> u16 {
        self.people.get_mut(whose).unwrap().send(&Request::new(method, path).csrf().json(body)).status
    }

    #[track_caller]
    fn command(&self, args: &[&str]) {
        let output = self.house().command(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Token of the next mail with such a link, once the deed is done.
    fn mailed(&self, to: &str, page: &str, deed: impl FnOnce()) -> String {
        let page = format!("/account/{page}#");
        let links = || self.house().mailbox().to(to).into_iter().filter(|mail| mail.body().contains(&page)).collect::<Vec<_>>();
        let before = links().len();
        deed();
        until(Duration::from_secs(15), "a mail", || links().into_iter().nth(before)).token()
    }

    /// Takes the steps and holds each against its lines.
    pub(crate) fn take(&mut self, steps: &[Step]) {
        for (name, deed, told) in steps {
            deed(self);
            self.expect(name, told);
        }
    }

    /// Holds every entry since the last mark against these lines.
    #[track_caller]
    pub(crate) fn expect(&mut self, name: &str, told: &[&str]) {
        let mut lines = self.lines();
        let mut told: Vec<String> = told.iter().map(|line| (*line).to_owned()).collect();
        lines.sort();
        told.sort();
        assert_eq!(lines, told, "{name}");
    }

    /// Every entry since the last mark.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = IpAddr::from(Ipv4Addr::new(127, 77, 0, self.marks));
        let forged = Request::post("/api/auth/login").header("Sec-Fetch-Site", "cross-site").json(&json!({}));
        self.house().client_from(mark).send(&forged).expect(403);
        let (last, entries) = until(Duration::from_secs(15), "the mark in the trail", || {
            let entries = entries(self.house());
            let last = entries.iter().find(|entry| entry["client_ip"] == mark.to_string())?["seq"].as_u64()?;
            Some((last, entries))
        });
        let between = |entry: &&Value| (self.seq + 1..last).contains(&entry["seq"].as_u64().unwrap());
        let between: Vec<&Value> = entries.iter().filter(between).collect();
        self.driven.extend(between.iter().map(|entry| entry["event"].as_str().unwrap().to_owned()));
        let lines = between.into_iter().map(line).collect();
        self.seq = last;
        lines
    }
}

/// The whole trail.
fn entries(house: &House) -> Vec<Value> {
    let output = house.command(&["audit", "search", "--limit", "100000", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(entry: &Value) -> String {
    let word = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let mut words = vec![word("event"), word("outcome"), word("reason")];
    words.retain(|word| !word.is_empty());
    for (key, value) in entry["meta"].as_object().into_iter().flatten() {
        let value = if DIFFERENT.contains(&key.as_str()) { "" } else { value.as_str().unwrap() };
        words.push(format!("{key}={value}"));
    }
    words.extend(entry["count"].as_u64().map(|count| format!("count={count}")));
    words.join(" ")
}

/// What is asked of every entry: nothing forbidden, no address in clear, and who and where for whoever came over the network.
fn assert_sound(house: &House) {
    const FORBIDDEN: [&str; 11] = [
        "password",
        "token",
        "code",
        "state",
        "secret",
        "cookie",
        "authorization",
        "csrf",
        "id_token",
        "access_token",
        "refresh_token",
    ];
    for entry in entries(house) {
        let text = entry.to_string();
        assert!(!text.contains("app.test\"") || !text.contains('@'), "{text}");
        let keys = entry.as_object().unwrap().keys().chain(entry["meta"].as_object().into_iter().flatten().map(|(key, _)| key));
        for key in keys {
            assert!(!FORBIDDEN.contains(&key.as_str()), "{key} in {text}");
        }
        if !entry["request_id"].is_null() {
            for field in ["client_ip", "peer_ip", "client_prefix"] {
                assert!(entry[field].is_string(), "{field} in {text}");
            }
        }
    }
}

/// Whoever has an entry of the edge finds the request in the log, and the other way round: one line has the same request id, and says the
/// same of who asked for what.
fn assert_joined(house: &House) {
    let told = house.stderr();
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut joined = BTreeSet::new();
    for entry in entries(house) {
        let event = entry["event"].as_str().unwrap();
        if event == "config.loaded" {
            let hash = &entry["meta"]["config_hash"];
            assert!(entry["reason"] == "start" || lines.iter().any(|line| line["config_sha256"] == *hash), "{entry}");
        }
        let is_of_edge = event.starts_with("gate.") || event == "proxy.rejected" || entry["meta"]["layer"] == "edge";
        if !is_of_edge || entry["count"].is_u64() {
            continue;
        }
        let id = entry["request_id"].as_str().unwrap_or_else(|| panic!("no request id: {entry}"));
        let same: Vec<&Value> = lines.iter().filter(|line| line["target"] == "access" && line["request_id"] == id).collect();
        assert_eq!(same.len(), 1, "lines of {entry}: {same:?}");
        for (field, other) in [("client_ip", "client"), ("peer_ip", "peer")] {
            assert_eq!(same[0][other], entry[field], "{entry} {}", same[0]);
        }
        // A refused head has neither method nor host that could be believed.
        for field in ["method", "host"].into_iter().filter(|field| entry[*field].is_string()) {
            assert_eq!(same[0][field], entry[field], "{entry} {}", same[0]);
        }
        let is_refused = same[0]["status"].as_u64().unwrap() >= 400;
        assert_eq!(is_refused, entry["outcome"] == "denied", "{entry} {}", same[0]);
        joined.insert(format!("{event} {}", entry["reason"].as_str().unwrap()));
    }
    for wanted in [
        "gate.denied ip",
        "gate.denied throttled",
        "gate.allowed credentials",
        "proxy.rejected framing",
        "ratelimit.exceeded csp_report",
    ] {
        assert!(joined.contains(wanted), "{wanted} is not among {joined:?}");
    }
}

/// Quotas small enough to run out, and a gate with a list of paths: what [`REFUSED`] and [`GATE`] need.
pub(crate) fn narrow(builder: HouseBuilder) -> HouseBuilder {
    builder
        .limit("auth_csrf", "2/min")
        .limit("csp_report", "2/min")
        .limit("gate_failure", "3/min")
        .limit("forgot_password_address", "2/15min")
        .edit(
            "users_file = \"gate.htpasswd\"\nprofile = \"django-admin\"",
            "users_file = \"gate.htpasswd\"\nprofile = \"django-admin\"\npaths = [\"/admin/\"]",
        )
}

#[test]
fn aud_01_every_event_that_can_occur_is_told_once_in_the_words_of_table_c() {
    let mut world = World::new(Site::with(narrow));
    let parts: [&[Step]; 9] = [START, SIGN_UP, SIGN_IN, OWN, FACTORS, MAIL, REFUSED, GATE, OPERATE];
    for part in parts {
        world.take(part);
    }
    assert_sound(world.house());
    world.house().reload_with(|file| format!("{file}\n# again\n"));
    until(Duration::from_secs(15), "the reload in the trail", || {
        let loads = entries(world.house()).into_iter().filter(|entry| entry["event"] == "config.loaded").count();
        (loads > 1).then_some(())
    });
    assert_joined(world.house());
    let mut closed =
        World::new(Site::with(|builder| builder.accounts("sign_up = \"invitation\"").section("[audit]\nfile = \"audit.jsonl\"")));
    closed.take(INVITED);
    world.driven.extend(closed.driven);
    let listed = || ELSEWHERE.iter().map(|(event, _)| *event);
    for event in TABLE {
        let (is_driven, is_listed) = (world.driven.contains(*event), listed().any(|listed| listed == *event));
        assert!(is_driven != is_listed, "{event}: driven {is_driven}, listed as one that is not {is_listed}");
    }
}

const START: &[Step] = &[("the start", |_| {}, &["config.loaded success start config_hash=", "sys.start success"])];

const SIGN_UP: &[Step] = &[
    ("a sign-up", |w| w.house().sign_up(ADA, w.house().password()), &["auth.signup success pending duplicate=false mode=open"]),
    (
        "a sign-in before the verification",
        |w| assert_eq!(w.login(ADA, w.house().password()), 401),
        &["auth.login_failed failure unverified after_failures=0"],
    ),
    (
        "the mail again",
        |w| {
            let token =
                w.mailed(ADA, "verify", || assert_eq!(w.post("/api/auth/verify-email/resend", &json!({"email": ADA})), 200));
            assert_eq!(w.post("/api/auth/verify-email", &json!({"token": token})), 200);
        },
        &["email.verify_issued success issued purpose=sign_up", "email.verified success purpose=sign_up"],
    ),
    (
        "the mail again for nobody",
        |w| assert_eq!(w.post("/api/auth/verify-email/resend", &json!({"email": "no@app.test"})), 200),
        &["email.verify_issued success nothing_to_send purpose=sign_up"],
    ),
    (
        "a made-up link",
        |w| assert_eq!(w.post("/api/auth/verify-email", &json!({"token": "A".repeat(43)})), 400),
        &["email.verify_failed failure unknown purpose=sign_up"],
    ),
    (
        "a sign-up of a known address",
        |w| w.house().sign_up(ADA, w.house().password()),
        &["auth.signup success duplicate duplicate=true mode=open"],
    ),
    (
        "another account",
        |w| w.house().add_member(BEA),
        &["auth.signup success pending duplicate=false mode=open", "email.verified success purpose=sign_up"],
    ),
];

const SIGN_IN: &[Step] = &[
    (
        "an unknown address",
        |w| assert_eq!(w.login("no@app.test", WRONG), 401),
        &["auth.login_failed failure unknown after_failures=0"],
    ),
    ("a wrong password", |w| assert_eq!(w.login(ADA, WRONG), 401), &["auth.login_failed failure bad_password after_failures=1"]),
    (
        "a sign-in",
        |w| {
            let ada = w.house().sign_in(ADA);
            w.people.insert(ADA, ada);
        },
        &["auth.login success after_failures=2 method=password", "session.created success"],
    ),
    (
        "a sign-in with a session",
        |w| {
            let body = json!({"email": ADA, "password": w.house().password()});
            w.people.get_mut(ADA).unwrap().post_json("/api/auth/login", &body).expect(200);
        },
        &[
            "session.revoked success replaced by=house",
            "auth.login success after_failures=0 method=password",
            "session.created success",
        ],
    ),
    (
        "eleven attempts in a row",
        |w| {
            let statuses: Vec<u16> = (0..11).map(|_| w.login("slow@app.test", WRONG)).collect();
            assert_eq!(statuses, [[401; 10].as_slice(), &[429]].concat());
        },
        &[
            "auth.login_failed failure unknown after_failures=0",
            "auth.login_failed failure unknown after_failures=1",
            "auth.login_failed failure unknown after_failures=2",
            "auth.login_failed failure unknown after_failures=3",
            "auth.login_failed failure unknown after_failures=4",
            "auth.login_failed failure unknown after_failures=5",
            "auth.login_failed failure unknown after_failures=6",
            "auth.login_failed failure unknown after_failures=7",
            "auth.login_failed failure unknown after_failures=8",
            "auth.login_failed failure unknown after_failures=9",
            "auth.throttled denied scope=auth_login_failures",
        ],
    ),
    (
        "an account of another system",
        |w| {
            let file = w.house().folder().join("old.csv");
            std::fs::write(&file, "old@app.test,$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW,Old\n").unwrap();
            w.command(&["import", "users", file.to_str().unwrap(), "--format", "bcrypt-csv"]);
            assert_eq!(w.login("old@app.test", "correct horse battery staple"), 200);
        },
        &[
            "account.imported success target_user_id=",
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "password.rehashed success",
        ],
    ),
];

const OWN: &[Step] = &[
    (
        "a profile",
        |w| assert_eq!(w.own(ADA, "PATCH", "/api/auth/me", &json!({"bio": "words"})), 200),
        &["profile.updated success fields=bio"],
    ),
    (
        "a profile against the rules",
        |w| assert_eq!(w.own(ADA, "PATCH", "/api/auth/me", &json!({"avatar_url": "data:,x"})), 422),
        &["profile.updated failure invalid"],
    ),
    (
        "a new credential",
        |w| assert_eq!(w.own(ADA, "POST", "/api/auth/refresh", &json!({})), 200),
        &["session.rotated success asked"],
    ),
    (
        "the end of another session",
        |w| {
            let other = w.house().sign_in(ADA);
            let sessions = w.people.get_mut(ADA).unwrap().get("/api/auth/sessions").expect(200).json();
            let id = |session: &Value| (session["is_current"] == false).then(|| session["id"].as_str().unwrap().to_owned());
            let id = sessions["sessions"].as_array().unwrap().iter().find_map(id).unwrap();
            assert_eq!(w.own(ADA, "DELETE", &format!("/api/auth/sessions/{id}"), &json!({})), 204);
            assert_eq!(w.own(ADA, "DELETE", &format!("/api/auth/sessions/{id}"), &json!({})), 404);
            drop(other);
        },
        &[
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "session.revoked success by_owner by=owner",
            "session.revoked denied unknown by=owner",
        ],
    ),
    (
        "the end of the others",
        |w| assert_eq!(w.own(ADA, "POST", "/api/auth/sessions/revoke-others", &json!({})), 204),
        &["session.revoked success by_owner_others by=owner sessions=0"],
    ),
    (
        "a password that is refused",
        |w| {
            assert_eq!(w.own(ADA, "POST", "/api/auth/password", &json!({"current_password": WRONG, "new_password": NEW})), 401);
            assert_eq!(w.own(ADA, "POST", "/api/auth/password", &json!({"current_password": WRONG, "new_password": "x"})), 422);
        },
        &["password.change_failed failure bad_password", "password.change_failed failure policy"],
    ),
    (
        "a password",
        |w| {
            let body = json!({"current_password": w.house().password(), "new_password": NEW});
            assert_eq!(w.own(ADA, "POST", "/api/auth/password", &body), 200);
        },
        &["password.changed success method=password", "session.rotated success password_changed"],
    ),
    (
        "what is stored about somebody",
        |w| assert_eq!(w.own(ADA, "POST", "/api/auth/me/export", &json!({})), 200),
        &["account.exported success"],
    ),
    (
        "signing out",
        |w| {
            let mut other = w.house().sign_in(BEA);
            other.send(&Request::post("/api/auth/logout").csrf()).expect(204);
        },
        &["auth.login success after_failures=0 method=password", "session.created success", "auth.logout success all=false"],
    ),
];

const FACTORS: &[Step] = &[
    (
        "an app that is added",
        |w| {
            let mut cat = w.house().member(CAT);
            let (app, codes) = w.house().enrol_totp(&mut cat);
            w.people.insert(CAT, cat);
            w.apps.insert(CAT, app);
            w.recovery = codes;
            let wrong = json!({"enrolment": "A".repeat(43), "code": "000000"});
            assert_eq!(w.own(CAT, "POST", "/api/auth/factors/totp/confirm", &wrong), 400);
        },
        &[
            "auth.signup success pending duplicate=false mode=open",
            "email.verified success purpose=sign_up",
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "factor.added success kind=totp",
            "session.rotated success factor_added",
            "factor.failed failure no_enrolment kind=totp",
        ],
    ),
    (
        "a sign-in in two steps",
        |w| {
            let mut client = w.house().first_step(CAT);
            let app = w.apps.get_mut(CAT).unwrap();
            second_step(&mut client, &app.wrong_code()).expect(401);
            second_step(&mut client, &app.next_code()).expect(200);
            second_step(&mut client.twin(), &app.wrong_code()).expect(401);
            w.people.insert(CAT, client);
        },
        &[
            "auth.second_factor_asked success after_failures=0 method=password",
            "factor.failed failure bad_code after_failures=0",
            "auth.login success after_failures=1 kind=totp method=password",
            "session.created success",
            "factor.failed failure no_sign_in",
        ],
    ),
    (
        "a step up",
        |w| {
            let (wrong, right) = (json!({"code": w.apps[CAT].wrong_code()}), json!({"code": w.recovery[0]}));
            assert_eq!(w.own(CAT, "POST", "/api/auth/step-up", &wrong), 401);
            assert_eq!(w.own(CAT, "POST", "/api/auth/step-up", &right), 200);
        },
        &[
            "auth.step_up_failed failure bad_code after_failures=0",
            "auth.step_up success kind=recovery_code",
            "session.rotated success step_up",
        ],
    ),
    (
        "a factor that is renamed, its codes renewed, and that is removed",
        |w| {
            let list = w.people.get_mut(CAT).unwrap().get("/api/auth/factors").expect(200).json();
            let path = format!("/api/auth/factors/{}", list["factors"][0]["id"].as_str().unwrap());
            assert_eq!(w.own(CAT, "PATCH", &path, &json!({"name": "the old phone"})), 204);
            assert_eq!(w.own(CAT, "POST", "/api/auth/factors/recovery-codes", &json!({})), 200);
            assert_eq!(w.own(CAT, "DELETE", &path, &json!({})), 204);
        },
        &[
            "factor.renamed success",
            "factor.recovery_codes success kind=recovery_code",
            "session.rotated success recovery_codes",
            "factor.removed success kind=totp",
            "session.rotated success factor_removed",
        ],
    ),
];

const MAIL: &[Step] = &[
    (
        "asking for a reset link",
        |w| assert_eq!(w.post("/api/auth/forgot-password", &json!({"email": "no@app.test"})), 200),
        &["password.reset_requested success unknown suppressed=false"],
    ),
    (
        "a reset",
        |w| {
            let token = w.mailed(ADA, "reset", || assert_eq!(w.post("/api/auth/forgot-password", &json!({"email": ADA})), 200));
            let body = |password: &str| json!({"token": token, "password": password});
            assert_eq!(w.post("/api/auth/reset-password", &body("x")), 422);
            assert_eq!(w.post("/api/auth/reset-password", &body(w.house().password())), 200);
            assert_eq!(w.post("/api/auth/reset-password", &body(NEW)), 400);
        },
        &[
            "password.reset_requested success issued suppressed=false",
            "password.reset_failed failure policy",
            "password.reset success sessions=1",
            "password.reset_failed failure unknown",
        ],
    ),
    (
        "more mails than one address gets",
        |w| (0..2).for_each(|_| assert_eq!(w.post("/api/auth/forgot-password", &json!({"email": "no@app.test"})), 200)),
        &[
            "password.reset_requested success unknown suppressed=false",
            "password.reset_requested success unknown suppressed=true",
        ],
    ),
    (
        "another address, and back",
        |w| {
            let bea = w.house().sign_in(BEA);
            w.people.insert(BEA, bea);
            let wrong = json!({"email": "new@app.test", "current_password": WRONG});
            assert_eq!(w.own(BEA, "POST", "/api/auth/email", &wrong), 401);
            let body = json!({"email": "new@app.test", "current_password": w.house().password()});
            let request = Request::post("/api/auth/email").csrf().json(&body);
            let mut twin = w.people[BEA].twin();
            let token = w.mailed("new@app.test", "email/confirm", || drop(twin.send(&request).expect(202)));
            let undo =
                w.mailed(BEA, "email/undo", || assert_eq!(w.post("/api/auth/email/confirm", &json!({"token": token})), 200));
            assert_eq!(w.post("/api/auth/email/confirm", &json!({"token": token})), 400);
            assert_eq!(w.post("/api/auth/email/undo", &json!({"token": undo})), 200);
            assert_eq!(w.login(BEA, w.house().password()), 401);
        },
        &[
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "email.change_failed failure bad_password",
            "email.change_requested success issued new_hash= old_hash=",
            "email.changed success new_hash= old_hash=",
            "email.change_failed failure unknown purpose=email_change",
            "email.change_undone success new_hash= old_hash=",
            "auth.login_failed failure no_password after_failures=0",
        ],
    ),
];

pub(crate) const REFUSED: &[Step] = &[
    (
        "requests that prove no origin or token",
        |w| {
            let ada = w.house().sign_in(ADA);
            let ask = |request: Request, status| assert_eq!(ada.twin().send(&request).status, status, "{request:?}");
            let logout = || Request::post("/api/auth/logout");
            ask(logout().csrf().header("Origin", "https://evil.test"), 403);
            ask(logout().csrf().header("Sec-Fetch-Site", "cross-site"), 403);
            ask(logout(), 403);
            ask(logout().header("X-CSRF-Token", "made-up"), 403);
            ask(logout().header("X-CSRF-Token", "a").header("X-CSRF-Token", "b"), 403);
            ask(Request::new("PATCH", "/api/auth/me").csrf().body("text/plain", "{}"), 415);
            let session = ada.session();
            ask(Request::get("/api/auth/me").cookies(&format!("{SESSION_COOKIE}={session}; {SESSION_COOKIE}={session}")), 400);
        },
        &[
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "csrf.rejected denied origin",
            "csrf.rejected denied fetch_site",
            "csrf.rejected denied token_missing",
            "csrf.rejected denied token_mismatch",
            "csrf.rejected denied duplicate",
            "csrf.rejected denied content_type",
            "session.cookie_duplicate denied duplicate",
        ],
    ),
    (
        "more than the limits allow",
        |w| {
            let from = IpAddr::from([127, 0, 0, 9]);
            let mut client = w.house().client_from(from);
            let statuses: Vec<u16> = (0..3).map(|_| client.get("/api/auth/csrf").status).collect();
            assert_eq!(statuses, [200, 200, 429]);
            let report = Request::post("/api/csp-report").body("application/csp-report", "{}");
            let last = (0..3).map(|_| client.send(&report).status).last();
            assert_eq!(last, Some(429));
        },
        &[
            "ratelimit.exceeded denied auth_csrf layer=app scope=auth_csrf",
            "ratelimit.exceeded denied csp_report layer=edge scope=csp_report",
        ],
    ),
    (
        "requests with more than one reading",
        |w| {
            let host = w.house().authority();
            for (text, status) in [
                (format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"), 400),
                ("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned(), 421),
                (format!("GET /a/%2e%2e/b HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
                (format!("FOO / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 501),
                (format!("POST /api/x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400),
            ] {
                let mut raw = w.house().raw();
                raw.send_what_it_takes(&text);
                assert_eq!(raw.read_reply().unwrap().status, status, "{text}");
            }
            let mut h2 = H2Frames::connect(w.house().https(), INSIDE, w.house().host()).unwrap();
            let fields =
                [(":method", "GET"), (":scheme", "https"), (":authority", &*host), (":path", "/"), ("host", "other.test")];
            assert_eq!(h2.ask(&fields).answer().status, 400);
        },
        &[
            "proxy.rejected denied framing class=framing",
            "proxy.rejected denied unknown_host class=unknown_host",
            "proxy.rejected denied path class=path",
            "proxy.rejected denied method class=method",
            "proxy.rejected denied body_framing class=body_framing",
            "proxy.rejected denied authority class=authority",
        ],
    ),
];

pub(crate) const GATE: &[Step] = &[(
    "at the gates",
    |w| {
        let ask = |label: &str, from, path: &str, credentials: Option<(&str, &str)>| {
            let request = Request::get(path);
            let request = match credentials {
                Some((user, password)) => request.header("Authorization", &basic_auth(user, password)),
                None => request,
            };
            w.house().client_of(label, from).send(&request).status
        };
        let right = Some((ADMIN_USER, ADMIN_PASSWORD));
        assert_eq!(ask("adm", OUTSIDE, "/admin/", right), 403);
        assert_eq!(ask("adm", INSIDE, "/admin/", None), 401);
        assert_eq!(ask("adm", INSIDE, "/admin/", right), 200);
        assert_eq!(ask("adm", INSIDE, "/elsewhere", right), 404);
        for label in ["adm", "pga", "flw"] {
            assert_eq!(ask(label, INSIDE, "/admin/", Some(("nobody", "wrong"))), 401);
        }
        assert_eq!(ask("dash", INSIDE, "/", right), 429);
    },
    &[
        "gate.denied denied ip ui=adm",
        "gate.denied denied no_credentials ui=adm",
        "gate.allowed success credentials ui=adm user=keeper",
        "gate.denied denied path ui=adm",
        "gate.denied denied bad_credentials ui=adm",
        "gate.denied denied bad_credentials ui=pga",
        "gate.denied denied bad_credentials ui=flw",
        "gate.denied denied throttled ui=dash",
    ],
)];

const OPERATE: &[Step] = &[
    (
        "an account that is disabled",
        |w| {
            w.command(&["user", "disable", ADA]);
            assert_eq!(w.login(ADA, w.house().password()), 401);
            w.command(&["user", "enable", ADA]);
        },
        &[
            "admin.user_disabled success sessions=1 target_user_id=",
            "auth.login_failed failure disabled after_failures=0",
            "admin.user_enabled success sessions=0 target_user_id=",
        ],
    ),
    (
        "sessions that are ended",
        |w| {
            let _ = w.house().sign_in(ADA);
            w.command(&["session", "revoke-all", ADA]);
        },
        &[
            "auth.login success after_failures=1 method=password",
            "session.created success",
            "admin.session_revoke success sessions=1 target_user_id=",
        ],
    ),
    (
        "an account that is deleted by its owner",
        |w| {
            let ada = w.house().sign_in(ADA);
            w.people.insert(ADA, ada);
            assert_eq!(w.own(ADA, "DELETE", "/api/auth/me", &json!({"current_password": WRONG})), 401);
            let body = json!({"current_password": w.house().password()});
            assert_eq!(w.own(ADA, "DELETE", "/api/auth/me", &body), 204);
        },
        &[
            "auth.login success after_failures=0 method=password",
            "session.created success",
            "account.deleted failure bad_password",
            "account.deleted success sessions=1",
        ],
    ),
    ("a proof of the trail", |w| w.command(&["audit", "verify"]), &["audit.verify success"]),
    ("a copy of the trail", |w| w.command(&["audit", "export", "--format", "cef"]), &["audit.export success"]),
];

const INVITED: &[Step] = &[
    ("the start", |_| {}, &["config.loaded success start config_hash=", "sys.start success"]),
    (
        "sign-ups without an invitation",
        |w| {
            let wish = json!({"email": ADA, "password": w.house().password()});
            assert_eq!(w.post("/api/auth/register", &wish), 403);
            let wish = json!({"email": ADA, "password": w.house().password(), "invitation": "made-up"});
            assert_eq!(w.post("/api/auth/register", &wish), 403);
        },
        &["auth.signup failure not_open mode=invitation", "auth.signup failure invitation mode=invitation"],
    ),
    ("an invitation", |w| w.command(&["user", "invite", ADA]), &["account.invited success roles="]),
    (
        "a restart behind a torn line",
        |w| {
            let file = w.house().folder().join("audit.jsonl");
            until(Duration::from_secs(15), "the shipped file", || std::fs::read(&file).ok().filter(|text| !text.is_empty()));
            w.site.house.stop();
            let text = std::fs::read(&file).unwrap();
            std::fs::write(&file, &text[..text.len() - 20]).unwrap();
            w.site.house.restart_with(|text| text);
            let told = |entries: Vec<Value>| entries.iter().any(|entry| entry["event"] == "audit.gap").then_some(());
            until(Duration::from_secs(15), "the gap", || told(entries(w.house())));
        },
        &[
            "sys.stop success",
            "config.loaded success start config_hash=",
            "sys.start success",
            "audit.gap error torn_line_rewritten from_seq=",
        ],
    ),
    (
        "a look from outside at a door that is shut",
        |w| {
            w.site.house.stop();
            let port = w.house().https().port();
            let pin = |host: &str| format!("--resolve={host}:{port}:{INSIDE}");
            let hosts = ["app.test", "adm.app.test", "pga.app.test", "flw.app.test", "dash.app.test"].map(pin);
            let out = w.house().folder().join("meta").display().to_string();
            let words = ["verify", "--record", "--from-afar", "--inside=127.0.0.1", "--outside=127.0.0.2", "--out", &out];
            let words: Vec<&str> = words.into_iter().chain(hosts.iter().map(String::as_str)).collect();
            assert_eq!(w.house().command(&words).status.code(), Some(1));
            w.site.house.restart_with(|text| text);
        },
        &[
            "sys.stop success",
            "verify.run failure failed_checks= run_id=",
            "config.loaded success start config_hash=",
            "sys.start success",
        ],
    ),
];
