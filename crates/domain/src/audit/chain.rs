//! The chain: each row carries a keyed hash of itself and of the row before it (AUD-07).
//!
//! One chain for each node, so that nodes never wait for each other. Whoever can write the database but has no key can neither change,
//! remove, swap nor insert a row without the next check naming the place. What a stolen key could undo is held by anchors that were
//! taken off the machine.

use doorward_kit::ring::{KeyTimes, PurposeKeys, VersionedKey};
use doorward_kit::{KeyPurpose, MasterKey, PurposeRing, SharedRing, Timestamp, constant_time_eq};

use super::canonical::Octets;
use super::{AuditEntry, AuditEvent, AuditRecord, AuditRow, Outcome};

/// A keyed hash.
pub type ChainHash = [u8; 32];

/// What stands before the first row.
pub const GENESIS: ChainHash = [0; 32];

/// A row whose time lies this far behind the latest one before it was written by a clock that was set back (AUD-14). Entries of flows
/// that ran side by side are out of order by less.
const STEP_MIN_MS: i64 = 10_000;

/// Where the chain of a node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Whose chain.
    pub node: String,
    /// Position of the last row; 0 before the first.
    pub seq: u64,
    /// Hash of the last row.
    pub hash: ChainHash,
    /// Position of the last row that was pruned; 0 when none was.
    pub floor_seq: u64,
    /// Hash of that row: what the first row that is left refers to.
    pub floor_hash: ChainHash,
    /// The latest time of any row.
    pub latest_at: Option<Timestamp>,
    /// Version of the key of [`Self::mac`].
    pub key_version: u32,
    /// Seals all of the above, so that neither head nor floor can be moved by whoever has no key.
    pub mac: ChainHash,
}

/// The keys of the chain by version; rows name the version that they were chained with, and a key that has retired goes on proving its
/// rows.
///
/// Which version writes is a matter of the chain's own time, so that it never falls along a chain, whatever a clock does.
#[derive(Clone)]
pub struct ChainKeys(PurposeRing);

impl ChainKeys {
    /// The key of one master key, as version 1.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(master.derive(KeyPurpose::AuditChain).into())
    }

    /// The keys of a ring, whatever it holds when they are asked for.
    #[must_use]
    pub fn of_ring(ring: &SharedRing) -> Self {
        Self(ring.of(KeyPurpose::AuditChain))
    }

    /// The keys of several master keys: earlier ones, oldest first, which only check, and the one that writes.
    #[must_use]
    pub fn of_versions(earlier: Vec<(u32, &MasterKey)>, current: (u32, &MasterKey)) -> Self {
        let derive = |(version, master): (u32, &MasterKey)| VersionedKey {
            version,
            times: KeyTimes::default(),
            key: master.derive(KeyPurpose::AuditChain),
        };
        Self(PurposeRing::fixed(derive(current), earlier.into_iter().rev().map(derive).collect()))
    }

    /// The version that a row of this time is written with.
    #[must_use]
    pub fn version_at(&self, at: Timestamp) -> u32 {
        self.0.now().current_at(at).version
    }

    /// The keyed hash of `octets` under a version; `None` when there is no such key.
    pub(crate) fn mac(&self, version: u32, octets: &[u8]) -> Option<ChainHash> {
        self.0.now().of_version(version).map(|key| key.key.mac(octets))
    }

    /// Whether a head was sealed by one of these keys. A head that no row has been chained to needs no seal.
    #[must_use]
    pub fn is_sealed(&self, head: &ChainHead) -> bool {
        if *head == ChainHead::genesis(&head.node) {
            return true;
        }
        self.mac(head.key_version, &head.octets()).is_some_and(|mac| constant_time_eq(&mac, &head.mac))
    }

    /// Seals a head that was moved.
    pub(crate) fn seal(&self, head: &mut ChainHead) {
        let keys = self.0.now();
        let key = writer(&keys, head, head.latest_at);
        head.key_version = key.version;
        head.mac = key.key.mac(&head.octets());
    }

    /// Chains records to a head, in their order, and moves the head behind the last one. A head that somebody else has written is not
    /// silently taken over: the first row then says so.
    pub(crate) fn chain(&self, head: &mut ChainHead, records: Vec<AuditRecord>) -> Vec<AuditRow> {
        let mut rows = Vec::with_capacity(records.len() + 1);
        if let Some(first) = records.first()
            && !self.is_sealed(head)
        {
            let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, first.at).because("head_altered");
            rows.push(self.link(head, AuditRecord::new(entry, &head.node)));
        }
        rows.extend(records.into_iter().map(|record| self.link(head, record)));
        self.seal(head);
        rows
    }

    pub(super) fn link(&self, head: &mut ChainHead, record: AuditRecord) -> AuditRow {
        let (keys, latest) = (self.0.now(), head.latest_at.map_or(record.at, |latest| latest.max(record.at)));
        let key = writer(&keys, head, Some(latest));
        let mut row = AuditRow {
            seq: head.seq.saturating_add(1),
            behind_ms: head.latest_at.and_then(|latest| behind(record.at, latest)),
            key_version: key.version,
            prev_hash: head.hash,
            hash: GENESIS,
            record,
        };
        row.hash = key.key.mac(&row.octets());
        head.seq = row.seq;
        head.hash = row.hash;
        head.latest_at = Some(latest);
        row
    }

    /// Raises the floor of a head to a row that is about to be pruned.
    pub(crate) fn raise_floor(&self, head: &mut ChainHead, seq: u64, hash: ChainHash) {
        head.floor_seq = seq;
        head.floor_hash = hash;
        self.seal(head);
    }
}

/// The key that writes behind a head: the one in force at the chain's latest time, but never an older one than wrote there before, even
/// if another process of this node has learned of a new key first.
fn writer<'k>(keys: &'k PurposeKeys, head: &ChainHead, latest: Option<Timestamp>) -> &'k VersionedKey {
    let key = latest.map_or_else(|| keys.current(), |latest| keys.current_at(latest));
    keys.of_version(head.key_version).filter(|last| last.version > key.version).unwrap_or(key)
}

/// By how many milliseconds `at` lies behind `latest`, when that is more than concurrency explains.
fn behind(at: Timestamp, latest: Timestamp) -> Option<u64> {
    let behind = latest.as_millisecond().saturating_sub(at.as_millisecond());
    (behind >= STEP_MIN_MS).then(|| behind.unsigned_abs())
}

impl ChainHead {
    /// The head of a chain without rows.
    #[must_use]
    pub fn genesis(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            seq: 0,
            hash: GENESIS,
            floor_seq: 0,
            floor_hash: GENESIS,
            latest_at: None,
            key_version: 0,
            mac: GENESIS,
        }
    }

    fn octets(&self) -> Vec<u8> {
        let mut octets = Octets::new(b"doorward/1/audit-head");
        octets.text(Some(&self.node));
        octets.number(Some(self.seq));
        octets.bytes(Some(&self.hash));
        octets.number(Some(self.floor_seq));
        octets.bytes(Some(&self.floor_hash));
        octets.instant(self.latest_at);
        octets.number(Some(u64::from(self.key_version)));
        octets.done()
    }
}

impl AuditRow {
    /// Everything that the hash covers, each field with its length, so that no two rows have the same octets.
    fn octets(&self) -> Vec<u8> {
        let record = &self.record;
        let mut octets = Octets::new(b"doorward/1/audit-row");
        octets.number(Some(self.seq));
        octets.number(Some(u64::from(self.key_version)));
        octets.number(self.behind_ms);
        octets.instant(Some(record.at));
        octets.text(Some(record.event.as_str()));
        octets.text(Some(record.outcome.as_str()));
        octets.bytes(record.actor.as_ref().map(|id| id.as_bytes().as_slice()));
        octets.text(record.subject_hash.as_deref());
        octets.text(record.client_ip.map(|address| address.to_string()).as_deref());
        octets.text(record.peer_ip.map(|address| address.to_string()).as_deref());
        octets.text(record.client_prefix.as_deref());
        octets.text(record.user_agent.as_deref());
        octets.bytes(record.request_id.as_ref().map(|id| id.as_bytes().as_slice()));
        octets.text(record.method.as_deref());
        octets.text(record.route.as_deref());
        octets.text(record.host.as_deref());
        octets.bytes(record.session.as_ref().map(|id| id.as_bytes().as_slice()));
        octets.text(Some(&record.node));
        octets.text(Some(&record.version));
        octets.text(record.reason.as_deref());
        octets.number(record.count);
        octets.number(Some(record.meta.len() as u64));
        for (key, value) in &record.meta {
            octets.text(Some(key.as_str()));
            octets.text(Some(value));
        }
        octets.number(Some(record.truncated.len() as u64));
        for field in &record.truncated {
            octets.text(Some(field.as_str()));
        }
        octets.bytes(Some(&self.prev_hash));
        octets.done()
    }

    /// Whether the row's hash is what its fields and the hash before it give; `None` when the key of its version is missing.
    #[must_use]
    pub fn is_intact(&self, keys: &ChainKeys) -> Option<bool> {
        keys.mac(self.key_version, &self.octets()).map(|mac| constant_time_eq(&mac, &self.hash))
    }
}
