//! Whether the staging authority can issue for what is configured: it proves names over the public network, so each host has to be one.

use std::collections::BTreeSet;

use doorward_kit::Host;

use crate::cross::Drafts;
use crate::model::Tls;
use crate::reader::{Located, Problem, Reader};

/// The most names that one certificate may have.
const MOST_NAMES: usize = 100;

/// Blames hosts that no order could ever succeed for; nothing when certificates come from elsewhere.
pub(crate) fn check(reader: &Reader<'_>, drafts: &Drafts, tls: Option<&Tls>) {
    if !matches!(tls, Some(Tls::LeStaging { .. })) {
        return;
    }
    let mut names: BTreeSet<Host> = BTreeSet::new();
    if let Some(origin) = &drafts.site.origin {
        blame(reader, origin, origin.value.host());
        names.insert(origin.value.host().clone());
    }
    let gates = drafts.gates.iter().filter_map(|gate| gate.host.as_ref());
    for host in gates.chain(drafts.routes.iter().filter_map(|route| route.host.as_ref())) {
        blame(reader, host, &host.value);
        names.insert(host.value.clone());
    }
    if names.len() > MOST_NAMES
        && let Some(origin) = &drafts.site.origin
    {
        reader
            .blame(origin, Problem::new("the site and its gates have more than 100 hosts", "one certificate names at most 100"));
    }
}

fn blame<T>(reader: &Reader<'_>, located: &Located<T>, host: &Host) {
    if host.ip().is_some() || !host.as_str().contains('.') {
        let hint = "le-staging proves names of the public DNS, such as app.example.com; elsewhere use tls.source = \"files\"";
        reader.blame(located, Problem::new("is not a name that can be ordered", hint));
    }
}
