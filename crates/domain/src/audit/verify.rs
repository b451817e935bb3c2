//! Proves a chain, and names the first place where it does not hold (AUD-07).

use std::fmt;

use doorward_kit::{Timestamp, constant_time_eq};

use super::canonical::Octets;
use super::{AuditRow, ChainHash, ChainHead, ChainKeys};

/// A place of a chain written down elsewhere: whoever cuts or rewrites the chain before it cannot make it fit again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Whose chain.
    pub node: String,
    /// Position.
    pub seq: u64,
    /// Hash of the row there.
    pub hash: ChainHash,
    /// When the anchor was taken.
    pub at: Timestamp,
    /// Version of the key of [`Self::mac`].
    pub key_version: u32,
    /// Keyed hash of all of the above.
    pub mac: ChainHash,
}

impl Anchor {
    /// Anchors where a chain stands.
    #[must_use]
    pub fn of(head: &ChainHead, at: Timestamp, keys: &ChainKeys) -> Self {
        let key_version = keys.version_at(at);
        let mut anchor = Self { node: head.node.clone(), seq: head.seq, hash: head.hash, at, key_version, mac: [0; 32] };
        anchor.mac = keys.mac(key_version, &anchor.octets()).unwrap_or_default();
        anchor
    }

    fn octets(&self) -> Vec<u8> {
        let mut octets = Octets::new(b"doorward/1/audit-anchor");
        octets.text(Some(&self.node));
        octets.number(Some(self.seq));
        octets.bytes(Some(&self.hash));
        octets.instant(Some(self.at));
        octets.number(Some(u64::from(self.key_version)));
        octets.done()
    }

    fn is_ours(&self, keys: &ChainKeys) -> bool {
        keys.mac(self.key_version, &self.octets()).is_some_and(|mac| constant_time_eq(&mac, &self.mac))
    }
}

/// What is wrong at a place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainFault {
    /// The row is not what was written: a field, its position or its hash was changed, or it was never written by this house.
    Altered,
    /// There is a row where all were pruned.
    BelowFloor,
    /// The row is missing.
    Missing,
    /// There is a row too many at this position.
    Inserted,
    /// The row does not refer to the one before it.
    Unlinked,
    /// The chain ends before the row that its head names.
    Truncated,
    /// There is a row behind the one that the head names.
    BeyondHead,
    /// The head itself is not what was written.
    HeadAltered,
    /// The chain does not have what an anchor says.
    AnchorContradicts,
    /// The anchor was not made with a key of this house.
    AnchorForged,
    /// The key of the row's version is not there.
    KeyMissing,
    /// The row was made with an older key than the one before it: versions never fall along a chain, so whoever wrote it had a key that
    /// was replaced.
    KeyOutdated,
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Altered => "altered: the row's hash does not fit its fields",
            Self::BelowFloor => "inserted: the rows up to the floor were pruned, and here is one",
            Self::Missing => "removed: the row is not there",
            Self::Inserted => "inserted: there is a row too many",
            Self::Unlinked => "reordered: the row does not refer to the one before it",
            Self::Truncated => "truncated: the chain ends before its head",
            Self::BeyondHead => "inserted: the row is behind the chain's head",
            Self::HeadAltered => "altered: the head's seal does not fit",
            Self::AnchorContradicts => "rewritten: the chain does not have the row of the anchor",
            Self::AnchorForged => "the anchor was not made with a key of this house",
            Self::KeyMissing => "the key of the row's version is not there",
            Self::KeyOutdated => "forged: the row was made with an older key than the one before it",
        })
    }
}

/// Where a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node {node}, position {seq}: {fault}")]
pub struct BrokenChain {
    /// Whose chain.
    pub node: String,
    /// Position.
    pub seq: u64,
    /// What is wrong there.
    pub fault: ChainFault,
}

/// Walks along one chain, from its floor to its head.
pub struct ChainVerifier<'a> {
    keys: &'a ChainKeys,
    node: String,
    /// The position and hash that were reached.
    seq: u64,
    hash: ChainHash,
    /// The key version of the row that was reached.
    key_version: u32,
    /// By position; those behind the walker are taken away.
    anchors: Vec<&'a Anchor>,
}

impl<'a> ChainVerifier<'a> {
    /// Stands at the floor of a chain.
    ///
    /// # Errors
    /// [`ChainFault::HeadAltered`], or what is wrong with an anchor.
    pub fn new(head: &ChainHead, keys: &'a ChainKeys, anchors: &'a [Anchor]) -> Result<Self, BrokenChain> {
        let mut anchors: Vec<_> = anchors.iter().filter(|anchor| anchor.node == head.node).collect();
        anchors.sort_by_key(|anchor| std::cmp::Reverse(anchor.seq));
        let mut this =
            Self { keys, node: head.node.clone(), seq: head.floor_seq, hash: head.floor_hash, key_version: 0, anchors };
        if !keys.is_sealed(head) {
            return Err(this.broken(head.seq, ChainFault::HeadAltered));
        }
        if let Some(forged) = this.anchors.iter().find(|anchor| !anchor.is_ours(keys)) {
            return Err(this.broken(forged.seq, ChainFault::AnchorForged));
        }
        // What lies below the floor was pruned, with the floor as its only witness.
        this.anchors.retain(|anchor| anchor.seq >= head.floor_seq);
        this.meet_anchors()?;
        Ok(this)
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.seq
    }

    /// Walks over one more row, in the order in which the store lists them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn step(&mut self, row: &AuditRow) -> Result<(), BrokenChain> {
        let expected = self.seq + 1;
        if row.seq > expected {
            return Err(self.broken(expected, ChainFault::Missing));
        }
        if row.seq < expected {
            return Err(self.broken(row.seq, ChainFault::Inserted));
        }
        match row.is_intact(self.keys) {
            None => return Err(self.broken(row.seq, ChainFault::KeyMissing)),
            Some(false) => return Err(self.broken(row.seq, ChainFault::Altered)),
            Some(true) if row.record.node != self.node => return Err(self.broken(row.seq, ChainFault::Inserted)),
            Some(true) if row.prev_hash != self.hash => return Err(self.broken(row.seq, ChainFault::Unlinked)),
            Some(true) if row.key_version < self.key_version => return Err(self.broken(row.seq, ChainFault::KeyOutdated)),
            Some(true) => {}
        }
        self.key_version = row.key_version;
        self.seq = row.seq;
        self.hash = row.hash;
        self.meet_anchors()
    }

    /// Arrives: `head` was read after the last row.
    ///
    /// # Errors
    /// A chain that ends before or behind its head, or before an anchor.
    pub fn arrive(&self, head: &ChainHead) -> Result<(), BrokenChain> {
        if !self.keys.is_sealed(head) {
            return Err(self.broken(head.seq, ChainFault::HeadAltered));
        }
        if self.seq < head.seq {
            return Err(self.broken(self.seq + 1, ChainFault::Truncated));
        }
        if self.seq > head.seq {
            return Err(self.broken(head.seq + 1, ChainFault::BeyondHead));
        }
        if self.hash != head.hash || head.key_version < self.key_version {
            return Err(self.broken(head.seq, ChainFault::HeadAltered));
        }
        match self.anchors.last() {
            Some(anchor) => Err(self.broken(anchor.seq, ChainFault::AnchorContradicts)),
            None => Ok(()),
        }
    }

    fn meet_anchors(&mut self) -> Result<(), BrokenChain> {
        while let Some(anchor) = self.anchors.last().filter(|anchor| anchor.seq <= self.seq) {
            if anchor.hash != self.hash {
                return Err(self.broken(anchor.seq, ChainFault::AnchorContradicts));
            }
            self.anchors.pop();
        }
        Ok(())
    }

    fn broken(&self, seq: u64, fault: ChainFault) -> BrokenChain {
        BrokenChain { node: self.node.clone(), seq, fault }
    }
}

/// Proves a whole chain at once.
///
/// # Errors
/// The first place where it does not hold.
pub fn verify_chain(rows: &[AuditRow], head: &ChainHead, anchors: &[Anchor], keys: &ChainKeys) -> Result<u64, BrokenChain> {
    let mut verifier = ChainVerifier::new(head, keys, anchors)?;
    for row in rows {
        verifier.step(row)?;
    }
    verifier.arrive(head)?;
    Ok(verifier.position() - head.floor_seq)
}

#[cfg(test)]
mod tests;
