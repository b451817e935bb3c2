//! Every single change of a chain is found.

use std::sync::Arc;

use doorward_kit::ring::Rotation;
use doorward_kit::{KeyRing, ManualClock, MasterKey, SharedRing, Timestamp, UserId};
use proptest::prelude::*;

use super::{Anchor, BrokenChain, ChainFault, verify_chain};
use crate::audit::{AuditEntry, AuditEvent, AuditRecord, AuditRow, ChainHead, ChainKeys, CutField, MetaKey, Outcome};

fn keys(octet: u8) -> ChainKeys {
    ChainKeys::new(&MasterKey::new(&[octet; 32]).expect("a key"))
}

/// A chain whose first rows were pruned.
fn chain(length: u32, floor: u64) -> (Vec<AuditRow>, ChainHead) {
    let mut head = ChainHead::genesis("node");
    let record = |number: u32| {
        let at = Timestamp::from_second(i64::from(number)).expect("an instant");
        let entry =
            AuditEntry::of_house(AuditEvent::CsrfRejected, Outcome::Denied, at).because("origin").with(MetaKey::Scope, number);
        AuditRecord { count: Some(u64::from(number)), ..AuditRecord::new(entry, "node") }
    };
    let mut rows = keys(1).chain(&mut head, (0..length).map(record).collect());
    if let Some(last) = rows.iter().find(|row| row.seq == floor) {
        keys(1).raise_floor(&mut head, last.seq, last.hash);
    }
    rows.retain(|row| row.seq > floor);
    (rows, head)
}

fn verify(rows: &[AuditRow], head: &ChainHead) -> Result<u64, BrokenChain> {
    verify_chain(rows, head, &[], &keys(1))
}

fn fault(result: Result<u64, BrokenChain>) -> (u64, ChainFault) {
    let broken = result.expect_err("a fault");
    (broken.seq, broken.fault)
}

/// Every field of a row, each changed in one way.
fn mutations() -> Vec<fn(&mut AuditRow)> {
    vec![
        |row| row.seq += 1,
        |row| row.behind_ms = Some(1),
        |row| row.key_version += 1,
        |row| row.prev_hash[0] ^= 1,
        |row| row.hash[31] ^= 0x80,
        |row| row.record.at = Timestamp::from_second(1_000_000).expect("an instant"),
        |row| row.record.event = AuditEvent::SignIn,
        |row| row.record.outcome = Outcome::Success,
        |row| row.record.actor = Some(UserId::from_bytes([1; 16])),
        |row| row.record.subject_hash = Some(String::new()),
        |row| row.record.client_ip = Some([1, 2, 3, 4].into()),
        |row| row.record.peer_ip = Some([1, 2, 3, 4].into()),
        |row| row.record.client_prefix = Some("x".to_owned()),
        |row| row.record.user_agent = Some("x".to_owned()),
        |row| row.record.request_id = Some(doorward_kit::RequestId::from_bytes([1; 16])),
        |row| row.record.method = Some("x".to_owned()),
        |row| row.record.route = Some("x".to_owned()),
        |row| row.record.host = Some("x".to_owned()),
        |row| row.record.session = Some(doorward_kit::SessionId::from_bytes([1; 16])),
        |row| row.record.node = "other".to_owned(),
        |row| row.record.version.push('1'),
        |row| row.record.reason = None,
        |row| row.record.count = None,
        |row| row.record.meta.clear(),
        |row| row.record.meta[0].1.push('x'),
        |row| row.record.meta[0].0 = MetaKey::Roles,
        |row| row.record.truncated.push(CutField::Route),
    ]
}

#[test]
fn a_chain_holds() {
    for (length, floor) in [(0, 0), (1, 0), (7, 0), (7, 3), (7, 7)] {
        let (rows, head) = chain(length, floor);
        assert_eq!(verify(&rows, &head), Ok(u64::from(length) - floor));
    }
}

#[test]
fn an_anchor_finds_a_chain_that_was_rewound_head_and_all() {
    let (rows, head) = chain(9, 2);
    let anchor = Anchor::of(&head, Timestamp::UNIX_EPOCH, &keys(1));
    let check =
        |rows: &[AuditRow], head: &ChainHead, anchor: &Anchor| verify_chain(rows, head, std::slice::from_ref(anchor), &keys(1));
    assert_eq!(check(&rows, &head, &anchor), Ok(7));
    let (shorter, older) = chain(6, 2);
    assert_eq!(verify(&shorter, &older), Ok(4), "the rows and the head of yesterday hold by themselves");
    assert_eq!(fault(check(&shorter, &older, &anchor)), (9, ChainFault::AnchorContradicts));
    let forged = Anchor { seq: 6, hash: older.hash, ..anchor.clone() };
    assert_eq!(fault(check(&shorter, &older, &forged)), (6, ChainFault::AnchorForged));
    let pruned = chain(9, 9);
    assert_eq!(check(&pruned.0, &pruned.1, &anchor), Ok(0), "the floor is the anchor's row");
}

#[test]
fn rows_and_heads_of_another_key_are_not_ours() {
    let (rows, head) = chain(5, 0);
    assert_eq!(fault(verify_chain(&rows, &head, &[], &keys(2))), (5, ChainFault::HeadAltered));
    let mut resealed = head;
    keys(2).seal(&mut resealed);
    assert_eq!(fault(verify_chain(&rows, &resealed, &[], &keys(2))), (1, ChainFault::Altered));
}

#[test]
fn a_key_that_was_replaced_still_proves_its_rows() {
    let [old, new] = [3, 4].map(|octet| MasterKey::new(&[octet; 32]).expect("a key"));
    let record = || AuditRecord::new(AuditEntry::of_house(AuditEvent::Started, Outcome::Success, Timestamp::UNIX_EPOCH), "node");
    let mut head = ChainHead::genesis("node");
    let mut rows = ChainKeys::new(&old).chain(&mut head, vec![record(), record()]);
    let both = ChainKeys::of_versions(vec![(1, &old)], (2, &new));
    rows.extend(both.chain(&mut head, vec![record()]));
    assert_eq!(rows.iter().map(|row| row.key_version).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(verify_chain(&rows, &head, &[], &both), Ok(3));
    let only_new = ChainKeys::of_versions(Vec::new(), (2, &new));
    assert_eq!(fault(verify_chain(&rows, &head, &[], &only_new)), (1, ChainFault::KeyMissing));
}

#[test]
fn versions_never_fall_along_a_chain_whoever_learns_of_a_key_first() {
    let at = |second| Timestamp::from_second(second).expect("in range");
    let record = |second| AuditRecord::new(AuditEntry::of_house(AuditEvent::Started, Outcome::Success, at(second)), "node");
    let secret = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";
    let ring = |from| {
        let rotation = Rotation { material: &secret.as_bytes()[4..], from: at(from), until: at(9000), now: at(0) };
        let text = KeyRing::rotated(secret, &rotation).expect("rotated");
        ChainKeys::of_ring(&SharedRing::new(KeyRing::parse(&text).expect("a ring"), Arc::new(ManualClock::at(at(0)))))
    };
    let (early, late) = (ring(100), ring(5000));
    let mut head = ChainHead::genesis("node");
    let mut rows = early.chain(&mut head, vec![record(90), record(100), record(95)]);
    rows.extend(late.chain(&mut head, vec![record(101)]));
    rows.extend(early.chain(&mut head, vec![record(50)]));
    assert_eq!(rows.iter().map(|row| row.key_version).collect::<Vec<_>>(), [1, 2, 2, 2, 2]);
    assert_eq!(verify_chain(&rows, &head, &[], &late), Ok(5));
}

#[test]
fn a_key_that_was_replaced_writes_no_more_rows_and_no_head() {
    let [old, new] = [3, 4].map(|octet| MasterKey::new(&[octet; 32]).expect("a key"));
    let record = || AuditRecord::new(AuditEntry::of_house(AuditEvent::Started, Outcome::Success, Timestamp::UNIX_EPOCH), "node");
    let both = ChainKeys::of_versions(vec![(1, &old)], (2, &new));
    let mut head = ChainHead::genesis("node");
    let mut rows = ChainKeys::new(&old).chain(&mut head, vec![record()]);
    rows.extend(both.chain(&mut head, vec![record()]));
    let (true_rows, true_head) = (rows.clone(), head.clone());
    // Whoever has the former key can compute every hash of a further row, and the seal of the head.
    let thief = ChainKeys::new(&old);
    rows.push(thief.link(&mut head, record()));
    thief.seal(&mut head);
    assert_eq!(fault(verify_chain(&rows, &head, &[], &both)), (3, ChainFault::KeyOutdated));
    let mut head = true_head;
    thief.seal(&mut head);
    assert_eq!(fault(verify_chain(&true_rows, &head, &[], &both)), (2, ChainFault::HeadAltered));
}

#[test]
fn a_head_that_was_moved_back_is_told_by_the_next_row() {
    let (mut rows, mut head) = chain(5, 0);
    rows.truncate(3);
    (head.seq, head.hash) = (3, rows[2].hash);
    let record = AuditRecord::new(AuditEntry::of_house(AuditEvent::Started, Outcome::Success, Timestamp::UNIX_EPOCH), "node");
    rows.extend(keys(1).chain(&mut head, vec![record]));
    let tail: Vec<_> = rows[3..].iter().map(|row| (row.record.event, row.record.reason.as_deref())).collect();
    assert_eq!(tail, [(AuditEvent::Gap, Some("head_altered")), (AuditEvent::Started, None)]);
    assert_eq!(verify(&rows, &head), Ok(5));
}

proptest! {
    #[test]
    fn any_changed_field_of_any_row_is_found(length in 1_u32..12, floor in 0_u64..4, at in any::<prop::sample::Index>(), how in any::<prop::sample::Index>()) {
        let (mut rows, head) = chain(length.max(floor as u32 + 1), floor);
        let at = at.index(rows.len());
        let mutations = mutations();
        mutations[how.index(mutations.len())](&mut rows[at]);
        let place = floor + at as u64 + 1;
        let (seq, _) = fault(verify(&rows, &head));
        prop_assert!(seq == place, "named {seq}, is {place}");
    }

    #[test]
    fn any_removed_row_is_found(length in 1_u32..12, at in any::<prop::sample::Index>()) {
        let (mut rows, head) = chain(length, 0);
        let at = at.index(rows.len());
        rows.remove(at);
        let expected = if at as u32 + 1 == length { ChainFault::Truncated } else { ChainFault::Missing };
        prop_assert_eq!(fault(verify(&rows, &head)), (at as u64 + 1, expected));
    }

    #[test]
    fn any_cut_off_end_is_found(length in 1_u32..12, keep in any::<prop::sample::Index>()) {
        let (mut rows, head) = chain(length, 0);
        rows.truncate(keep.index(rows.len()));
        prop_assert_eq!(fault(verify(&rows, &head)), (rows.len() as u64 + 1, ChainFault::Truncated));
    }

    #[test]
    fn any_two_swapped_rows_are_found(length in 2_u32..12, one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), keep_numbers in any::<bool>()) {
        let (mut rows, head) = chain(length, 0);
        let (one, other) = (one.index(rows.len()), other.index(rows.len()));
        prop_assume!(one != other);
        rows.swap(one, other);
        if keep_numbers {
            let number = rows[one].seq;
            rows[one].seq = rows[other].seq;
            rows[other].seq = number;
        }
        let (seq, fault) = fault(verify(&rows, &head));
        prop_assert!(seq == one.min(other) as u64 + 1, "{seq} {fault:?}");
    }

    #[test]
    fn any_inserted_row_is_found(length in 1_u32..12, at in any::<prop::sample::Index>(), copied in any::<prop::sample::Index>(), renumber in any::<bool>()) {
        let (mut rows, head) = chain(length, 0);
        let mut copy = rows[copied.index(rows.len())].clone();
        let at = at.index(rows.len() + 1);
        if renumber {
            copy.seq = at as u64 + 1;
            rows[at..].iter_mut().for_each(|row| row.seq += 1);
        }
        rows.insert(at, copy);
        prop_assert!(verify(&rows, &head).is_err());
    }

    #[test]
    fn any_changed_head_is_found(length in 1_u32..12, how in 0_usize..6) {
        let (rows, mut head) = chain(length, 0);
        match how {
            0 => head.seq += 1,
            1 => head.hash[0] ^= 1,
            2 => head.floor_seq += 1,
            3 => head.floor_hash[5] ^= 1,
            4 => head.latest_at = None,
            _ => head.mac[0] ^= 1,
        }
        prop_assert_eq!(fault(verify(&rows, &head)).1, ChainFault::HeadAltered);
    }
}
