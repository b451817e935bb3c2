//! Every secret that the configuration can name, missing, weak or open to others, through the real binary (CFG-01).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use doorward_testkit::{EchoUpstream, House, HouseBuilder, Start};
use tempfile::TempDir;

/// Random once; nobody's.
const GOOD: &str = "c3Rq0mZ8yK1vXw7uQeRtYuIoPaSdFgHjKlZxCvBnM012345";

/// A secret: what names it, and whether it is ours to make as long as a key.
struct Named {
    /// Section and stem: `key` of `site`, `password` of `store`.
    section: &'static str,
    stem: &'static str,
    is_ours: bool,
}

/// All there are but certificate and gate users, which are files of their own shape.
const SECRETS: [Named; 4] = [
    Named { section: "site", stem: "key", is_ours: true },
    Named { section: "store", stem: "password", is_ours: true },
    Named { section: "counters", stem: "password", is_ours: true },
    Named { section: "mail", stem: "password", is_ours: false },
];

/// How a secret reaches the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    File,
    Variable,
}

impl Named {
    fn key(&self, by: By) -> String {
        let ending = if by == By::File { "file" } else { "env" };
        format!("{}.{}_{ending}", self.section, self.stem)
    }

    fn variable(&self) -> String {
        format!("TEST_{}", self.section.to_uppercase())
    }

    /// The line that names it.
    fn line(&self, by: By, folder: &Path) -> String {
        match by {
            By::File => format!("{}_file = \"{}\"", self.stem, folder.join(self.section).display()),
            By::Variable => format!("{}_env = \"{}\"", self.stem, self.variable()),
        }
    }
}

/// A house with every secret, on servers that are not there: secrets are judged before anything is opened.
fn house(by: By, folder: &Path, web: &EchoUpstream) -> HouseBuilder {
    let [key, store, counters, mail] = SECRETS.map(|secret| secret.line(by, folder));
    House::builder()
        .echo(web)
        .gate("admin", "web", "strict")
        .edit("key_file = \"master.key\"", &key)
        .edit("url = \"sqlite\"", &format!("url = \"postgres://door@127.0.0.1:1/door\"\n{store}"))
        .edit("url = \"memory\"", &format!("url = \"redis://127.0.0.1:1/0\"\n{counters}"))
        .edit("url = \"file\"", &format!("url = \"smtp://door@relay.test:587\"\n{mail}"))
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn refused(outcome: Start) -> String {
    let Start::Refused { code, stdout, stderr } = outcome else { panic!("it started") };
    assert_eq!(code, Some(2), "{stdout}{stderr}");
    stdout + &stderr
}

/// What is wrong with every secret of one start, and what is said of it.
struct Fault {
    content: Option<&'static str>,
    mode: u32,
    /// Whether it is one for secrets that somebody else issued, too.
    is_for_all: bool,
    told: &'static str,
}

const fn weak(content: &'static str, told: &'static str) -> Fault {
    Fault { content: Some(content), mode: 0o600, is_for_all: false, told }
}

const fn wrong(content: &'static str, told: &'static str) -> Fault {
    Fault { content: Some(content), mode: 0o600, is_for_all: true, told }
}

const FAULTS: [Fault; 16] = [
    Fault { content: None, mode: 0, is_for_all: true, told: "" },
    Fault { content: Some(GOOD), mode: 0o644, is_for_all: true, told: "others may read it" },
    Fault { content: Some(GOOD), mode: 0o640, is_for_all: true, told: "others may read it" },
    wrong("", "empty"),
    wrong("   ", "empty"),
    wrong("change_me", "a placeholder"),
    wrong("CHANGE_ME_PLEASE_0123456789_0123456789", "a placeholder"),
    wrong("q83vEjRWeJq7zJk2-changeme-mZ8yK1vXw7uQeRtY", "a placeholder"),
    wrong("your-secret-goes-here-canary-0123456789", "a placeholder"),
    wrong("\u{feff}q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF", "byte order mark"),
    wrong("q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF\nof two lines", "not one line"),
    weak("c3Rq0mZ8yK1vXw7uQeRtYuIoPaSdFgH", "shorter than 32"),
    weak("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a pattern"),
    weak("canary-canary-canary-canary-canary-canary-", "a pattern"),
    weak("0123456789abcdef0123456789abcdef", "a pattern"),
    weak("abcdefghijklmnopqrstuvwxyz0123456789", "a pattern"),
];

/// The faults that the outcome has to name, and what it must not.
#[track_caller]
fn assert_told(told: &str, by: By, fault: &Fault) {
    for secret in SECRETS.iter().filter(|secret| fault.is_for_all || secret.is_ours) {
        let key = secret.key(by);
        let line = told.lines().find(|line| line.contains(&key)).unwrap_or_else(|| panic!("{key} is not named:\n{told}"));
        assert!(line.contains(fault.told), "{line}: {}", fault.told);
        let source = if by == By::File { format!("/{}", secret.section) } else { secret.variable() };
        assert!(line.contains(&source), "{line}");
    }
    let content = fault.content.unwrap_or_default();
    for piece in content.lines().filter(|piece| piece.trim().len() > 8) {
        assert!(!told.contains(piece.trim_start_matches('\u{feff}')), "the value is told:\n{told}");
    }
}

#[test]
fn cfg_01_every_secret_in_a_file_that_is_missing_weak_or_open_is_named_at_once_and_never_printed() {
    let web = EchoUpstream::start("web");
    for fault in &FAULTS {
        let folder = TempDir::with_prefix("doorward-secrets-").unwrap();
        for secret in &SECRETS {
            let content = if fault.is_for_all || secret.is_ours { fault.content } else { Some("abcd efgh ijkl") };
            if let Some(content) = content {
                let mode = if fault.is_for_all || secret.is_ours { fault.mode } else { 0o600 };
                write(&folder.path().join(secret.section), content.as_bytes(), mode);
            }
        }
        let told = refused(house(By::File, folder.path(), &web).try_start());
        assert_told(&told, By::File, fault);
    }
}

#[test]
fn cfg_01_every_secret_in_a_variable_that_is_unset_or_weak_is_named_at_once_and_never_printed() {
    let web = EchoUpstream::start("web");
    let folder = TempDir::with_prefix("doorward-secrets-").unwrap();
    for fault in FAULTS.iter().filter(|fault| matches!(fault.mode, 0 | 0o600)) {
        let mut builder = house(By::Variable, folder.path(), &web);
        for secret in &SECRETS {
            let content = if fault.is_for_all || secret.is_ours { fault.content } else { Some("abcd efgh ijkl") };
            if let Some(content) = content {
                builder = builder.var(&secret.variable(), content);
            }
        }
        let told = refused(builder.try_start());
        assert_told(&told, By::Variable, fault);
    }
}

#[test]
fn cfg_01_what_a_configuration_does_not_name_at_all_is_named_at_once() {
    let house = House::builder()
        .edit("key_file = \"master.key\"\n", "")
        .edit("url = \"sqlite\"", "url = \"postgres://door@127.0.0.1:1/door\"")
        .edit("url = \"memory\"", "url = \"redis://127.0.0.1:1/0\"")
        .edit("origin = ", "# origin = ");
    let told = refused(house.try_start());
    for key in ["site.origin", "site.key_file", "store.password_file", "counters.password_file"] {
        assert!(told.contains(key), "{key} is not named:\n{told}");
    }
}

#[test]
fn cfg_01_a_configuration_that_is_wrong_elsewhere_hides_no_weak_secret() {
    let web = EchoUpstream::start("web");
    let folder = TempDir::with_prefix("doorward-secrets-").unwrap();
    for secret in &SECRETS {
        write(&folder.path().join(secret.section), b"change_me", 0o600);
    }
    let told = refused(house(By::File, folder.path(), &web).edit("env = \"staging\"", "env = \"stagging\"").try_start());
    assert!(told.contains("site.env"), "{told}");
    for secret in &SECRETS {
        let key = format!("doorward: {}: ", secret.key(By::File));
        assert!(told.contains(&key), "{key} is not named:\n{told}");
    }
}

#[test]
fn cfg_01_faults_of_different_secrets_are_told_together_the_certificate_and_the_gates_among_them() {
    let web = EchoUpstream::start("web");
    let folder = TempDir::with_prefix("doorward-secrets-").unwrap();
    write(&folder.path().join("site"), b"change_me", 0o600);
    write(&folder.path().join("store"), GOOD.as_bytes(), 0o644);
    write(&folder.path().join("mail"), b"", 0o600);
    let users = folder.path().join("users");
    write(&users, b"keeper:canary-plain-password\n", 0o600);
    let key = folder.path().join("tls.key");
    write(&key, b"canary-no-key-at-all", 0o600);
    let told = refused(
        house(By::File, folder.path(), &web)
            .edit("users_file = \"gate.htpasswd\"", &format!("users_file = \"{}\"", users.display()))
            .edit("key = \"site.key\"", &format!("key = \"{}\"", key.display()))
            .try_start(),
    );
    for key in [
        "site.key_file: ",
        "store.password_file: ",
        "counters.password_file: ",
        "mail.password_file: ",
        "tls: ",
        "gate.users_file: ",
    ] {
        assert!(told.contains(key), "{key} is not named:\n{told}");
    }
    for value in ["canary-plain-password", "canary-no-key-at-all", GOOD] {
        assert!(!told.contains(value), "{told}");
    }
}

#[test]
fn cfg_01_a_certificates_key_and_a_gates_users_that_everybody_may_read_are_refused() {
    let web = EchoUpstream::start("web");
    let builder = || House::builder().echo(&web).gate("admin", "web", "strict");
    let mut house = builder().start();
    house.stop();
    for (file, key) in [("site.key", "tls.key: "), ("gate.htpasswd", "gate.users_file: ")] {
        let path: PathBuf = house.folder().join(file);
        for (mode, code) in [(0o644, Some(2)), (0o602, Some(2))] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let output = house.command(&["serve"]);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), code, "{told}");
            assert!(told.contains(key) && told.contains(file), "{told}");
            let checked = house.command(&["check"]);
            assert_eq!(checked.status.code(), Some(1), "`check` sees what `serve` will");
            assert!(String::from_utf8_lossy(&checked.stderr).contains(key), "{checked:?}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    house.restart_with(|text| text);
}

#[test]
fn cfg_01_secrets_that_are_right_get_as_far_as_the_servers_whatever_editor_wrote_the_file() {
    let web = EchoUpstream::start("web");
    // Each start looks for its servers for some seconds: all at once.
    std::thread::scope(|scope| {
        for ending in ["", "\n", "\r\n", "\n\n"] {
            let web = &web;
            scope.spawn(move || {
                let folder = TempDir::with_prefix("doorward-secrets-").unwrap();
                for secret in &SECRETS {
                    write(&folder.path().join(secret.section), format!("{GOOD}{ending}").as_bytes(), 0o400);
                }
                let outcome =
                    house(By::File, folder.path(), web).edit("smtp://door@relay.test", "smtp://door@relay.test").try_start();
                let Start::Refused { code, stdout, stderr } = outcome else { panic!("no server is there") };
                assert_eq!(code, Some(3), "{stdout}{stderr}");
                assert!(stderr.contains("database") && !stderr.contains("password_file"), "{stderr}");
            });
        }
    });
}
