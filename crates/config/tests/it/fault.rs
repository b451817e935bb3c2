//! How faults are told: all at once, each in its place, in every form without a secret.

use proptest::prelude::*;

use crate::support::{Env, RIGHT, every_form, parse, refused_at, under, with, wrong};

#[test]
fn cfg_03_an_unknown_key_is_an_error_in_every_section() {
    for (head, path) in [
        ("[site]", "site"),
        ("[listen]", "listen"),
        ("[tls]", "tls"),
        ("[mail]", "mail"),
        ("[[upstream]]", "upstream[0]"),
        ("[[route]]", "route[0]"),
        ("[[gate]]", "gate[0]"),
        ("[accounts]", "accounts"),
        ("[limits]", "limits"),
        ("[headers]", "headers"),
    ] {
        assert_eq!(refused_at(&under(head, "allowlst = []"), &format!("{path}.allowlst")), "unknown key");
    }
    refused_at(&RIGHT.replacen("version = 1", "version = 1\nallowlst = []", 1), "allowlst");
    refused_at(&format!("{RIGHT}[gates]\n"), "gates");
    refused_at(&format!("{RIGHT}[store]\nurls = 1\n"), "store.urls");
    refused_at(&format!("{RIGHT}[counters]\nx = 1\n"), "counters.x");
    refused_at(&format!("{RIGHT}[audit]\nretain = 1\n"), "audit.retain");
}

#[test]
fn cfg_03_a_typo_is_refused_with_the_word_that_was_meant() {
    let faults = wrong(&with("allow = [\"203.0.113.0/24\"]", "allowlst = [\"203.0.113.0/24\"]"));
    let told: Vec<(&str, &str)> = faults.list().iter().map(|f| (f.key.as_str(), f.hint.as_str())).collect();
    assert!(told.contains(&("gate[0].allowlst", "did you mean allow?")), "{told:?}");
    assert!(told.iter().any(|(key, _)| *key == "gate[0].allow"), "{told:?}");
}

#[test]
fn cfg_03_numbers_and_booleans_are_not_guessed() {
    for (head, line, key) in [
        ("[accounts]", "password_min = \"20\"", "accounts.password_min"),
        ("[accounts]", "password_min = 20.0", "accounts.password_min"),
        ("[accounts]", "password_min = true", "accounts.password_min"),
        ("[[route]]", "websocket = \"true\"", "route[0].websocket"),
        ("[[route]]", "websocket = 1", "route[0].websocket"),
        ("[[route]]", "strip_prefix = \"no\"", "route[0].strip_prefix"),
        ("[[gate]]", "websocket = \"on\"", "gate[0].websocket"),
        ("[[gate]]", "operator_session = 0", "gate[0].operator_session"),
        ("[mail]", "queue_max = \"200\"", "mail.queue_max"),
        ("[accounts]", "session_limit = 5.0", "accounts.session_limit"),
        ("[accounts]", "roles = \"staff\"", "accounts.roles"),
    ] {
        assert!(refused_at(&under(head, line), key).starts_with("expects "), "{line}");
    }
}

#[test]
fn every_fault_is_told_at_once_and_in_order() {
    let text = RIGHT
        .replace("https://app.example.com", "http://app.example.com")
        .replace("127.0.0.1:9180", "0.0.0.0:9180")
        .replace("203.0.113.0/24", "0.0.0.0/0")
        .replace("access = \"public\"", "access = \"open\"")
        .replace("[limits]", "[limits]\nedge = 0");
    let faults = wrong(&text);
    let keys: Vec<&str> = faults.list().iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["site.origin", "listen.internal", "route[0].access", "gate[0].allow[0]", "limits.edge"]);
    let lines: Vec<usize> = faults.list().iter().filter_map(|fault| fault.place.as_ref()).map(|place| place.line).collect();
    assert_eq!(lines, [3, 10, 27, 32, 36]);
}

#[test]
fn a_place_counts_lines_from_one_and_columns_in_characters() {
    let text = with("[mail]", "[mail]\n\"ключ\" = 1").replace("[mail]\n", "[mail]\r\n");
    let faults = wrong(&text);
    let place = faults.list()[0].place.clone().expect("a place");
    assert_eq!((place.line, place.column), (17, 1));
    let second = wrong("version = 1\n'ж' = 2 # x\n");
    let place = second.list().iter().find(|f| f.key == "ж").and_then(|f| f.place.clone()).expect("a place");
    assert_eq!((place.line, place.column), (2, 1));
}

#[test]
fn broken_toml_is_told_with_its_place() {
    let faults = wrong(&RIGHT.replace("[tls]", "[tls"));
    assert!(faults.list().iter().all(|fault| fault.problem.starts_with("not TOML: ")), "{faults}");
    assert_eq!(faults.list()[0].place.as_ref().map(|place| place.line), Some(12));
    assert!(wrong(&under("[site]", "env = \"staging\"")).to_string().contains("duplicate key"));
}

#[test]
fn sections_of_later_versions_are_known_and_not_to_be_had() {
    for head in ["[console]", "[acme]", "[verify]", "[session]"] {
        let name = head.trim_matches(['[', ']']);
        let problem = refused_at(&format!("{RIGHT}{head}\nhost = \"x\"\n"), name);
        assert_eq!(problem, format!("[{name}] is not available in this version"));
    }
}

#[test]
fn a_table_is_not_a_list_of_tables() {
    assert_eq!(wrong(&RIGHT.replace("[site]", "[[site]]")).list().iter().filter(|f| f.hint == "write [site]").count(), 1);
    assert_eq!(wrong(&RIGHT.replace("[[gate]]", "[gate]")).list().iter().filter(|f| f.hint == "write [[gate]]").count(), 1);
    wrong(&format!("{RIGHT}[[gate]]\n").replace("version = 1", "version = 1\nmail = 3"));
}

#[test]
fn a_person_sees_the_line_and_the_way_out() {
    let text = with("allow = [\"203.0.113.0/24\"]", "allow = [\"your_ip_here/32\"]")
        .replace("access = \"public\"", "access = \"gated\"");
    insta::assert_snapshot!(wrong(&text).render(false), @r#"
    error: route[0].access: is none of the choices
       ╭▸ /etc/doorward/doorward.toml:27:10
       │
    27 │ access = "gated"
       │          ━━━━━━━
       │
       ╰ help: what is gated has a host of its own: write a [[gate]]

    error: gate[0].allow[0]: is empty or a placeholder, not a network
       ╭▸ /etc/doorward/doorward.toml:32:1
       │
    32 │ allow = …
       │ ━━━━━
       │
       ╰ help: an address or network such as 203.0.113.7 or 2001:db8::/48, no short or octal forms

    2 faults in /etc/doorward/doorward.toml
    "#);
}

#[test]
fn a_machine_sees_the_same() {
    let json = serde_json::to_value(wrong(&with("env = \"staging\"", "env = \"x\""))).expect("serialises");
    assert_eq!(json["file"], "/etc/doorward/doorward.toml");
    let fault = &json["faults"][0];
    assert_eq!((&fault["key"], &fault["place"]["line"], &fault["place"]["column"]), (&"site.env".into(), &4.into(), &7.into()));
    assert_eq!(fault["problem"], "is none of the choices");
}

#[test]
fn depth_is_no_crash() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
    ] {
        assert!(!wrong(&text).list().is_empty());
    }
}

proptest! {
    #[test]
    fn no_text_is_a_crash(text in "\\PC{0,200}") {
        let _ = parse(&text, &Env::new()).map_err(|faults| every_form(&faults));
    }

    #[test]
    fn no_damage_to_a_right_file_is_a_crash_or_goes_untold(at in 0..RIGHT.len(), cut in 0..40usize, junk in "[\\PC\n=\\[\\]\"{}]{0,8}") {
        let end = (at + cut).min(RIGHT.len());
        let text = format!("{}{junk}{}", &RIGHT[..at], &RIGHT[end..]);
        if let Err(faults) = parse(&text, &Env::new()) {
            prop_assert!(!faults.list().is_empty());
            prop_assert!(!every_form(&faults).is_empty());
        }
    }

    #[test]
    fn no_value_of_a_secret_key_is_ever_shown(key in "(password|client_secret|api_token|pepper)", secret in "[a-zA-Z0-9]{12,40}", section in 0..5usize) {
        let head = ["[site]", "[tls]", "[mail]", "[accounts]", "[[gate]]"][section];
        let shown = every_form(&wrong(&under(head, &format!("{key} = \"{secret}\""))));
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}
