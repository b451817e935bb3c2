//! `[store]`, `[counters]`, `[mail]`: servers, and the passwords that are never written down (CFG-01, EXPO-02, EMAIL-10).

use std::path::Path;

use doorward_config::{Counters, MailTransport, Protection, SecretSource, Store};

use crate::support::{RIGHT, development, every_form, only, refused_at, right, under, wrong};

fn store(lines: &str) -> String {
    format!("{RIGHT}[store]\n{lines}\n")
}

fn counters(lines: &str) -> String {
    format!("{RIGHT}[counters]\n{lines}\n")
}

fn mail(lines: &str) -> String {
    under("[mail]", lines)
}

const PASSWORD: &str = "password_file = \"secrets/password\"";

#[test]
fn a_server_is_taken_apart() {
    let config = right(&store(&format!("url = \"postgres://door@db.internal/accounts\"\n{PASSWORD}\nca_file = \"ca.pem\"")));
    let Store::Postgres(postgres) = config.store else { panic!("PostgreSQL") };
    assert_eq!(
        (postgres.server.host.as_str(), postgres.server.port, postgres.database.as_str()),
        ("db.internal", 5432, "accounts")
    );
    assert_eq!((postgres.server.user.as_deref(), postgres.server.protection), (Some("door"), Protection::Tls));
    assert_eq!(postgres.server.password, Some(SecretSource::File("/etc/doorward/secrets/password".into())));
    assert_eq!((postgres.server.ca_file.as_deref(), postgres.max_connections), (Some(Path::new("/etc/doorward/ca.pem")), 16));

    let config = right(&counters("url = \"rediss://[2001:db8::1]:7000/3\"\npassword_env = \"REDIS\"\nprefix = \"app:\""));
    let Counters::Redis(redis) = config.counters else { panic!("Redis") };
    assert_eq!((redis.server.host.as_str(), redis.server.port, redis.database), ("2001:db8::1", 7000, 3));
    assert_eq!((redis.server.password, redis.prefix.as_str()), (Some(SecretSource::Env("REDIS".into())), "app:"));

    let config = right(&mail(&format!("url = \"smtp://no-reply@example.com@relay.example.com\"\n{PASSWORD}")));
    let MailTransport::Smtp(relay) = config.mail.transport else { panic!("SMTP") };
    assert_eq!((relay.port, relay.protection, relay.user.as_deref()), (587, Protection::StartTls, Some("no-reply@example.com")));
}

#[test]
fn what_is_no_server_is_refused_without_being_repeated() {
    for url in [
        "postgres://canary-user@:5432/db",
        "postgres://canary-user@db:0/db",
        "postgres://canary-user@0.0.0.0/db",
        "postgres://canary-user@db:5432",
        "postgres://canary-user@db:5432/",
        "postgres://canary-user@db:5432/a/b",
        "postgres://canary-user@db:5432/db?sslmode=disable",
        "postgres://canary-user@db:5432/db#x",
        "postgres://canary%2Duser@db:5432/canary-user",
        "postgres://db:5432/canary-user-db ",
        "postgresql+asyncpg://canary-user@db/db",
        "mysql://canary-user@db/db",
        "canary-user",
    ] {
        let faults = wrong(&store(&format!("url = {url:?}\n{PASSWORD}")));
        assert_eq!(only(&faults).0, "store.url", "{url}");
        assert!(!every_form(&faults).contains("canary-user"), "{url}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_without_being_repeated() {
    for (text, key) in [
        (store("url = \"postgres://door:canary-pa55@db/doorward\""), "store.url"),
        (store("url = \"postgres://door:canary-pa55/x@db/doorward\""), "store.url"),
        (counters("url = \"rediss://:canary-pa55@redis:6379/0\""), "counters.url"),
        (counters("url = \"rediss://door:canary-pa55@evil@redis:6379/0\""), "counters.url"),
        (mail("url = \"smtps://door:canary-pa55@relay:465\""), "mail.url"),
    ] {
        let faults = wrong(&text);
        assert_eq!(only(&faults), (key.to_owned(), "holds a password".to_owned()));
        assert!(!every_form(&faults).contains("canary"), "{faults}");
    }
}

#[test]
fn a_password_in_the_file_is_refused_with_the_key_to_use() {
    for (text, key) in [
        (store("password = \"canary-pa55\""), "store.password"),
        (counters("password = \"canary-pa55\""), "counters.password"),
        (mail("password = \"canary-pa55\""), "mail.password"),
    ] {
        let faults = wrong(&text);
        assert_eq!(only(&faults), (key.to_owned(), "a secret is never written in the configuration".to_owned()));
        assert!(faults.list()[0].hint.contains("password_file") && !every_form(&faults).contains("canary"));
    }
}

#[test]
fn outside_development_stores_and_counters_have_a_password() {
    for (text, key) in [
        (store("url = \"postgres://door@127.0.0.1/doorward\""), "store.password_file"),
        (counters("url = \"redis://127.0.0.1\""), "counters.password_file"),
    ] {
        refused_at(&text, key);
        right(&development(&text));
    }
    refused_at(&store(&format!("url = \"postgres://d@db/d\"\n{PASSWORD}\npassword_env = \"X\"")), "store.password_file");
}

#[test]
fn nothing_leaves_this_machine_in_clear() {
    for (url, key) in [
        ("redis://redis:6379", "counters.url"),
        ("redis://10.0.0.1", "counters.url"),
        ("redis://192.168.1.1", "counters.url"),
        ("redis://localhost.example.com", "counters.url"),
    ] {
        refused_at(&counters(&format!("url = {url:?}\n{PASSWORD}")), key);
        refused_at(&development(&counters(&format!("url = {url:?}\n{PASSWORD}"))), key);
    }
    right(&counters(&format!("url = \"redis://[::1]:6379\"\n{PASSWORD}")));
    for (host, protection) in [
        ("127.0.0.1", Protection::Plain),
        ("localhost", Protection::Plain),
        ("10.0.0.1", Protection::Tls),
        ("db", Protection::Tls),
    ] {
        let config = right(&store(&format!("url = \"postgres://door@{host}/doorward\"\n{PASSWORD}")));
        let Store::Postgres(postgres) = config.store else { panic!("PostgreSQL") };
        assert_eq!(postgres.server.protection, protection, "{host}");
    }
}

#[test]
fn mail_in_clear_is_for_a_developers_own_machine() {
    refused_at(&mail("url = \"smtp-plain://127.0.0.1:1025\""), "mail.url");
    refused_at(&development(&mail("url = \"smtp-plain://10.0.0.1:25\"")), "mail.url");
    refused_at(&development(&mail(&format!("url = \"smtp-plain://me@127.0.0.1:25\"\n{PASSWORD}"))), "mail.url");
    let config = right(&development(&mail("url = \"smtp-plain://127.0.0.1:1025\"")));
    let MailTransport::Smtp(relay) = config.mail.transport else { panic!("SMTP") };
    assert_eq!((relay.protection, relay.port), (Protection::Plain, 1025));
}

#[test]
fn a_relay_has_user_and_password_or_neither() {
    refused_at(&mail("url = \"smtps://app@relay.example.com\""), "mail.password_file");
    refused_at(&mail(&format!("url = \"smtps://relay.example.com\"\n{PASSWORD}")), "mail.url");
    refused_at(&mail("url = \"smtps://relay.example.com/x\""), "mail.url");
    right(&mail("url = \"smtps://relay.example.com\""));
}

#[test]
fn keys_that_mean_nothing_are_refused() {
    refused_at(&store(PASSWORD), "store.password_file");
    refused_at(&store("max_connections = 3"), "store.max_connections");
    refused_at(&counters("prefix = \"x:\""), "counters.prefix");
    refused_at(&mail("ca_file = \"x.pem\""), "mail.ca_file");
    refused_at(&counters(&format!("url = \"redis://127.0.0.1\"\n{PASSWORD}\nca_file = \"x.pem\"")), "counters.ca_file");
}

#[test]
fn ranges_hold() {
    for (text, key) in [
        (store(&format!("url = \"postgres://d@db/d\"\n{PASSWORD}\nmax_connections = 1")), "store.max_connections"),
        (counters(&format!("url = \"rediss://r/16\"\n{PASSWORD}")), "counters.url"),
        (counters(&format!("url = \"rediss://r\"\n{PASSWORD}\nprefix = \"a b\"")), "counters.prefix"),
        (mail("queue_max = 99"), "mail.queue_max"),
        (mail("retry_first = \"2h\""), "mail.retry_first"),
        (mail("give_up = \"9min\""), "mail.give_up"),
        (format!("{RIGHT}[audit]\nretention = \"29d\"\n"), "audit.retention"),
        (format!("{RIGHT}[audit]\nfile_max_mib = 5\n"), "audit.file_max_mib"),
        (format!("{RIGHT}[audit]\nfile = \"a\"\nanchor_file = \"./a\"\n"), "audit.anchor_file"),
        (under("[site]", "node = \"a b\""), "site.node"),
        (under("[site]", &format!("node = \"{}\"", "n".repeat(64))), "site.node"),
    ] {
        refused_at(&text, key);
    }
}

#[test]
fn a_password_file_is_not_served() {
    let text = store("url = \"postgres://door@db/doorward\"\npassword_file = \"/srv/site/db.password\"")
        .replace("url = \"http://127.0.0.1:3000\"", "root = \"/srv/site\"");
    assert_eq!(refused_at(&text, "upstream[0].root"), "holds store.password_file and would serve it");
}
