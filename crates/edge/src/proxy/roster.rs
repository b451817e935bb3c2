//! Every upstream of servers that a configuration names: read and made before anything is exchanged, then taken over in one step.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arc_swap::ArcSwap;
use doorward_config::{Servers, Speech, UpstreamTarget};
use doorward_policy::{Policy, TimePolicy};

use super::credential::UpstreamSecrets;
use super::dialer::{Connector, ConnectorError};
use super::group::Group;
use super::probe;

/// Upstreams with what TLS to them needs, read from its files.
pub struct Upstreams(Vec<Entry>);

struct Entry {
    name: String,
    servers: Arc<Servers>,
    connector: Option<Connector>,
}

/// Why an upstream cannot be spoken to as the configuration says.
#[derive(Debug, thiserror::Error)]
#[error("upstream {name}: {source}")]
pub struct UpstreamError {
    /// Which.
    pub name: String,
    /// Why.
    pub source: Box<ConnectorError>,
}

impl Upstreams {
    /// Reads the files that the policy's upstreams name. Blocks.
    ///
    /// # Errors
    /// The first [`UpstreamError`].
    pub fn load(policy: &Policy) -> Result<Self, UpstreamError> {
        let servers = policy.upstreams.iter().filter_map(|upstream| match &upstream.target {
            UpstreamTarget::Servers(servers) => Some((&upstream.name, servers)),
            UpstreamTarget::Files { .. } => None,
        });
        let entries = servers.map(|(name, servers)| {
            let connector = match &servers.speech {
                Speech::Tls(tls) => Some(Connector::load(tls)),
                Speech::Http1 | Speech::Http2 => None,
            };
            let connector =
                connector.transpose().map_err(|source| UpstreamError { name: name.clone(), source: Box::new(source) })?;
            Ok(Entry { name: name.clone(), servers: servers.clone(), connector })
        });
        entries.collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| &entry.name)).finish()
    }
}

/// The groups in force, and those of the configuration before: a request that began with it may not have got so far yet.
#[derive(Default, Clone)]
pub(super) struct Roster {
    current: Vec<Arc<Group>>,
    previous: Vec<Arc<Group>>,
}

impl Roster {
    /// The group of exactly these servers under this name.
    pub(super) fn find(&self, name: &str, servers: &Arc<Servers>) -> Option<&Arc<Group>> {
        let all = || self.current.iter().chain(&self.previous);
        // The policy and the group share their servers, so this is a comparison of pointers in all but odd cases.
        all()
            .find(|group| Arc::ptr_eq(&group.servers, servers))
            .or_else(|| all().find(|group| group.name == name && group.servers == *servers))
    }

    /// With one more, for whoever forwards without having named its upstreams before.
    pub(super) fn with(&self, group: Arc<Group>) -> Self {
        let mut roster = self.clone();
        roster.current.push(group);
        roster
    }

    /// The next configuration's; what stays keeps its connections.
    pub(super) fn succeed(
        &self,
        upstreams: &Upstreams,
        times: TimePolicy,
        open: &Arc<AtomicI64>,
        secrets: &Arc<ArcSwap<UpstreamSecrets>>,
    ) -> Self {
        let before = |name: &str| self.current.iter().find(|group| group.name == name);
        let make = |entry: &Entry| {
            Group::new(&entry.name, &entry.servers, entry.connector.as_ref(), before(&entry.name).map(|group| &**group), open)
        };
        let current: Vec<Arc<Group>> = upstreams.0.iter().map(make).collect();
        for group in &self.current {
            group.retire(current.iter().find(|other| other.name == group.name).map(|group| &**group));
        }
        current.iter().for_each(|group| probe::begin(group, times, secrets));
        Self { current, previous: self.current.clone() }
    }

    /// Those in force.
    pub(super) fn current(&self) -> &[Arc<Group>] {
        &self.current
    }
}
