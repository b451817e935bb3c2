//! `[counters]`

use crate::model::Counters;
use crate::reader::{Item, Problem, Section};
use crate::value::not_yet;

pub(crate) fn counters(section: &Section<'_>) -> Option<Counters> {
    let counters = section.or("url", Counters::Memory, url);
    section.refuse("password_file", not_yet("Redis"));
    section.finish();
    counters
}

fn url(item: &Item<'_>) -> Result<Counters, Problem> {
    match item.text()? {
        "memory" => Ok(Counters::Memory),
        text if text.starts_with("redis") || text.starts_with("valkey") => Err(not_yet("Redis").hidden()),
        _ => Err(Problem::new("is no counter store", "\"memory\"").hidden()),
    }
}
