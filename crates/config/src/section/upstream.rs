//! `[[upstream]]`

use doorward_kit::{Origin, net::Scheme};

use super::Scene;
use crate::model::{Upstream, UpstreamTarget};
use crate::reader::{Item, Located, Problem, Section};
use crate::value::{self, not_yet};

/// As read; `None` is a value that was wrong.
pub(crate) struct UpstreamDraft {
    pub(crate) name: Option<Located<String>>,
    pub(crate) target: Option<Located<UpstreamTarget>>,
}

impl UpstreamDraft {
    pub(crate) fn finish(self) -> Option<Upstream> {
        Some(Upstream { name: self.name?.value, target: self.target?.value })
    }
}

pub(crate) fn upstream(section: &Section<'_>, scene: &Scene<'_>) -> UpstreamDraft {
    let name = section.required("name", "routes and gates call it by its name", value::name);
    let url = section.maybe("url", http);
    let root = section.maybe("root", |item| value::path(item, scene.base).map(|root| UpstreamTarget::Files { root }));
    section.refuse("urls", not_yet("balancing over several urls"));
    section.finish();
    let target = match (url, root) {
        (Some(Some(target)), Some(None)) | (Some(None), Some(Some(target))) => Some(target),
        (Some(Some(_)), Some(Some(root))) => {
            section
                .reader
                .blame(&root, Problem::new("stands beside url", "an upstream is a server or a folder: keep one of the two"));
            None
        }
        (Some(None), Some(None)) => {
            section.blame(
                "url",
                Problem::new("is missing", "url = \"http://127.0.0.1:3000\" for a server, or root = \"dist/\" for files"),
            );
            None
        }
        _ => None,
    };
    UpstreamDraft { name, target }
}

/// `http://host:port` and nothing after the port (EXPO-06: the address is fixed here and nowhere else).
fn http(item: &Item<'_>) -> Result<UpstreamTarget, Problem> {
    let text = item.text()?;
    // A user's part or a query may hold a credential.
    let careful = |problem: Problem| if text.contains(['@', '?', '#']) { problem.hidden() } else { problem };
    if text.starts_with("https://") {
        return Err(careful(not_yet("TLS to an upstream")));
    }
    let hint = "such as \"http://127.0.0.1:3000\", with nothing after the port";
    let origin: Origin = text.parse().map_err(|_| careful(Problem::new("is not http://host:port", hint)))?;
    let nowhere = origin.port() == 0
        || origin.host().ip().map(|ip| ip.to_canonical()).is_some_and(|ip| ip.is_unspecified() || ip.is_multicast());
    if origin.scheme() != Scheme::Http || nowhere {
        return Err(Problem::new("is not an address to connect to", "such as \"http://127.0.0.1:3000\""));
    }
    Ok(UpstreamTarget::Http { host: origin.host().clone(), port: origin.port() })
}
