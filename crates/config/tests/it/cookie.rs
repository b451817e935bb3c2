//! No setting weakens the cookies, by any spelling (SES-02, CFG-04, D-08).

use crate::support::{Env, RIGHT, development, env, only, parse, refused_at, under};

const PROBLEM: &str = "there is no setting that weakens the cookies";

fn in_env(name: &str, value: &str) -> Env {
    env(&[(name, value)])
}

#[test]
fn ses_02_a_cookie_name_without_the_prefix_refuses_the_start_in_one_line() {
    for env_name in ["staging", "production"] {
        let text = RIGHT.replace("env = \"staging\"", &format!("env = \"{env_name}\""));
        for name in ["SESSION_COOKIE_NAME", "DOORWARD_ACCOUNTS__COOKIE_NAME", "DOORWARD_SITE__SESSION_COOKIE_NAME"] {
            let faults = parse(&text, &in_env(name, "sid")).expect_err("refused");
            assert_eq!(only(&faults).1, PROBLEM);
            assert_eq!(faults.to_string().lines().count(), 1);
            assert!(faults.to_string().contains(name) && !faults.to_string().contains("sid "), "{faults}");
        }
    }
}

#[test]
fn ses_02_a_cookie_name_in_the_file_refuses_the_start() {
    for (head, key) in [("[site]", "cookie_name"), ("[accounts]", "cookie_name"), ("[accounts]", "session_cookie_name")] {
        let text = under(head, &format!("{key} = \"sid\""));
        let path = format!("{}.{key}", head.trim_matches(['[', ']']));
        assert_eq!(refused_at(&text, &path), PROBLEM);
        // There is nothing to weaken in development either.
        assert_eq!(refused_at(&development(&text), &path), PROBLEM);
    }
}

#[test]
fn cfg_04_insecure_and_cross_site_cookies_refuse_the_start() {
    let text = |env_name: &str| RIGHT.replace("env = \"staging\"", &format!("env = \"{env_name}\""));
    for (name, value) in [
        ("COOKIE_SECURE", "false"),
        ("COOKIE_SECURE", "0"),
        ("SESSION_COOKIE_SECURE", "False"),
        ("COOKIE_SAMESITE", "None"),
        ("SESSION_COOKIE_SAMESITE", "none"),
        ("DOORWARD_ACCOUNTS__COOKIE_SECURE", "false"),
        ("DOORWARD_ACCOUNTS__COOKIE_SAMESITE", "None"),
    ] {
        for env_name in ["staging", "production"] {
            let faults = parse(&text(env_name), &in_env(name, value)).expect_err("refused");
            assert_eq!(only(&faults).1, PROBLEM, "{name}");
        }
    }
}

#[test]
fn cfg_04_cookie_debug_and_test_keys_refuse_the_start() {
    for key in [
        "cookie_secure = false",
        "cookie_samesite = \"None\"",
        "same_site = \"none\"",
        "sameSite = \"None\"",
        "csrf_cookie_secure = false",
    ] {
        for head in ["[site]", "[accounts]"] {
            let name = key.split(' ').next().unwrap_or_default();
            let path = format!("{}.{name}", head.trim_matches(['[', ']']));
            assert_eq!(refused_at(&under(head, key), &path), PROBLEM);
        }
    }
    for key in ["debug = true", "test = true", "test_mode = true", "insecure = true"] {
        let name = key.split(' ').next().unwrap_or_default();
        refused_at(&under("[site]", key), &format!("site.{name}"));
    }
    for variable in ["DOORWARD_SITE__DEBUG", "DOORWARD_SITE__TEST"] {
        assert!(parse(RIGHT, &in_env(variable, "true")).is_err());
    }
}

#[test]
fn variables_that_ask_for_what_is_so_anyway_do_no_harm() {
    let asks =
        env(&[("COOKIE_SECURE", "true"), ("COOKIE_SAMESITE", "Lax"), ("SESSION_COOKIE_NAME", "__Host-sid"), ("PATH", "/bin")]);
    assert!(parse(RIGHT, &asks).is_ok());
}
