//! Allowlist and users of a gate change together or not at all, and never is there a moment without them (GATE-21).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use doorward_testkit::h2::H2Frames;
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, EchoUpstream, House, INSIDE, OUTSIDE, Request, basic_auth, until};

/// The password of the users file that takes the place of the first.
const OTHER_PASSWORD: &str = "a silver key on a green string";

const ALLOW: &str = "allow = [\"127.0.0.1/32\"]\nusers_file = \"gate.htpasswd\"";
const OTHER: &str = "allow = [\"127.0.0.2/32\"]\nusers_file = \"other.htpasswd\"";

struct Ground {
    house: House,
    ui: EchoUpstream,
}

impl Ground {
    fn start() -> Self {
        let ui = EchoUpstream::start("ui");
        let house = House::builder().unlimited().echo(&ui).gate("adm", "ui", "strict").start();
        let ground = Self { house, ui };
        let hash = bcrypt::hash(OTHER_PASSWORD, 10).unwrap();
        ground.write("other.htpasswd", &format!("{ADMIN_USER}:{hash}\n"));
        ground
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let next = self.house.folder().join(format!("{name}.next"));
        std::fs::write(&next, text).unwrap();
        std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(next, self.house.folder().join(name)).unwrap();
    }

    /// The answers to everybody who could be treated differently: from both networks, with no password and either one.
    fn everybody(&self) -> Vec<u16> {
        let passwords = [None, Some(ADMIN_PASSWORD), Some(OTHER_PASSWORD)];
        let callers = [INSIDE, OUTSIDE].into_iter().flat_map(|from| passwords.map(|password| (from, password)));
        callers.map(|(from, password)| self.house.client_of("adm", from).send(&with(password)).status).collect()
    }
}

const BEFORE: [u16; 6] = [401, 200, 401, 403, 403, 403];
const AFTER: [u16; 6] = [403, 403, 403, 401, 401, 200];

fn with(password: Option<&str>) -> Request {
    let request = Request::get("/admin/");
    match password {
        Some(password) => request.header("Authorization", &basic_auth(ADMIN_USER, password)),
        None => request,
    }
}

#[test]
fn gate_21_a_broken_configuration_or_users_file_keeps_the_old_gate_and_is_told() {
    let ground = Ground::start();
    let house = &ground.house;
    let text = std::fs::read_to_string(house.config_file()).unwrap();
    let hash = std::fs::read_to_string(house.folder().join("gate.htpasswd")).unwrap();
    ground.write("bad.htpasswd", &format!("{hash}keeper2:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"));
    ground.write("none.htpasswd", "# nobody\n");
    for (gate, told_of) in [
        // Each would open the gate, or move it, if a part of it were taken.
        ("allow = [\"0.0.0.0/0\"]\nusers_file = \"other.htpasswd\"", "allow"),
        ("allow = [\"127.0.0.2/32\", \"127.0.0.1/33\"]\nusers_file = \"other.htpasswd\"", "allow"),
        ("allow = []\nusers_file = \"other.htpasswd\"", "allow"),
        ("users_file = \"other.htpasswd\"", "allow"),
        ("allow = [\"127.0.0.2/32\"]", "users_file"),
        ("allow = [\"127.0.0.2/32\"]\nusers_file = \"bad.htpasswd\"", "bad.htpasswd: line 2"),
        ("allow = [\"127.0.0.2/32\"]\nusers_file = \"none.htpasswd\"", "none.htpasswd"),
        ("allow = [\"127.0.0.2/32\"]\nusers_file = \"absent.htpasswd\"", "absent.htpasswd"),
        ("allow = [\"127.0.0.2/32\"]\nusers_file = \"other.htpasswd\"\nusers = \"open\"", "users"),
        ("allow = [\"127.0.0.2/32\"\nusers_file = \"other.htpasswd\"", "doorward.toml:"),
        ("\0\u{1}garbage \u{7f}", "doorward.toml:"),
    ] {
        let told = house.refused_with(|_| text.replace(ALLOW, gate));
        assert!(told.contains(told_of), "{gate:?}: no {told_of} in {told}");
        assert!(!told.contains(&hash[..20]) && !told.contains("W6ph5"), "no hash is repeated: {told}");
        assert_eq!(ground.everybody(), BEFORE, "{gate:?}");
    }
    // The whole file gone, and the file of its users gone, are no reason to open either.
    let told = house.refused_with(|_| String::new());
    assert!(told.contains("doorward.toml"), "{told}");
    assert_eq!(ground.everybody(), BEFORE);
    let refusals = house.refusals();
    house.rewrite(|_| text.clone());
    std::fs::remove_file(house.folder().join("gate.htpasswd")).unwrap();
    house.hang_up();
    let told = house.wait_for_refusal(refusals);
    assert!(told.contains("gate.htpasswd"), "{told}");
    assert_eq!(ground.everybody(), BEFORE);
    ground.write("gate.htpasswd", &hash);
    house.reload_with(|_| text.replace(ALLOW, OTHER));
    assert_eq!(ground.everybody(), AFTER, "what is right is taken, both parts of it");
}

#[test]
fn gate_21_under_load_every_answer_is_of_one_whole_gate_and_none_of_no_gate() {
    let ground = Ground::start();
    let house = &ground.house;
    let text = std::fs::read_to_string(house.config_file()).unwrap();
    let is_over = AtomicBool::new(false);
    let turns = [const { AtomicUsize::new(0) }; 6];
    let odd = Mutex::new(Vec::new());
    let seen: [Mutex<BTreeSet<u16>>; 6] = Default::default();
    let callers =
        [INSIDE, OUTSIDE].into_iter().flat_map(|from| [None, Some(ADMIN_PASSWORD), Some(OTHER_PASSWORD)].map(|p| (from, p)));
    std::thread::scope(|scope| {
        for (at, (from, password)) in callers.enumerate() {
            let (is_over, odd, seen, turns) = (&is_over, &odd, &seen, &turns);
            scope.spawn(move || {
                // HTTP/1.1 and HTTP/2 in turn, each on a connection that lives through the changes.
                let mut client = house.client_of("adm", from);
                let authorization = password.map(|password| basic_auth(ADMIN_USER, password));
                let authority = house.authority_of("adm");
                let mut frames = H2Frames::connect(house.https(), from, "adm.app.test").unwrap();
                let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", authority.as_str()), (":path", "/admin/")];
                let fields: Vec<_> =
                    pseudo.into_iter().chain(authorization.as_deref().map(|value| ("authorization", value))).collect();
                let mut asked = 0;
                while !is_over.load(Ordering::Relaxed) {
                    asked += 1;
                    // A connection ends after so many requests, or refusals, by design.
                    if asked % 50 == 0 {
                        frames = H2Frames::connect(house.https(), from, "adm.app.test").unwrap();
                    }
                    for status in [client.send(&with(password)).status, frames.ask(&fields).answer().status] {
                        seen[at].lock().unwrap().insert(status);
                        if status != BEFORE[at] && status != AFTER[at] {
                            odd.lock().unwrap().push((from, password, status));
                        }
                    }
                    turns[at].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let met_by_all = || {
            let before = turns.each_ref().map(|turns| turns.load(Ordering::Relaxed));
            until(Duration::from_secs(60), "two turns of every caller", || {
                before.iter().zip(&turns).all(|(before, turns)| turns.load(Ordering::Relaxed) >= before + 2).then_some(())
            });
        };
        for round in 0..8 {
            let text = if round % 2 == 0 { text.replace(ALLOW, OTHER) } else { text.clone() };
            house.reload_with(|_| text.clone());
            met_by_all();
            // Garbage in between must not be a moment without a gate either.
            let _ = house.refused_with(|text| text.replace("allow = [", "allow = [\"0.0.0.0/0\", "));
            house.rewrite(|_| text);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let odd = odd.into_inner().unwrap();
    assert!(odd.is_empty(), "answers of neither gate: {odd:?}");
    for (at, seen) in seen.iter().enumerate() {
        let both = BTreeSet::from([BEFORE[at], AFTER[at]]);
        assert_eq!(*seen.lock().unwrap(), both, "caller {at} met both gates, or the load proves nothing");
    }
    assert!(ground.ui.requests().iter().all(|request| request.all("authorization").is_empty()));
}
