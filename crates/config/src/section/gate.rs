//! `[[gate]]`

use std::path::PathBuf;

use doorward_kit::{Cidr, Host};

use super::Scene;
use crate::model::{Gate, Profile};
use crate::network;
use crate::reader::{Located, Problem, Section};
use crate::value;

/// As read; `None` is a value that was wrong.
pub(crate) struct GateDraft {
    pub(crate) name: Option<Located<String>>,
    pub(crate) host: Option<Located<Host>>,
    pub(crate) upstream: Option<Located<String>>,
    pub(crate) users_file: Option<Located<PathBuf>>,
    allow: Option<Vec<Cidr>>,
    profile: Option<Profile>,
    paths: Option<Vec<String>>,
    websocket: Option<bool>,
    pub(crate) operator_session: Option<Located<bool>>,
}

impl GateDraft {
    pub(crate) fn finish(self) -> Option<Gate> {
        Some(Gate {
            name: self.name?.value,
            host: self.host?.value,
            upstream: self.upstream?.value,
            allow: self.allow?,
            users_file: self.users_file?.value,
            profile: self.profile?,
            paths: self.paths?,
            websocket: self.websocket?,
            operator_session: self.operator_session.is_some_and(|asked| asked.value),
        })
    }
}

const PROFILES: &[(&str, Profile)] = &[
    ("strict", Profile::Strict),
    ("django-admin", Profile::DjangoAdmin),
    ("pgadmin", Profile::PgAdmin),
    ("flower", Profile::Flower),
    ("traefik", Profile::Traefik),
];

pub(crate) fn gate(section: &Section<'_>, scene: &Scene<'_>) -> GateDraft {
    let profile = section.or("profile", Profile::Strict, |item| value::choice(item, PROFILES));
    // These two talk to their pages over WebSocket.
    let talks = matches!(profile, Some(Profile::PgAdmin | Profile::Flower));
    let draft = GateDraft {
        name: section.required("name", "log and audit call it by its name", value::name),
        host: section.required("host", "a host of its own, such as \"admin.example.com\"", value::host),
        upstream: section.required("upstream", "the name of an [[upstream]]", value::name),
        users_file: section.required("users_file", "an htpasswd file; `doorward hash-password` makes its lines", |item| {
            value::path(item, scene.base)
        }),
        allow: allow(section, scene),
        profile,
        paths: paths(section),
        websocket: section.or("websocket", talks, value::truth),
        // What is not a truth value is a fault of its own, and then nothing starts.
        operator_session: section.maybe("operator_session", value::truth).flatten(),
    };
    section.finish();
    draft
}

/// Never empty, never everyone, never a placeholder (GATE-06).
fn allow(section: &Section<'_>, scene: &Scene<'_>) -> Option<Vec<Cidr>> {
    let hint = "the networks that operators come from, such as [\"203.0.113.0/24\"]";
    let Some(list) = section.list("allow", |item| network::allowed(item, scene.env))? else {
        section.blame("allow", Problem::new("is missing", hint));
        return None;
    };
    let list: Vec<Cidr> = list.into_iter().map(|located| located.value).collect();
    if list.is_empty() {
        section.blame("allow", Problem::new("is empty", hint));
        return None;
    }
    if let Some(problem) = network::adds_up(&list, scene.env) {
        section.blame("allow", problem);
        return None;
    }
    Some(list)
}

fn paths(section: &Section<'_>) -> Option<Vec<String>> {
    match section.list("paths", value::prefix)? {
        None => Some(vec![String::new()]),
        Some(list) if list.is_empty() => {
            section.blame("paths", Problem::new("is empty", "leave it out to let the whole host through"));
            None
        }
        Some(list) => Some(list.into_iter().map(|located| located.value).collect()),
    }
}
