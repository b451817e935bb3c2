//! `[store]`

use crate::model::Store;
use crate::reader::{Item, Problem, Section};
use crate::value::not_yet;

pub(crate) fn store(section: &Section<'_>) -> Option<Store> {
    let store = section.or("url", Store::Sqlite, url);
    section.refuse("password_file", not_yet("PostgreSQL"));
    section.finish();
    store
}

fn url(item: &Item<'_>) -> Result<Store, Problem> {
    match item.text()? {
        "sqlite" => Ok(Store::Sqlite),
        text if text.starts_with("postgres") => Err(not_yet("PostgreSQL").hidden()),
        _ => Err(Problem::new("is no store", "\"sqlite\"").hidden()),
    }
}
