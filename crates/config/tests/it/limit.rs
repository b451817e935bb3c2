//! `[limits]`: a quota that is none stops the start (APP-RL-13).

use std::time::Duration;

use crate::support::{RIGHT, development, env, only, parse, refused_at, right, under};

#[test]
fn app_rl_13_zero_negative_not_numeric_and_absurd_quotas_are_refused() {
    for quota in [
        "\"0/min\"",
        "\"-1/min\"",
        "\"five/min\"",
        "\"5\"",
        "\"/min\"",
        "\"5/\"",
        "\"5/fortnight\"",
        "\"5/0min\"",
        "\"5/-1min\"",
        "\"1e3/min\"",
        "\"+5/min\"",
        "\" 5/min\"",
        "\"5/min \"",
        "\"5/2d\"",
        "\"1000001/min\"",
        "\"4294967296/min\"",
        "\"99999999999999999999/min\"",
        "\"5/99999999999999999999d\"",
        "\"off\"",
        "\"unlimited\"",
        "\"none\"",
        "\"\"",
        "\"٥/min\"",
        "0",
        "-1",
        "5",
        "5.0",
        "true",
        "false",
        "[]",
        "{}",
        "\"500000/min\"",
    ] {
        refused_at(&under("[limits]", &format!("auth_login = {quota}")), "limits.auth_login");
    }
}

#[test]
fn app_rl_13_every_scope_is_held_to_it_in_the_file_and_in_a_variable() {
    for (scope, _) in doorward_config::SCOPES {
        refused_at(&under("[limits]", &format!("{scope} = \"0/min\"")), &format!("limits.{scope}"));
        let name = format!("DOORWARD_LIMITS__{}", scope.to_uppercase());
        let faults = parse(RIGHT, &env(&[(&name, "0/min")])).expect_err("refused");
        assert_eq!(only(&faults).0, format!("limits.{scope}"));
        assert!(faults.to_string().contains(&name));
    }
}

#[test]
fn app_rl_13_an_override_is_read_for_its_scope_alone() {
    let config = right(&under("[limits]", "auth_login = \"7/10min\"\nedge = \"100/h\""));
    let quota =
        |scope: &str| config.limits.iter().find(|l| l.scope == scope).map(|l| (l.count.get(), l.window)).expect("a scope");
    assert_eq!(quota("auth_login"), (7, Duration::from_secs(600)));
    assert_eq!(quota("edge"), (100, Duration::from_secs(3600)));
    assert_eq!(quota("auth_register"), (5, Duration::from_secs(60)));
}

#[test]
fn development_may_measure_without_a_limit_in_the_way() {
    let text = under("[limits]", "auth_login = \"500000/min\"");
    right(&development(&text));
}

#[test]
fn a_scope_that_does_not_exist_is_refused_with_the_nearest() {
    let faults = crate::support::wrong(&under("[limits]", "auth_logon = \"5/min\""));
    assert_eq!(faults.list()[0].hint, "did you mean auth_login?");
}

#[test]
fn the_times_of_websockets_have_bounds_and_are_no_quotas() {
    let tunnels = right(&under("[limits]", "websocket_max_age = \"2h\"\nwebsocket_idle = \"90s\"")).tunnels;
    assert_eq!((tunnels.max_age, tunnels.idle), (Duration::from_secs(7200), Duration::from_secs(90)));
    assert_eq!(right(RIGHT).tunnels, doorward_config::Tunnels::default());
    for (key, values) in [
        ("websocket_max_age", ["\"59s\"", "\"8d\"", "\"5/min\"", "0", "false"]),
        ("websocket_idle", ["\"9s\"", "\"25h\"", "\"\"", "600", "\"off\""]),
    ] {
        for value in values {
            refused_at(&under("[limits]", &format!("{key} = {value}")), &format!("limits.{key}"));
        }
    }
}
