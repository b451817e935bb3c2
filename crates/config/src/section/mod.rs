//! One file per section of the configuration: each reads its keys, refuses what weakens the site, and says why.

mod accounts;
mod audit;
mod counters;
mod gate;
mod headers;
mod limits;
mod listen;
mod mail;
mod oauth;
mod remote;
mod route;
mod site;
mod store;
mod tls;
mod upstream;

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::model::Env;
use crate::reader::{At, Problem, Reader, Section};
use crate::value::not_yet;

pub(crate) use accounts::accounts;
pub(crate) use audit::audit;
pub(crate) use counters::counters;
pub(crate) use gate::{GateDraft, gate};
pub(crate) use headers::headers;
pub(crate) use limits::limits;
pub(crate) use listen::{ListenDraft, listen};
pub(crate) use mail::mail;
pub(crate) use oauth::{OAuthDraft, oauth};
pub(crate) use route::{RouteDraft, route};
pub(crate) use site::{SiteDraft, site};
pub(crate) use store::store;
pub(crate) use tls::tls;
pub(crate) use upstream::{UpstreamDraft, upstream};

/// What every section may need to know of its surroundings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// Folder of the configuration file.
    pub(crate) base: &'a Path,
    /// Where the process runs; unknown while `site.env` is wrong, and then everything is as strict as in production.
    pub(crate) env: Option<Env>,
}

impl Scene<'_> {
    pub(crate) fn is_development(&self) -> bool {
        self.env == Some(Env::Development)
    }
}

/// Sections of later versions.
const LATER: &[&str] = &["console", "verify", "session", "acme", "log"];

/// Opens `[name]`; an absent one is empty.
pub(crate) fn table<'a>(reader: &'a Reader<'a>, root: &Section<'a>, name: &'static str) -> Section<'a> {
    match root.raw(name) {
        None => Section::new(reader, name.to_owned(), true, At::Nowhere, None),
        Some(value) => {
            let at = At::Span(value.span());
            let table = value.get_ref().as_table();
            if table.is_none() {
                reader.fault(name, at.clone(), Problem::new("expects one table", format!("write [{name}]")).hidden());
            }
            Section::new(reader, name.to_owned(), true, at, table)
        }
    }
}

/// Opens every `[[name]]`.
pub(crate) fn tables<'a>(reader: &'a Reader<'a>, root: &Section<'a>, name: &'static str) -> Vec<Section<'a>> {
    let Some(value) = root.raw(name) else { return Vec::new() };
    let wrong = || Problem::new("expects a list of tables", format!("write [[{name}]]")).hidden();
    let Some(array) = value.get_ref().as_array() else {
        reader.fault(name, At::Span(value.span()), wrong());
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (index, entry) in array.iter().enumerate() {
        let (path, at) = (format!("{name}[{index}]"), At::Span(entry.span()));
        match entry.get_ref() {
            DeValue::Table(table) => sections.push(Section::new(reader, path, false, at, Some(table))),
            _ => reader.fault(path, at, wrong()),
        }
    }
    sections
}

/// The whole file as a section of sections.
pub(crate) fn root<'a>(reader: &'a Reader<'a>, table: &'a DeTable<'a>) -> Section<'a> {
    let root = Section::new(reader, String::new(), false, At::Nowhere, Some(table));
    for name in LATER {
        root.refuse(name, not_yet(&format!("[{name}]")));
    }
    root
}
