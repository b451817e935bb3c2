//! Reading the master key: long, random, private, and never repeated (CFG-01).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use doorward_config::{SecretError, SecretSource};

use crate::support::{Env, env};

const GOOD: &str = "c3Rq0mZ8yK1vXw7uQeRtYuIoPaSdFgHjKlZxCvBnM012345=";

fn file(dir: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = dir.join("master.key");
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
    path
}

fn read(content: &[u8], mode: u32) -> Result<String, SecretError> {
    let dir = tempfile::tempdir().expect("a folder");
    let source = SecretSource::File(file(dir.path(), content, mode));
    source.read(&Env::new()).map(|secret| secret.expose().clone())
}

#[test]
fn a_private_random_file_is_read_without_its_line_end() {
    for (ending, mode) in [("", 0o600), ("\n", 0o400), ("\r\n", 0o600), ("\n\n", 0o600)] {
        assert_eq!(read(format!("{GOOD}{ending}").as_bytes(), mode).expect("good"), GOOD);
    }
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    for mode in [0o644, 0o640, 0o604, 0o660, 0o601, 0o777] {
        assert!(matches!(read(GOOD.as_bytes(), mode), Err(SecretError::Open { .. })), "{mode:o}");
    }
}

#[test]
fn placeholders_patterns_and_short_texts_are_refused_without_being_repeated() {
    for text in [
        "change_me",
        "CHANGE_ME_TO_SOMETHING_RANDOM_AND_LONG_1234",
        "changeme-0123456789012345678901234567890",
        "your_secret_key_goes_here_0123456789ab",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "0101010101010101010101010101010101010101",
        "short-canary",
        "",
        &GOOD[..31],
        "secret-secret-secret-secret-secret-secret",
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "q83vEjRWeJq7zJk2-CHANGE_ME-q83vEjRWeJq7zJk2",
        "<a long random text goes between these brackets>",
        "${DOORWARD_MASTER_KEY_THAT_NOBODY_HAS_FILLED_IN}",
    ] {
        let error = read(text.as_bytes(), 0o600).expect_err(text);
        let shown = format!("{error} {error:?}");
        assert!(text.len() < 4 || !shown.contains(text), "{shown}");
        let variable = SecretSource::Env("SITE_KEY".into()).read(&env(&[("SITE_KEY", text)])).expect_err(text);
        assert!(variable.to_string().starts_with("SITE_KEY: "), "{variable}");
        assert!(text.len() < 4 || !variable.to_string().contains(text), "{variable}");
    }
}

#[test]
fn what_is_no_text_or_too_long_is_refused() {
    assert!(matches!(read(&[0xff; 64], 0o600), Err(SecretError::Form(_))));
    assert!(matches!(read(GOOD.repeat(100).as_bytes(), 0o600), Err(SecretError::Form(_))));
    // Half of it would be taken for the key by an editor, and all of it by us.
    for text in [format!("{GOOD}\n{GOOD}"), format!("\u{feff}{GOOD}"), format!("{GOOD}\0"), format!("{GOOD}\tx")] {
        assert!(matches!(read(text.as_bytes(), 0o600), Err(SecretError::Form(_))), "{text:?}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let missing = SecretSource::File("/nonexistent/master.key".into()).read(&Env::new()).expect_err("nothing there");
    assert!(missing.to_string().starts_with("/nonexistent/master.key"));
    let unset = SecretSource::Env("SITE_KEY".into()).read(&Env::new()).expect_err("not set");
    assert_eq!(unset.to_string(), "SITE_KEY: the variable is not set");
    assert_eq!(SecretSource::Env("SITE_KEY".into()).read(&env(&[("SITE_KEY", GOOD)])).expect("good").expose(), GOOD);
}

#[test]
fn a_password_that_a_provider_issued_may_be_short_but_not_a_placeholder_and_not_open() {
    let dir = tempfile::tempdir().expect("a folder");
    let issued = |content: &[u8], mode| SecretSource::File(file(dir.path(), content, mode)).read_issued(&Env::new());
    assert_eq!(issued(b"abcd efgh ijkl\n", 0o600).expect("good").expose(), "abcd efgh ijkl");
    fs::remove_file(dir.path().join("master.key")).expect("removed");
    for (text, mode) in [("change_me", 0o600), ("", 0o600), ("two\nlines", 0o600), ("a\rb", 0o600), ("abcdefgh", 0o644)] {
        let error = issued(text.as_bytes(), mode).expect_err(text);
        assert!(text.is_empty() || !format!("{error} {error:?}").contains(text), "{error}");
        fs::remove_file(dir.path().join("master.key")).expect("removed");
    }
}

#[test]
fn a_ring_is_read_from_a_file_and_from_a_variable_and_its_faults_name_the_line() {
    let key = "cTgzdkVqUldlSnE3ekprMm1aOHlLMXZYdzd1UWVSdFlHSElK";
    let other = "bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2WHc3dVFlUnRZdUlvUA==";
    let ring = format!("# ours\r\n2 {key} from=2026-01-01T00:00:00Z\r\n1 {other} until=2026-02-01T00:00:00Z\r\n");
    let dir = tempfile::tempdir().expect("a folder");
    let read = SecretSource::File(file(dir.path(), ring.as_bytes(), 0o600)).read_ring(&Env::new()).expect("a ring");
    assert_eq!(read.versions().map(|(version, _)| version).collect::<Vec<_>>(), [2, 1]);
    let ring_in = |text: &str| SecretSource::Env("SITE_KEYS".into()).read_ring(&env(&[("SITE_KEYS", text)]));
    assert_eq!(ring_in(&ring).expect("a ring").newest(), 2);
    assert_eq!(ring_in(GOOD).expect("a secret").newest(), 1);
    let faults = [
        (format!("2 {key}\n1 {other}"), "SITE_KEYS: line 2: "),
        (format!("2 {}", &key[..40]), "SITE_KEYS: line 1: "),
        (format!("2 {key}\n{}", format!("1 {other} until=2026-02-01T00:00:00Z\n").repeat(300)), "SITE_KEYS: "),
        ("change_me".to_owned(), "SITE_KEYS: a placeholder"),
        (GOOD[..31].to_owned(), "SITE_KEYS: shorter"),
        (" ".to_owned(), "SITE_KEYS: empty"),
    ];
    for (text, start) in faults {
        let error = ring_in(&text).expect_err(&text);
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(start), "{error}");
        assert!(!shown.contains(&GOOD[..12]) && !shown.contains(&key[..12]) && !shown.contains(other), "{shown}");
    }
}
