//! `DOORWARD_<SECTION>__<KEY>`

use crate::support::{RIGHT, env, every_form, only, parse, right, with};

#[test]
fn a_variable_overrides_the_file_and_fills_what_is_absent() {
    let set = env(&[
        ("DOORWARD_SITE__ORIGIN", "https://other.example.com"),
        ("DOORWARD_ACCOUNTS__PASSWORD_MIN", "20"),
        ("DOORWARD_ACCOUNTS__SESSION_IDLE", "1h"),
        ("DOORWARD_LIMITS__EDGE", "100/min"),
        ("DOORWARD_LISTEN__INTERNAL", "127.0.0.1:1"),
    ]);
    let config = parse(RIGHT, &set).expect("right");
    assert_eq!(config.site.origin.as_str(), "https://other.example.com");
    assert_eq!(config.accounts.password_min, 20);
    assert_eq!(config.listen.internal.map(|a| a.port()), Some(1));
    // A section need not be in the file at all.
    let bare = RIGHT.replace("[mail]\nfrom = \"App <no-reply@example.com>\"\n", "");
    assert!(parse(&bare, &env(&[("DOORWARD_MAIL__FROM", "a@b.example")])).is_ok());
}

#[test]
fn a_wrong_variable_is_named_and_its_value_is_not() {
    for (name, value) in [
        ("DOORWARD_SITE__ORIGIN", "http://canary.example"),
        ("DOORWARD_ACCOUNTS__PASSWORD_MIN", "canary"),
        ("DOORWARD_ACCOUNTS__SESSION_IDLE", "canary"),
        ("DOORWARD_STORE__URL", "postgres://u:canary@h/d"),
        ("DOORWARD_SITE__KEY_ENV", "canary canary"),
        ("DOORWARD_SITE__KEY", "canary"),
        ("DOORWARD_MAIL__PASSWORD", "canary"),
        ("DOORWARD_NOSUCH__THING", "canary"),
        ("DOORWARD_SITE__DATA_DIR", ""),
    ] {
        let base = if name.ends_with("KEY_ENV") { with("key_file = \"master.key\"", "") } else { RIGHT.to_owned() };
        let faults = parse(&base, &env(&[(name, value)])).expect_err(name);
        assert_eq!(faults.list()[0].variable.as_deref(), Some(name), "{faults}");
        let shown = every_form(&faults);
        assert!(shown.contains(name) && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_misspelt_variable_is_a_fault_with_a_suggestion() {
    let faults = parse(RIGHT, &env(&[("DOORWARD_SITE__ORIGINN", "https://x.example")])).expect_err("refused");
    assert_eq!(only(&faults).1, "no such setting");
    assert_eq!(faults.list()[0].hint, "did you mean DOORWARD_SITE__ORIGIN?");
}

#[test]
fn lists_and_repeated_sections_are_not_overridden() {
    for name in ["DOORWARD_LISTEN__HTTPS", "DOORWARD_LISTEN__TRUSTED_PROXIES"] {
        assert_eq!(only(&parse(RIGHT, &env(&[(name, "x")])).expect_err(name)).1, "a list cannot be set by a variable");
    }
    for name in ["DOORWARD_GATE__ALLOW", "DOORWARD_ROUTE__ACCESS", "DOORWARD_UPSTREAM__URL", "DOORWARD___X", "DOORWARD_VERSION__"]
    {
        assert!(parse(RIGHT, &env(&[(name, "x")])).is_err(), "{name}");
    }
}

#[test]
fn other_variables_are_none_of_our_business() {
    let others = env(&[("DOORWARD_LOG", "debug"), ("DOORWARD", "x"), ("XDOORWARD_SITE__ORIGIN", "x"), ("HOME", "/root")]);
    assert_eq!(parse(RIGHT, &others).expect("right").site.origin, right(RIGHT).site.origin);
}

#[test]
fn numbers_and_switches_in_variables_are_read_strictly() {
    for value in ["", " 20", "20 ", "+20", "0x14", "2_0", "20.0", "٢٠"] {
        assert!(parse(RIGHT, &env(&[("DOORWARD_ACCOUNTS__PASSWORD_MIN", value)])).is_err(), "{value:?}");
    }
}
