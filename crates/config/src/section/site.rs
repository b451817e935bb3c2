//! `[site]`

use std::path::PathBuf;

use doorward_kit::{Origin, net::OriginError, net::Scheme};

use super::Scene;
use crate::model::{Env, SecretSource, Site};
use crate::reader::{Item, Located, Problem, Section, no_cookie_settings};
use crate::value;

/// As read; `None` is a value that was wrong.
pub(crate) struct SiteDraft {
    pub(crate) origin: Option<Located<Origin>>,
    pub(crate) env: Option<Env>,
    pub(crate) data_dir: Option<Located<PathBuf>>,
    pub(crate) key_file: Option<Located<PathBuf>>,
    cors_origins: Option<Vec<Located<Origin>>>,
    danger_run_as_root: Option<bool>,
    name: Option<Option<String>>,
    node: Option<Option<String>>,
    key: Option<Option<SecretSource>>,
}

impl SiteDraft {
    pub(crate) fn finish(self) -> Option<Site> {
        let origin = self.origin?.value;
        let name = self.name?.unwrap_or_else(|| origin.host().to_string());
        let cors_origins = self.cors_origins?.into_iter().map(|listed| listed.value).collect();
        Some(Site {
            name,
            node: self.node?,
            origin,
            env: self.env?,
            data_dir: self.data_dir?.value,
            cors_origins,
            danger_run_as_root: self.danger_run_as_root?,
            key: self.key?,
        })
    }
}

const ENVS: &[(&str, Env)] = &[("development", Env::Development), ("staging", Env::Staging), ("production", Env::Production)];

pub(crate) fn site(section: &Section<'_>, base: &std::path::Path) -> SiteDraft {
    let env =
        section.required("env", "development, staging or production", |item| value::choice(item, ENVS)).map(|env| env.value);
    let scene = Scene { base, env };
    let (key, key_file) = master_key(section, &scene);
    let draft = SiteDraft {
        origin: section.required("origin", "the site's address, such as \"https://app.example.com\"", origin),
        env,
        name: section.maybe("name", site_name).map(|found| found.map(|name| name.value)),
        node: section.maybe("node", node).map(|found| found.map(|node| node.value)),
        cors_origins: section.list("cors_origins", |item| listed_origin(item, &scene)).map(Option::unwrap_or_default),
        data_dir: section.required("data_dir", "a folder for the database, mail and keys", |item| value::path(item, base)),
        danger_run_as_root: section.or("danger_run_as_root", false, value::truth),
        key,
        key_file,
    };
    for cookie in ["cookie_name", "cookie_secure", "cookie_samesite", "cookie_same_site", "same_site", "cookie_domain"] {
        section.refuse(cookie, no_cookie_settings());
    }
    section.refuse("debug", Problem::new("there is no debug mode", "remove it"));
    refuse_odd_listings(section, &draft);
    section.finish();
    draft
}

/// The origin, https and nothing but the origin (EMAIL-11).
fn origin(item: &Item<'_>) -> Result<Origin, Problem> {
    let text = item.text()?;
    let origin: Origin = text.parse().map_err(|error: OriginError| {
        let problem =
            Problem::new(format!("is no origin: {error}"), "such as \"https://app.example.com\", without a slash at the end");
        // What stands before an @ or behind a ? may be a secret.
        if text.contains(['@', '?', '#']) { problem.hidden() } else { problem }
    })?;
    match origin.scheme() {
        Scheme::Https => Ok(origin),
        Scheme::Http => Err(Problem::new("is not https", "the site is served over TLS only, in development too")),
    }
}

/// An origin whose pages may read our answers: written out in full, `https` outside development (CSRF-12).
fn listed_origin(item: &Item<'_>, scene: &Scene<'_>) -> Result<Origin, Problem> {
    let text = item.text()?;
    let hint = "each origin in full, such as \"https://docs.example.com\"; there is no wildcard, no pattern and no \"null\"";
    let origin: Origin = text.parse().map_err(|error: OriginError| {
        let problem = Problem::new(format!("is no origin: {error}"), hint);
        if text.contains('@') { problem.hidden() } else { problem }
    })?;
    if origin.scheme() == Scheme::Http && !scene.is_development() {
        return Err(Problem::new("is not https", "whoever is on the way could put a page there; http is for development only"));
    }
    Ok(origin)
}

fn refuse_odd_listings(section: &Section<'_>, draft: &SiteDraft) {
    let listed = draft.cors_origins.as_deref().unwrap_or_default();
    for (index, entry) in listed.iter().enumerate() {
        if draft.origin.as_ref().is_some_and(|own| own.value == entry.value) {
            section.reader.blame(entry, Problem::new("is the site's own origin", "its own pages may read everything anyway"));
        } else if listed[..index].iter().any(|earlier| earlier.value == entry.value) {
            section.reader.blame(entry, Problem::new("is listed twice", "remove one of the two"));
        }
    }
}

fn site_name(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?.trim();
    if (1..=60).contains(&text.chars().count()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not a name for pages and mails", "1 to 60 characters, no line ends"))
    }
}

fn node(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fine { Ok(text.to_owned()) } else { Err(Problem::new("is not a name of a node", "1 to 63 letters, digits, - _ and .")) }
}

/// `key_file` or `key_env`, one of them; in development neither is needed (CFG-01).
type MasterKey = (Option<Option<SecretSource>>, Option<Located<PathBuf>>);

fn master_key(section: &Section<'_>, scene: &Scene<'_>) -> MasterKey {
    let file = section.maybe("key_file", |item| value::path(item, scene.base));
    let variable = section.maybe("key_env", value::variable_name);
    let (Some(file), Some(variable)) = (file, variable) else { return (None, None) };
    let named = |source: SecretSource| {
        section.reader.names("site", &source);
        Some(Some(source))
    };
    match (file, variable) {
        (Some(file), None) => (named(SecretSource::File(file.value.clone())), Some(file)),
        (None, Some(variable)) => (named(SecretSource::Env(variable.value)), None),
        (None, None) if scene.is_development() => (Some(None), None),
        (None, None) => {
            let hint = "a file with at least 32 random octets, such as `openssl rand -base64 48` writes, mode 0600";
            section.blame("key_file", Problem::new("is missing", hint));
            (None, None)
        }
        (Some(file), Some(_)) => {
            section.reader.blame(&file, Problem::new("stands beside key_env", "keep one of the two"));
            (None, None)
        }
    }
}
