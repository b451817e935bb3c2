//! `[counters]`

use super::Scene;
use super::remote::{Address, credentials, password_missing};
use crate::model::{Counters, Protection, Redis};
use crate::reader::{Item, Problem, Section};

const EXAMPLE: &str = "rediss://counters.internal:6379/0";

pub(crate) fn counters(section: &Section<'_>, scene: &Scene<'_>) -> Option<Counters> {
    let address = section.or("url", None, url);
    let credentials = credentials(section, scene);
    let prefix = section.maybe("prefix", prefix);
    section.finish();
    let (address, credentials, prefix) = (address?, credentials?, prefix?);
    let Some((address, database)) = address else {
        if let Some(prefix) = &prefix {
            section.reader.blame(prefix, Problem::new("means nothing here", "it is for Redis; remove it"));
            return None;
        }
        return credentials.refuse_all(section, "memory").map(|()| Counters::Memory);
    };
    let protection = if address.scheme == "rediss" { Protection::Tls } else { Protection::Plain };
    if let (Protection::Plain, Some(ca_file)) = (protection, &credentials.ca_file) {
        section.reader.blame(ca_file, Problem::new("means nothing here", "redis:// is not encrypted: use rediss://"));
        return None;
    }
    password_missing(section, scene, &credentials)?;
    let server = credentials.reach(&address, protection);
    let prefix = prefix.map_or_else(|| "doorward:".to_owned(), |found| found.value);
    Some(Counters::Redis(Redis { server, database, prefix }))
}

fn url(item: &Item<'_>) -> Result<Option<(Address, u32)>, Problem> {
    let text = item.text()?;
    if text == "memory" {
        return Ok(None);
    }
    if !text.starts_with("redis") {
        return Err(Problem::new("is no counter store", format!("\"memory\" or \"{EXAMPLE}\"")).hidden());
    }
    let address = Address::parse(text, &[("redis", 6379), ("rediss", 6379)], EXAMPLE)?;
    if address.scheme == "redis" && !address.is_loopback() {
        let hint = format!("use rediss://, such as \"{EXAMPLE}\"");
        return Err(Problem::new("would send the password in clear", hint).hidden());
    }
    let database = match address.path.as_deref() {
        None | Some("") => Some(0),
        Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok().filter(|number| *number <= 15),
        Some(_) => None,
    };
    let database = database.ok_or_else(|| Problem::new("has a database that is none of 0 to 15", EXAMPLE).hidden())?;
    Ok(Some((address, database)))
}

fn prefix(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    if fine { Ok(text.to_owned()) } else { Err(Problem::new("is not a prefix of keys", "1 to 32 letters, digits, - _ . and :")) }
}
