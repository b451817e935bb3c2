//! Floods of the same refusal become one row with a count (AUD-15, EDGE-RL-12).
//!
//! The first of its kind is written at once; what follows within a few seconds is counted and written as one row. Kinds differ by who,
//! whom, from where, what and why, so no actor hides in another's count. Memory is bounded: when there are too many kinds at once, what
//! was counted is written early.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_kit::UserId;

use super::{AuditEvent, AuditRecord, Outcome};

/// Kinds that are counted at the same time.
const KINDS_MAX: usize = 2048;

/// What makes two entries the same for the purpose of counting: everything but time, request and browser.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    event: AuditEvent,
    outcome: Outcome,
    reason: Option<String>,
    actor: Option<UserId>,
    subject_hash: Option<String>,
    client_prefix: Option<String>,
    host: Option<String>,
    route: Option<String>,
}

/// Counts by kind.
#[derive(Debug, Default)]
pub(super) struct Folds(Mutex<HashMap<Kind, Option<Box<AuditRecord>>>>);

/// What is to be written of an entry now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// This entry.
    Write(Box<AuditRecord>),
    /// Nothing: it was counted.
    Counted,
    /// This entry, and what had been counted so far.
    WriteAll(Vec<AuditRecord>),
}

impl Folds {
    /// Counts an entry, or says that it is to be written.
    pub(super) fn take(&self, record: Box<AuditRecord>) -> Folded {
        if !may_fold(&record) {
            return Folded::Write(record);
        }
        let mut kinds = self.kinds();
        let is_full = kinds.len() >= KINDS_MAX;
        match kinds.entry(Kind::of(&record)) {
            Entry::Occupied(mut kind) => {
                let before = kind.get().as_ref().and_then(|record| record.count).unwrap_or(0);
                let count = before.saturating_add(record.count.unwrap_or(1));
                // The latest entry stands for all of them: its request can still be found in the access log.
                kind.insert(Some(Box::new(AuditRecord { count: Some(count), ..*record })));
                Folded::Counted
            }
            Entry::Vacant(kind) if !is_full => {
                kind.insert(None);
                Folded::Write(record)
            }
            Entry::Vacant(_) => {
                let mut all = counted(mem::take(&mut *kinds));
                all.push(*record);
                Folded::WriteAll(all)
            }
        }
    }

    /// Ends the window: what was counted, in the order of time.
    pub(super) fn drain(&self) -> Vec<AuditRecord> {
        counted(mem::take(&mut *self.kinds()))
    }

    /// Whether nothing was seen in this window.
    pub(super) fn is_idle(&self) -> bool {
        self.kinds().is_empty()
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Kind, Option<Box<AuditRecord>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counted(kinds: HashMap<Kind, Option<Box<AuditRecord>>>) -> Vec<AuditRecord> {
    let mut all: Vec<_> = kinds.into_values().flatten().map(|record| *record).collect();
    all.sort_by_key(|record| record.at);
    all
}

/// Refusals, and passing a gate: what a stranger or a page with many parts can repeat at will.
fn may_fold(record: &AuditRecord) -> bool {
    record.outcome == Outcome::Denied || record.event == AuditEvent::GateAllowed
}

impl Kind {
    fn of(record: &AuditRecord) -> Self {
        Self {
            event: record.event,
            outcome: record.outcome,
            reason: record.reason.clone(),
            actor: record.actor,
            subject_hash: record.subject_hash.clone(),
            client_prefix: record.client_prefix.clone(),
            host: record.host.clone(),
            route: record.route.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_kit::Timestamp;

    use super::{AuditRecord, Folded, Folds, KINDS_MAX};
    use crate::audit::{AuditEntry, AuditEvent, Outcome};

    fn denied(number: usize, event: AuditEvent) -> Box<AuditRecord> {
        let entry = AuditEntry::of_house(event, Outcome::Denied, Timestamp::UNIX_EPOCH).about(&number.to_string());
        Box::new(AuditRecord::new(entry, "node"))
    }

    #[test]
    fn the_first_is_written_and_the_rest_counted() {
        let folds = Folds::default();
        let first = denied(1, AuditEvent::CsrfRejected);
        assert_eq!(folds.take(first.clone()), Folded::Write(first));
        for _ in 0..99_999 {
            assert_eq!(folds.take(denied(1, AuditEvent::CsrfRejected)), Folded::Counted);
        }
        let rest = folds.drain();
        assert_eq!(rest.iter().map(|record| record.count).collect::<Vec<_>>(), [Some(99_999)]);
        assert!(folds.is_idle() && folds.drain().is_empty());
    }

    #[test]
    fn nobody_hides_in_the_count_of_somebody_else() {
        let folds = Folds::default();
        for _ in 0..3 {
            for who in 0..5 {
                let _ = folds.take(denied(who, AuditEvent::CsrfRejected));
            }
        }
        let mut who: Vec<_> = folds.drain().into_iter().map(|record| (record.subject_hash, record.count)).collect();
        who.sort();
        assert_eq!(who, (0..5).map(|who| (Some(who.to_string()), Some(2))).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_counted_is_written_early_when_there_are_too_many_kinds() {
        let folds = Folds::default();
        let (mut written, mut all) = (0, 0);
        for round in 0..3 {
            for who in 0..KINDS_MAX * 2 + round {
                all += 1;
                match folds.take(denied(who, AuditEvent::GateDenied)) {
                    Folded::Write(_) => written += 1,
                    Folded::WriteAll(records) => written += records.iter().map(|record| record.count.unwrap_or(1)).sum::<u64>(),
                    Folded::Counted => {}
                }
            }
        }
        written += folds.drain().iter().map(|record| record.count.unwrap_or(1)).sum::<u64>();
        assert_eq!(written, all);
    }
}
