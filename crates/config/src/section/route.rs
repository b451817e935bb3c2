//! `[[route]]`

use doorward_kit::Host;

use crate::model::{Access, Route};
use crate::reader::{At, Item, Located, Problem, Section};
use crate::value;

/// As read; `None` is a value that was wrong.
pub(crate) struct RouteDraft {
    /// The site's host when none is written; absent when that one is wrong.
    pub(crate) host: Option<Located<Host>>,
    pub(crate) path: Option<Located<String>>,
    pub(crate) upstream: Option<Located<String>>,
    pub(crate) access: Option<Located<Access>>,
    strip_prefix: Option<bool>,
    websocket: Option<bool>,
    /// As written.
    pub(crate) compress: Option<Option<Located<bool>>>,
    /// Written ones; absent when one of them is wrong.
    pub(crate) roles: Option<Vec<Located<String>>>,
}

impl RouteDraft {
    pub(crate) fn finish(self) -> Option<Route> {
        Some(Route {
            host: self.host?.value,
            path: self.path?.value,
            upstream: self.upstream?.value,
            access: self.access?.value,
            strip_prefix: self.strip_prefix?,
            websocket: self.websocket?,
            compress: self.compress?.is_some_and(|compress| compress.value),
            roles: self.roles?.into_iter().map(|role| role.value).collect(),
        })
    }
}

pub(crate) fn route(section: &Section<'_>, site: Option<&Host>) -> RouteDraft {
    let host = section.maybe("host", value::host).and_then(|written| {
        written.or_else(|| site.map(|host| Located { value: host.clone(), key: section.path_of("host"), at: At::Nowhere }))
    });
    let draft = RouteDraft {
        host,
        path: section.required("path", "a prefix such as \"/\" or \"/api/\"", value::prefix),
        upstream: section.required("upstream", "the name of an [[upstream]]", value::name),
        access: section.required("access", "public, identified or signed-in", access),
        strip_prefix: section.or("strip_prefix", false, value::truth),
        websocket: section.or("websocket", false, value::truth),
        compress: section.maybe("compress", value::truth),
        roles: section.list("roles", value::role).map(Option::unwrap_or_default),
    };
    section.finish();
    draft
}

fn access(item: &Item<'_>) -> Result<Access, Problem> {
    if item.text()? == "gated" {
        return Err(Problem::new("is none of the choices", "what is gated has a host of its own: write a [[gate]]"));
    }
    value::choice(item, &[("public", Access::Public), ("identified", Access::Identified), ("signed-in", Access::SignedIn)])
}
