//! `[accounts]`

use std::num::NonZeroU32;
use std::time::Duration;

use doorward_config::SignUp;

use crate::support::{development, refused_at, right, under};

fn accounts(line: &str) -> String {
    under("[accounts]", line)
}

#[test]
fn numbers_and_times_are_within_their_ranges() {
    for (line, key) in [
        ("session_idle = \"299s\"", "session_idle"),
        ("session_idle = \"31d\"", "session_idle"),
        ("session_absolute = \"91d\"", "session_absolute"),
        ("session_absolute = \"0s\"", "session_absolute"),
        ("verification = \"9min\"", "verification"),
        ("verification = \"8d\"", "verification"),
        ("password_min = 7", "password_min"),
        ("password_min = 14", "password_min"),
        ("password_min = 65", "password_min"),
        ("password_min = -1", "password_min"),
        ("password_min = 15.5", "password_min"),
        ("password_min = \"15\"", "password_min"),
        ("password_min = true", "password_min"),
        ("argon2_memory_kib = 19455", "argon2_memory_kib"),
        ("argon2_memory_kib = 1048577", "argon2_memory_kib"),
        ("argon2_memory_kib = 99999999999999999999", "argon2_memory_kib"),
        ("argon2_passes = 1", "argon2_passes"),
        ("hash_threads = 0", "hash_threads"),
        ("hash_threads = 65", "hash_threads"),
        ("session_limit = 0", "session_limit"),
        ("session_limit = 1001", "session_limit"),
        ("sign_up = \"yes\"", "sign_up"),
        ("sign_up = true", "sign_up"),
        ("recovery = \"9min\"", "recovery"),
        ("recovery = \"61min\"", "recovery"),
        ("email_change = \"8d\"", "email_change"),
        ("email_undo = \"23h\"", "email_undo"),
        ("invitation = \"59min\"", "invitation"),
        ("device = \"366d\"", "device"),
        ("session_rotate = \"9min\"", "session_rotate"),
        ("session_rotate = \"31d\"", "session_rotate"),
        ("remember_idle = \"31d\"", "remember_idle"),
        ("remember_absolute = \"6d\"", "remember_absolute"),
        ("allowed_domains = [\"a@example.com\"]", "allowed_domains[0]"),
        ("allowed_domains = [\"10.0.0.1\"]", "allowed_domains[0]"),
        ("allowed_domains = [\"com\"]", "allowed_domains[0]"),
        ("roles = [\"Staff\"]", "roles[0]"),
        ("roles = [\"staff\", \"staff\"]", "roles[1]"),
        ("roles = [\"a b\"]", "roles[0]"),
    ] {
        refused_at(&accounts(line), &format!("accounts.{key}"));
    }
}

#[test]
fn lengths_of_time_have_one_grammar() {
    for text in ["24", "24 h", "h", "24H", "24m", "1.5h", "-1h", "+1h", "24h ", "1h30min", "", "99999999999999999999d", "٢٤h"] {
        refused_at(&accounts(&format!("verification = {text:?}")), "accounts.verification");
    }
    for (text, seconds) in [("600s", 600), ("10min", 600), ("24h", 86_400), ("7d", 604_800)] {
        let config = right(&accounts(&format!("verification = {text:?}")));
        assert_eq!(config.accounts.verification, Duration::from_secs(seconds));
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let config = right(&accounts(
        "sign_up = \"closed\"\nsession_idle = \"1h\"\nsession_absolute = \"2h\"\npassword_min = 20\nargon2_memory_kib = 0x10000\n\
         argon2_passes = 3\nhash_threads = 2\nsession_limit = 5",
    ));
    let accounts = config.accounts;
    assert_eq!(accounts.sign_up, SignUp::Closed);
    assert_eq!((accounts.session_idle, accounts.session_absolute), (Duration::from_secs(3600), Duration::from_secs(7200)));
    assert_eq!((accounts.password_min, accounts.argon2_memory_kib, accounts.argon2_passes), (20, 65_536, 3));
    assert_eq!((accounts.hash_threads, accounts.session_limit), (NonZeroU32::new(2), 5));
}

#[test]
fn an_idle_timeout_fits_into_the_absolute_one() {
    refused_at(&accounts("session_idle = \"2h\"\nsession_absolute = \"1h\""), "accounts.session_idle");
    // The default gives way to a shorter absolute timeout.
    assert_eq!(right(&accounts("session_absolute = \"1h\"")).accounts.session_idle, Duration::from_secs(3600));
}

#[test]
fn short_passwords_are_for_development_only() {
    assert_eq!(right(&development(&accounts("password_min = 8"))).accounts.password_min, 8);
    refused_at(&development(&accounts("password_min = 7")), "accounts.password_min");
}

#[test]
fn domains_are_kept_as_the_resolver_knows_them() {
    let config = right(&accounts("allowed_domains = [\"Example.COM\", \"bücher.example\"]\nsign_up = \"invitation\""));
    assert_eq!(config.accounts.allowed_domains, ["example.com", "xn--bcher-kva.example"]);
    assert_eq!(config.accounts.sign_up, SignUp::Invitation);
}

#[test]
fn who_asks_to_be_remembered_is_not_forgotten_earlier() {
    let config = right(&accounts("session_absolute = \"60d\""));
    assert_eq!(config.accounts.remember_absolute, Duration::from_secs(60 * 86_400));
    let config = right(&accounts("session_absolute = \"1h\"\nremember_absolute = \"2h\""));
    assert_eq!((config.accounts.session_idle.as_secs(), config.accounts.remember_idle.as_secs()), (3600, 7200));
}
