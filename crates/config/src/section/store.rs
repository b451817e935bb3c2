//! `[store]`

use super::Scene;
use super::remote::{Address, Credentials, credentials, password_missing};
use crate::model::{Postgres, Protection, Store};
use crate::reader::{Item, Problem, Section};

const EXAMPLE: &str = "postgres://doorward@db.internal:5432/doorward";

pub(crate) fn store(section: &Section<'_>, scene: &Scene<'_>) -> Option<Store> {
    let address = section.or("url", None, url);
    let credentials = credentials(section, scene);
    let max_connections = section.maybe("max_connections", |item| item.whole(2..=200));
    section.finish();
    let (address, credentials, max_connections) = (address?, credentials?, max_connections?);
    let Some(address) = address else {
        if let Some(number) = &max_connections {
            section.reader.blame(number, Problem::new("means nothing here", "it is for PostgreSQL; remove it"));
            return None;
        }
        return credentials.refuse_all(section, "sqlite").map(|()| Store::Sqlite);
    };
    let database = address.path.clone()?;
    let protection = protection(&address, &credentials);
    password_missing(section, scene, &credentials)?;
    let server = credentials.reach(&address, protection);
    Some(Store::Postgres(Postgres { server, database, max_connections: max_connections.map_or(16, |found| found.value) }))
}

/// TLS to every address but this machine's own, and to that too when an authority for it is named.
fn protection(address: &Address, credentials: &Credentials) -> Protection {
    if address.is_loopback() && credentials.ca_file.is_none() { Protection::Plain } else { Protection::Tls }
}

fn url(item: &Item<'_>) -> Result<Option<Address>, Problem> {
    let text = item.text()?;
    if text == "sqlite" {
        return Ok(None);
    }
    if !text.starts_with("postgres") {
        return Err(Problem::new("is no store", format!("\"sqlite\" or \"{EXAMPLE}\"")).hidden());
    }
    let address = Address::parse(text, &[("postgres", 5432), ("postgresql", 5432)], EXAMPLE)?;
    let has_database = address.path.as_deref().is_some_and(is_database);
    if address.user.is_none() || !has_database {
        return Err(Problem::new("names no user or no database", format!("such as \"{EXAMPLE}\"")).hidden());
    }
    Ok(Some(address))
}

fn is_database(name: &str) -> bool {
    (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
