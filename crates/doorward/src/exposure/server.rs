//! The servers that a configuration names: kind, address, protection; never a user or a password.

use doorward_config::{Config, Counters, MailTransport, Protection, Remote, Store};
use doorward_policy::ControlId;

use super::Server;

/// Store, counters and mail, in this order.
pub(super) fn servers(config: &Config) -> Vec<Server> {
    let store = match &config.store {
        Store::Sqlite => here("store", "sqlite, in the data folder"),
        Store::Postgres(postgres) => remote("store", "postgresql", &postgres.server, "EXPO-02"),
    };
    let counters = match &config.counters {
        Counters::Memory => here("counters", "in this process"),
        Counters::Redis(redis) => remote("counters", "redis", &redis.server, "EXPO-02"),
    };
    let mail = match &config.mail.transport {
        MailTransport::File => Server { control: ControlId("EMAIL-10"), ..here("mail", "files in the data folder") },
        MailTransport::Smtp(relay) => remote("mail", "smtp", relay, "EMAIL-10"),
    };
    vec![store, counters, mail]
}

fn here(purpose: &'static str, kind: &'static str) -> Server {
    Server { purpose, kind, address: None, protection: None, control: ControlId("EXPO-02") }
}

fn remote(purpose: &'static str, kind: &'static str, server: &Remote, control: &'static str) -> Server {
    let host = server.host.as_str();
    let address = if host.contains(':') { format!("[{host}]:{}", server.port) } else { format!("{host}:{}", server.port) };
    let protection = match server.protection {
        Protection::Plain => "loopback, not encrypted",
        Protection::Tls => "tls",
        Protection::StartTls => "starttls",
    };
    Server { purpose, kind, address: Some(address), protection: Some(protection), control: ControlId(control) }
}
