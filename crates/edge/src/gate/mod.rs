//! Who may pass to an internal UI: first the network, then the password.
//!
//! Comes in: a gate's policy, the derived client address, the request's fields. Goes out: a [`GateVerdict`]; passing yields a
//! [`GatePermit`], without which nothing behind the gate can be called. Must never know: sessions, upstreams.
//!
//! The order is the protection: an outsider learns nothing, not even that passwords exist (GATE-03); a throttled caller learns
//! nothing about its guess, not even when it is right (GATE-16); everybody else pays for one hash of every kind in the users file,
//! known or unknown (GATE-15), unless exactly these credentials were proved a moment ago.

mod basic;
mod failure;
mod hash;
mod proof;
mod users;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Prefix, RequestContext};
use doorward_policy::{GatePolicy, Quota};
use http::HeaderMap;
use tokio::sync::{Mutex, Semaphore};

use basic::{Credentials, Read};
use failure::{Failures, Key};
use proof::{ProofKey, Proofs};
use users::Users;

pub use hash::HashFault;
pub use users::{LineFault, UsersFault};

/// Failed attempts per prefix and per user name, unless the configuration says otherwise.
const FAILURES: Quota = Quota { count: NonZeroU32::new(10).unwrap(), window: Duration::from_secs(60) };

/// Attempts of one prefix are made one after the other; prefixes share this many queues.
const QUEUES: usize = 64;

/// Checks requests against all gates. A new users file means a new keeper: proofs of the old one end with it.
pub struct GateKeeper {
    gates: Vec<(String, Arc<Users>)>,
    failures: Failures,
    proofs: Proofs,
    hashing: Arc<Semaphore>,
    queues: Arc<[Mutex<()>]>,
    queue_of: RandomState,
}

/// What the gate says.
#[derive(Debug)]
#[must_use]
pub enum GateVerdict {
    /// Go on.
    Pass(GatePermit),
    /// Outside the allowlist: the constant 403, whatever else the request holds (GATE-03).
    Outsider,
    /// No credentials: 401 with the challenge.
    NoCredentials,
    /// Wrong credentials: the same answer.
    Unauthenticated,
    /// Too many failures: 429.
    Throttled {
        /// When the next attempt counts.
        retry_after: Duration,
    },
    /// Credentials that cannot be read in exactly one way: 400.
    Malformed,
}

/// What a user of a gate proved, for comparing it with what the users file says later. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    user: Arc<str>,
    hash: hash::StoredHash,
}

impl Credential {
    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// Proof that a gate was passed; only the keeper makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePermit {
    user: Arc<str>,
}

impl GatePermit {
    /// The proved user name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// Why a gate cannot be watched. Names file and line, never a hash.
#[derive(Debug, thiserror::Error)]
#[error("gate {gate}: users_file {}: {fault}", path.display())]
pub struct GateLoadError {
    /// Which gate.
    pub gate: String,
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: UsersFault,
}

impl GateKeeper {
    /// Reads the users of all gates.
    ///
    /// # Errors
    /// [`GateLoadError`] for the first file that is missing, empty or holds a line that is not taken: a gate never opens half-read.
    pub fn load(gates: &[Arc<GatePolicy>]) -> Result<Self, GateLoadError> {
        let gates = gates.iter().map(load_users).collect::<Result<_, _>>()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            gates,
            failures: Failures::new(FAILURES),
            proofs: Proofs::new(),
            hashing: Arc::new(Semaphore::new(threads)),
            queues: (0..QUEUES).map(|_| Mutex::default()).collect(),
            queue_of: RandomState::new(),
        })
    }

    /// Holds failed attempts to another quota than 10 a minute (GATE-16).
    #[must_use]
    pub fn with_failure_quota(mut self, quota: Quota) -> Self {
        self.failures = Failures::new(quota);
        self
    }

    /// Takes over what callers failed at the keeper before, and how many may hash at once: a reload gives nobody fresh attempts (GATE-16).
    /// What was proved there counts no more.
    #[must_use]
    pub(crate) fn following(mut self, before: &Self) -> Self {
        self.failures = self.failures.following(&before.failures);
        self.proofs = before.proofs.emptied();
        self.hashing = Arc::clone(&before.hashing);
        self.queues = Arc::clone(&before.queues);
        self.queue_of = before.queue_of.clone();
        self
    }

    /// What a user of a gate has to prove; `None` when there is no such user.
    pub(crate) fn credential(&self, gate: &str, user: &str) -> Option<Credential> {
        let (_, users) = self.gates.iter().find(|(name, _)| name == gate)?;
        Some(Credential { user: user.into(), hash: users.hash(user)?.clone() })
    }

    /// Decides about one request.
    pub async fn check(&self, gate: &GatePolicy, context: &RequestContext, headers: &HeaderMap) -> GateVerdict {
        let address = context.client.ip();
        if !gate.allow.iter().any(|network| network.contains(address)) {
            return GateVerdict::Outsider;
        }
        // A gate without a keeper stays shut.
        let Some((_, users)) = self.gates.iter().find(|(name, _)| *name == gate.name) else {
            return GateVerdict::Outsider;
        };
        let credentials = match basic::read(headers) {
            Read::Absent => return GateVerdict::NoCredentials,
            Read::Malformed => return GateVerdict::Malformed,
            Read::Basic(credentials) => credentials,
        };
        let prefix = context.client.prefix();
        let proof = self.proofs.key(&gate.name, &credentials);
        if let Some(verdict) = self.known(&gate.name, prefix, &credentials, &proof) {
            return verdict;
        }
        self.attempt(&gate.name, users, prefix, credentials, proof).await
    }

    /// What can be said without a hash. The throttle comes first: otherwise a throttled caller could still recognise the right
    /// password by being let in.
    fn known(&self, gate: &str, prefix: Prefix, credentials: &Credentials, proof: &ProofKey) -> Option<GateVerdict> {
        if !self.failures.is_quiet()
            && let Some(retry_after) = self.failures.wait(self.keys(gate, prefix, credentials))
        {
            return Some(GateVerdict::Throttled { retry_after });
        }
        self.proofs.lookup(proof).map(|user| GateVerdict::Pass(GatePermit { user }))
    }

    /// Pays for one attempt. Those of one prefix wait for each other: a page that asks for twenty pictures at once is hashed once,
    /// and nobody gets more than the quota by asking in parallel.
    async fn attempt(
        &self,
        gate: &str,
        users: &Arc<Users>,
        prefix: Prefix,
        credentials: Credentials,
        proof: ProofKey,
    ) -> GateVerdict {
        let _turn = self.queue(prefix).lock().await;
        if let Some(verdict) = self.known(gate, prefix, &credentials, &proof) {
            return verdict;
        }
        let attempt = self.failures.begin(self.keys(gate, prefix, &credentials));
        let user: Arc<str> = credentials.user().into();
        if !self.verify(users.clone(), credentials).await {
            return GateVerdict::Unauthenticated;
        }
        attempt.succeeded();
        self.proofs.add(proof, user.clone());
        GateVerdict::Pass(GatePermit { user })
    }

    /// Hashes on a thread that may block; as many at once as there are cores, even if callers go away meanwhile.
    async fn verify(&self, users: Arc<Users>, credentials: Credentials) -> bool {
        let Ok(place) = self.hashing.clone().acquire_owned().await else {
            return false;
        };
        let hashed = tokio::task::spawn_blocking(move || {
            let _place = place;
            users.verify(credentials.user(), credentials.password())
        });
        hashed.await.unwrap_or(false)
    }

    fn keys(&self, gate: &str, prefix: Prefix, credentials: &Credentials) -> [Key; 2] {
        [Key::Prefix(prefix), Key::User(self.proofs.subject(gate, credentials.user()))]
    }

    fn queue(&self, prefix: Prefix) -> &Mutex<()> {
        let index = self.queue_of.hash_one(prefix) % QUEUES as u64;
        &self.queues[usize::try_from(index).unwrap_or(0)]
    }
}

fn load_users(gate: &Arc<GatePolicy>) -> Result<(String, Arc<Users>), GateLoadError> {
    let users = Users::load(&gate.users_file).map_err(|fault| GateLoadError {
        gate: gate.name.clone(),
        path: gate.users_file.clone(),
        fault,
    })?;
    Ok((gate.name.clone(), Arc::new(users)))
}

impl fmt::Debug for GateKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.gates.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("GateKeeper").field("gates", &names).finish_non_exhaustive()
    }
}
