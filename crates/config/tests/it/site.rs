//! `[site]` and `[mail]`

use doorward_config::SecretSource;

use crate::support::{RIGHT, development, every_form, only, refused_at, right, under, with, wrong};

const ORIGIN: &str = "origin = \"https://app.example.com\"";
const KEY: &str = "key_file = \"master.key\"";

#[test]
fn email_11_an_origin_that_is_not_https_and_nothing_but_an_origin_is_refused() {
    for origin in [
        "http://app.example.com",
        "HTTP://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/app",
        "https://app.example.com?x",
        "https://app.example.com#x",
        "https://user@app.example.com",
        "https://user:pw@app.example.com",
        "https://@app.example.com",
        "https://evil.test\\@app.example.com",
        "https://app.example.com:0x1bb",
        "https://app.example.com:",
        "https://",
        "app.example.com",
        "//app.example.com",
        "ftp://app.example.com",
        "https:app.example.com",
        "https://app example.com",
        "https://*.example.com",
        "",
        " https://app.example.com",
    ] {
        for text in [with(ORIGIN, &format!("origin = {origin:?}")), development(&with(ORIGIN, &format!("origin = {origin:?}")))] {
            refused_at(&text, "site.origin");
        }
    }
}

#[test]
fn email_11_the_one_spelling_of_the_origin_is_kept() {
    assert_eq!(right(&with(ORIGIN, "origin = \"https://APP.example.com.:443\"")).site.origin.as_str(), "https://app.example.com");
    assert_eq!(
        right(&with(ORIGIN, "origin = \"https://app.example.com:8443\"")).site.origin.as_str(),
        "https://app.example.com:8443"
    );
}

#[test]
fn a_password_in_an_origin_or_upstream_is_not_repeated() {
    for text in [
        with(ORIGIN, "origin = \"https://user:hunter2@app.example.com\""),
        with("url = \"http://127.0.0.1:3000\"", "url = \"http://user:hunter2@127.0.0.1:3000\""),
        under("[tls]", "password = \"hunter2\""),
        under("[site]", "key = \"hunter2\""),
        under("[site]", "key_env = \"hunter2 \"").replace("key_file = \"master.key\"\n", ""),
        with(
            "[mail]",
            "[store]\nurl = \"postgres://u:hunter2@db/x\"\n[counters]\nurl = \"redis://:hunter2@r\"\n[mail]\nurl = \"smtps://u:hunter2@m\"",
        ),
        RIGHT.replace("[mail]\n", "[[oauth]]\nclient_secret = \"hunter2\"\n[mail]\n"),
        RIGHT.replace("[mail]\n", "mailx = { from = 1, password = \"hunter2\" }\n[mail]\n"),
        RIGHT.replace("[limits]\n", "").replace("version = 1", "version = 1\nlimits = { edge = 0, client_token = \"hunter2\" }"),
        RIGHT.replace("[mail]\n", "[mail]\npassword = \"\"\"\nhunter2\n"),
        RIGHT.replace("[mail]\n", "[mail]\npassword = \"hunter2\n"),
    ] {
        let shown = every_form(&wrong(&text));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn secrets_are_named_and_never_written() {
    let faults = wrong(&with(KEY, "key = \"0123456789abcdef0123456789abcdef\""));
    let keys: Vec<&str> = faults.list().iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["site.key_file", "site.key"]);
    assert_eq!(faults.list()[1].hint, "use key_file for the path of a file, or key_env for the name of a variable");
}

#[test]
fn the_master_key_may_be_left_out_in_development_only() {
    assert_eq!(refused_at(&with(KEY, ""), "site.key_file"), "is missing");
    assert_eq!(right(&development(&with(KEY, ""))).site.key, None);
    assert_eq!(right(&with(KEY, "key_env = \"APP_KEY\"")).site.key, Some(SecretSource::Env("APP_KEY".into())));
    assert_eq!(refused_at(&under("[site]", "key_env = \"APP_KEY\""), "site.key_file"), "stands beside key_env");
}

#[test]
fn what_must_be_there_is_asked_for() {
    for (line, key) in [
        ("env = \"staging\"", "site.env"),
        ("data_dir = \"/srv/doorward\"", "site.data_dir"),
        ("from = \"App <no-reply@example.com>\"", "mail.from"),
        ("source = \"files\"", "tls.source"),
    ] {
        assert_eq!(refused_at(&with(line, ""), key), "is missing");
    }
    let without_version = RIGHT.replacen("version = 1\n", "", 1);
    assert_eq!(refused_at(&without_version, "version"), "is missing");
    for version in ["0", "2", "\"1\"", "1.0", "true"] {
        refused_at(&RIGHT.replacen("version = 1", &format!("version = {version}"), 1), "version");
    }
}

#[test]
fn a_name_for_pages_and_mails_is_short_and_one_line() {
    assert_eq!(right(&under("[site]", "name = \" Mañana \"")).site.name, "Mañana");
    for name in ["\"\"", "\"  \"", "\"a\\nBcc: x\"", &format!("\"{}\"", "x".repeat(61)), "7"] {
        refused_at(&under("[site]", &format!("name = {name}")), "site.name");
    }
}

#[test]
fn mail_comes_from_one_mailbox() {
    let from = "from = \"App <no-reply@example.com>\"";
    for mailbox in [
        "",
        "App",
        "App <no-reply@example.com",
        "App <a@b.example>, x@y.example",
        "a@b.example, c@d.example",
        "a@b@c.example",
        "@b.example",
        "a@",
        "a@10.0.0.1",
        "App <a@b.example> x",
        "App\r\nBcc: x <a@b.example>",
        "a..b@c.example",
        "<a b@c.example>",
    ] {
        refused_at(&with(from, &format!("from = {mailbox:?}")), "mail.from");
    }
    for mailbox in ["a@b.example", "App <a@b.example>", "<a@b.example>", "Doorward demo <no-reply@localhost.localdomain>"] {
        assert_eq!(right(&with(from, &format!("from = {mailbox:?}"))).mail.from, mailbox);
    }
}

#[test]
fn a_weaker_content_policy_is_refused_in_production_and_parsed_elsewhere() {
    let text = under("[headers]", "danger_content_security_policy = \"default-src 'self'\"");
    assert!(right(&text).headers.danger_content_security_policy.is_some());
    refused_at(&text.replace("\"staging\"", "\"production\""), "headers.danger_content_security_policy");
    for csp in [
        "",
        "script-src 'self'; script-src *",
        "default-src {{host}}",
        "default-src a, b",
        "default-src\\n'self'",
        "défault-src *",
        "script-src 'self' 'nonce-q3K0b1Zr8hN5tYw2'",
        "style-src 'NONCE-q3K0b1Zr8hN5tYw2'",
    ] {
        refused_at(
            &under("[headers]", &format!("danger_content_security_policy = \"{csp}\"")),
            "headers.danger_content_security_policy",
        );
    }
}

#[test]
fn a_wrong_environment_does_not_make_the_rest_laxer() {
    let faults = wrong(&with("env = \"staging\"", "env = \"dev\"").replace("source = \"files\"", "source = \"self-signed\""));
    let keys: Vec<&str> = faults.list().iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["site.env", "tls.source"]);
    assert_eq!(only(&wrong(&with("env = \"staging\"", "env = \"\""))).0, "site.env");
}
