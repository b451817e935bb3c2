//! `[listen]`

use std::net::SocketAddr;

use doorward_kit::Cidr;

use super::Scene;
use crate::model::Listen;
use crate::network;
use crate::reader::{Located, Problem, Section};

/// As read; `None` is a value that was wrong.
pub(crate) struct ListenDraft {
    pub(crate) http: Option<Vec<Located<SocketAddr>>>,
    pub(crate) https: Option<Vec<Located<SocketAddr>>>,
    pub(crate) internal: Option<Option<Located<SocketAddr>>>,
    trusted_proxies: Option<Vec<Cidr>>,
    proxy_protocol: Option<Vec<Cidr>>,
    forward_auth: Option<Vec<Cidr>>,
}

impl ListenDraft {
    pub(crate) fn finish(self) -> Option<Listen> {
        Some(Listen {
            http: values(self.http?),
            https: values(self.https?),
            internal: self.internal?.map(|address| address.value),
            trusted_proxies: self.trusted_proxies?,
            proxy_protocol: self.proxy_protocol?,
            forward_auth: self.forward_auth?,
        })
    }

    /// Every address that could be read, for checks across sections.
    pub(crate) fn addresses(&self) -> Vec<&Located<SocketAddr>> {
        let lists = self.http.iter().chain(&self.https).flatten();
        lists.chain(self.internal.iter().flatten()).collect()
    }
}

fn values<T>(list: Vec<Located<T>>) -> Vec<T> {
    list.into_iter().map(|located| located.value).collect()
}

pub(crate) fn listen(section: &Section<'_>, scene: &Scene<'_>) -> ListenDraft {
    let draft = ListenDraft {
        http: section.list("http", network::socket).map(Option::unwrap_or_default),
        https: https(section),
        internal: section.maybe("internal", network::internal_socket),
        trusted_proxies: believed(section, scene, "trusted_proxies"),
        proxy_protocol: believed(section, scene, "proxy_protocol"),
        forward_auth: believed(section, scene, "forward_auth"),
    };
    section.finish();
    refuse_doubles(section, &draft);
    draft
}

fn https(section: &Section<'_>) -> Option<Vec<Located<SocketAddr>>> {
    let list = section.list("https", network::socket)?.unwrap_or_default();
    if list.is_empty() {
        section.blame("https", Problem::new("is missing", "at least one address, such as [\"0.0.0.0:443\"]"));
        return None;
    }
    Some(list)
}

/// Peers that may say who somebody else is, by a field or by the PROXY protocol: never everyone (PROXY-07).
fn believed(section: &Section<'_>, scene: &Scene<'_>, key: &'static str) -> Option<Vec<Cidr>> {
    let list = values(section.list(key, |item| network::trusted(item, scene.env))?.unwrap_or_default());
    if let Some(problem) = network::adds_up(&list, scene.env) {
        section.blame(key, problem);
        return None;
    }
    Some(list)
}

fn refuse_doubles(section: &Section<'_>, draft: &ListenDraft) {
    let addresses = draft.addresses();
    for (index, address) in addresses.iter().enumerate() {
        // Port 0 asks the system for a free port each time.
        if address.value.port() != 0 && addresses[..index].iter().any(|earlier| earlier.value == address.value) {
            section.reader.blame(address, Problem::new("is listened on twice", "remove one of the two"));
        }
    }
}
