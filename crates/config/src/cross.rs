//! What no section can see alone: names, hosts and addresses that contradict each other.
//!
//! Works on drafts, so that a fault in one key does not hide a contradiction between two others.

use std::collections::HashMap;
use std::path::Path;

use doorward_kit::Host;

use crate::address::{Endpoint, Reach};
use crate::model::{Access, RESERVED_PREFIXES, UpstreamTarget};
use crate::reader::{Located, Problem, Reader};
use crate::section::{GateDraft, ListenDraft, OAuthDraft, RouteDraft, SiteDraft, UpstreamDraft};

/// Everything that was read, correct or not.
pub(crate) struct Drafts {
    pub(crate) site: SiteDraft,
    pub(crate) listen: ListenDraft,
    pub(crate) upstreams: Vec<UpstreamDraft>,
    pub(crate) routes: Vec<RouteDraft>,
    pub(crate) gates: Vec<GateDraft>,
    /// `[accounts]` `roles`; absent when they are wrong.
    pub(crate) roles: Option<Vec<Located<String>>>,
    pub(crate) oauth: Vec<OAuthDraft>,
    /// Whether there are operators; absent when `[accounts]` is wrong.
    pub(crate) has_operators: Option<bool>,
}

/// Records every contradiction.
pub(crate) fn check(reader: &Reader<'_>, drafts: &Drafts, secrets: &[(&str, &Path)], file: &Path) {
    unique(reader, drafts.upstreams.iter().filter_map(|u| u.name.as_ref()));
    unique(reader, drafts.gates.iter().filter_map(|g| g.name.as_ref()));
    unique(reader, drafts.oauth.iter().filter_map(|o| o.name.as_ref()));
    named_upstreams(reader, drafts);
    gated_upstreams(reader, drafts);
    hosts(reader, drafts);
    route_paths(reader, drafts);
    route_roles(reader, drafts);
    operator_gates(reader, drafts);
    compressed_routes(reader, drafts);
    own_addresses(reader, drafts);
    served_secrets(reader, drafts, secrets, file);
}

fn unique<'a>(reader: &Reader<'_>, names: impl Iterator<Item = &'a Located<String>>) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for name in names {
        if let Some(first) = seen.get(name.value.as_str()) {
            reader.blame(name, Problem::new(format!("{:?} is already the name at {first}", name.value), "names are unique"));
        } else {
            seen.insert(&name.value, &name.key);
        }
    }
}

fn upstream_names(drafts: &Drafts) -> impl Iterator<Item = &Located<String>> {
    let routes = drafts.routes.iter().filter_map(|route| route.upstream.as_ref());
    routes.chain(drafts.gates.iter().filter_map(|gate| gate.upstream.as_ref()))
}

fn named_upstreams(reader: &Reader<'_>, drafts: &Drafts) {
    let known: Vec<&str> = drafts.upstreams.iter().filter_map(|u| u.name.as_ref()).map(|name| name.value.as_str()).collect();
    for name in upstream_names(drafts).filter(|name| !known.contains(&name.value.as_str())) {
        let hint =
            if known.is_empty() { "there is no [[upstream]] yet".into() } else { format!("there are {}", known.join(", ")) };
        reader.blame(name, Problem::new(format!("no upstream is called {:?}", name.value), hint));
    }
}

/// What a name stands for, when both the name and the target are right.
fn target<'d>(drafts: &'d Drafts, name: &str) -> Option<&'d UpstreamTarget> {
    let named = |u: &&UpstreamDraft| u.name.as_ref().is_some_and(|located| located.value == name);
    drafts.upstreams.iter().find(named)?.target.as_ref().map(|target| &target.value)
}

/// The gate belongs to the address, not to the name: another name for the same address is a way round it (GATE-02).
fn gated_upstreams(reader: &Reader<'_>, drafts: &Drafts) {
    let gated: Vec<(&Located<String>, Reach)> = drafts
        .gates
        .iter()
        .filter_map(|gate| gate.upstream.as_ref())
        .filter_map(|name| Some((name, Reach::of(target(drafts, &name.value)?))))
        .collect();
    for route in drafts.routes.iter().filter_map(|route| route.upstream.as_ref()) {
        let Some(reach) = target(drafts, &route.value).map(Reach::of) else { continue };
        if let Some((gate, _)) = gated.iter().find(|(_, guarded)| guarded.overlaps(&reach)) {
            let problem = format!("reaches without a gate what {} guards", gate.key.trim_end_matches(".upstream"));
            reader.blame(
                route,
                Problem::new(problem, "give the gated service an address that no route reaches, or remove the route"),
            );
        }
    }
    for (index, (gate, reach)) in gated.iter().enumerate() {
        if let Some((earlier, _)) = gated[..index].iter().find(|(_, guarded)| guarded.overlaps(reach)) {
            let problem = format!("is already guarded by {}", earlier.key.trim_end_matches(".upstream"));
            reader.blame(gate, Problem::new(problem, "one gate to an upstream address: the laxer of two would decide"));
        }
    }
}

/// A gate takes a whole host, so that host is nobody else's.
fn hosts(reader: &Reader<'_>, drafts: &Drafts) {
    let site = drafts.site.origin.as_ref().map(|origin| origin.value.host());
    let mut taken: Vec<&Located<Host>> = Vec::new();
    for host in drafts.gates.iter().filter_map(|gate| gate.host.as_ref()) {
        if site == Some(&host.value) {
            reader.blame(host, Problem::new("is the site's own host", "a gate needs a host of its own, such as admin.<site>"));
        } else if let Some(other) = taken.iter().find(|other| other.value == host.value) {
            reader.blame(host, Problem::new(format!("is already the host at {}", other.key), "a gate needs a host of its own"));
        } else if let Some(route) = drafts.routes.iter().filter_map(|r| r.host.as_ref()).find(|h| h.value == host.value) {
            reader.blame(host, Problem::new(format!("is also the host at {}", route.key), "a gate needs a host of its own"));
        }
        taken.push(host);
    }
}

/// Roles are looked up in a session, so there must be one; a role that nobody can have would shut the route for everybody.
fn route_roles(reader: &Reader<'_>, drafts: &Drafts) {
    for route in &drafts.routes {
        let Some(roles) = route.roles.as_ref() else { continue };
        if let (Some(first), Some(access)) = (roles.first(), &route.access)
            && access.value != Access::SignedIn
        {
            reader.blame(first, Problem::new("asks for a role where no session is needed", "use access = \"signed-in\""));
        }
        let Some(known) = &drafts.roles else { continue };
        for role in roles.iter().filter(|role| known.iter().all(|known| known.value != role.value)) {
            reader.blame(role, Problem::new("is no role of this site", "declare it in [accounts] roles"));
        }
    }
}

/// A gate that asks for what nobody can have would be shut for good.
fn operator_gates(reader: &Reader<'_>, drafts: &Drafts) {
    if drafts.has_operators != Some(false) {
        return;
    }
    for asked in drafts.gates.iter().filter_map(|gate| gate.operator_session.as_ref()).filter(|asked| asked.value) {
        reader
            .blame(asked, Problem::new("asks for an operator, and nobody is one", "name their roles in accounts.operator_roles"));
    }
}

/// The length of a compressed answer tells of its content: where somebody is known, a stranger's words and a secret may stand in one (BREACH).
fn compressed_routes(reader: &Reader<'_>, drafts: &Drafts) {
    for route in &drafts.routes {
        let compress = route.compress.iter().flatten().find(|compress| compress.value);
        if let (Some(compress), Some(access)) = (compress, &route.access)
            && access.value != Access::Public
        {
            reader.blame(
                compress,
                Problem::new(
                    "would let the length of an answer tell of its secrets",
                    "only answers of routes with access = \"public\" are compressed",
                ),
            );
        }
    }
}

fn route_paths(reader: &Reader<'_>, drafts: &Drafts) {
    let site = drafts.site.origin.as_ref().map(|origin| origin.value.host());
    let mut taken: Vec<(&Host, &Located<String>)> = Vec::new();
    for route in &drafts.routes {
        let (Some(host), Some(path)) = (&route.host, &route.path) else { continue };
        let is_site = site == Some(&host.value);
        if is_site && let Some(reserved) = reserved(&path.value) {
            reader.blame(
                path,
                Problem::new(format!("is under {reserved}, which Doorward answers itself"), "choose another prefix"),
            );
        }
        if !is_site
            && site.is_some()
            && let Some(access) = route.access.as_ref().filter(|a| a.value != Access::Public)
        {
            reader.blame(
                access,
                Problem::new(
                    "needs a session, and sessions live on the site's own host",
                    "leave host out, or use access = \"public\"",
                ),
            );
        }
        let same = |(other, prefix): &&(&Host, &Located<String>)| {
            **other == host.value && prefix.value.eq_ignore_ascii_case(&path.value)
        };
        if let Some((_, first)) = taken.iter().find(same) {
            let how = if first.value == path.value { "is" } else { "is, but for letter case," };
            reader.blame(
                path,
                Problem::new(format!("{how} already the path at {} on this host", first.key), "remove one of the two"),
            );
        }
        taken.push((&host.value, path));
    }
}

fn reserved(path: &str) -> Option<&'static str> {
    let under = |prefix: &&&str| {
        path.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            && matches!(path.as_bytes().get(prefix.len()), None | Some(b'/'))
    };
    RESERVED_PREFIXES.iter().find(under).copied()
}

/// The door as its own upstream would loop, or hand the internal listener to the public (EXPO-04).
fn own_addresses(reader: &Reader<'_>, drafts: &Drafts) {
    for target in drafts.upstreams.iter().filter_map(|upstream| upstream.target.as_ref()) {
        let UpstreamTarget::Servers(servers) = &target.value else { continue };
        for endpoint in servers.addresses.iter().map(|server| Endpoint::new(&server.host, server.port)) {
            if let Some(own) = drafts.listen.addresses().into_iter().find(|own| endpoint.is_served_by(own.value)) {
                reader.blame(
                    target,
                    Problem::new(format!("is Doorward's own address at {}", own.key), "an upstream is another server"),
                );
            }
        }
    }
}

/// A folder of files that holds the configuration, keys or the database would serve them.
fn served_secrets(reader: &Reader<'_>, drafts: &Drafts, others: &[(&str, &Path)], file: &Path) {
    let mut secrets: Vec<(&str, &Path)> = vec![("the configuration", file)];
    secrets.extend(drafts.site.data_dir.iter().map(|dir| ("site.data_dir", dir.value.as_path())));
    secrets.extend(drafts.site.key_file.iter().map(|key| ("site.key_file", key.value.as_path())));
    secrets.extend(others);
    secrets.extend(drafts.upstreams.iter().filter_map(|u| u.secret_file()).map(|file| ("an upstream's secret_file", file)));
    secrets.extend(drafts.upstreams.iter().filter_map(|u| u.client_key()).map(|key| ("an upstream's client_key", key)));
    secrets.extend(drafts.gates.iter().filter_map(|g| g.users_file.as_ref()).map(|u| ("a gate's users_file", u.value.as_path())));
    secrets.extend(drafts.oauth.iter().filter_map(|o| o.secret_file()).map(|file| ("a provider's client_secret_file", file)));
    for target in drafts.upstreams.iter().filter_map(|upstream| upstream.target.as_ref()) {
        let UpstreamTarget::Files { root } = &target.value else { continue };
        if let Some((what, _)) = secrets.iter().find(|(_, path)| would_serve(root, path)) {
            reader.blame(
                target,
                Problem::new(format!("holds {what} and would serve it"), "name the folder of the built site alone"),
            );
        }
    }
}

/// Whether the path lies in the folder where the file server would find it; dotfiles are never served (EXPO-09).
fn would_serve(root: &Path, path: &Path) -> bool {
    path.strip_prefix(root).is_ok_and(|rest| !rest.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b".")))
}
