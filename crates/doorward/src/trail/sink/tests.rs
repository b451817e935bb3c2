//! Each row once, in order, whatever was cut and whenever it was rotated.

use std::fs;
use std::path::{Path, PathBuf};

use doorward_domain::audit::{AuditEntry, AuditRecord, AuditRow};
use doorward_domain::{AuditEvent, Outcome};
use doorward_kit::Timestamp;

use super::FileSink;

fn rows(from: u64, to: u64) -> Vec<AuditRow> {
    let row = |seq| {
        let entry = AuditEntry::of_house(AuditEvent::CsrfRejected, Outcome::Denied, Timestamp::UNIX_EPOCH);
        AuditRow {
            seq,
            behind_ms: None,
            key_version: 1,
            prev_hash: [0; 32],
            hash: [1; 32],
            record: AuditRecord::new(entry, "node"),
        }
    };
    (from..=to).map(row).collect()
}

/// The positions in all files, oldest file first, and the number of files.
pub(in crate::trail) fn positions(path: &Path) -> (Vec<u64>, usize) {
    let folder = path.parent().expect("a folder");
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}."))));
    files.sort();
    files.push(path.to_owned());
    let text: String = files.iter().map(|file| fs::read_to_string(file).expect("a file")).collect();
    let seq =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("a whole line")["seq"].as_u64().expect("a number");
    (text.lines().map(seq).collect(), files.len())
}

fn counted(to: u64) -> Vec<u64> {
    (1..=to).collect()
}

#[test]
fn aud_08_a_file_cut_anywhere_is_continued_without_hole_or_double() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let mut sink = FileSink::open(&path, "node", 1 << 20).expect("a sink");
    sink.append(&rows(1, 3)).expect("written");
    let whole = fs::read(&path).expect("a file");
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        let mut sink = FileSink::open(&path, "node", 1 << 20).expect("a sink");
        let is_between_lines = cut == 0 || whole[cut - 1] == b'\n';
        assert_eq!(sink.torn() == 0, is_between_lines, "cut at {cut}");
        sink.append(&rows(sink.shipped() + 1, 5)).expect("written");
        sink.append(&rows(1, 5)).expect("passed over");
        assert_eq!(positions(&path).0, counted(5), "cut at {cut}");
    }
}

#[test]
fn a_restart_after_each_rotation_goes_on_where_the_last_file_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    for round in 1..=30 {
        let mut sink = FileSink::open(&path, "node", 1500).expect("a sink");
        assert_eq!(sink.shipped(), (round - 1) * 3);
        sink.append(&rows(sink.shipped() + 1, round * 3)).expect("written");
        if round % 5 == 0 {
            sink.rotate().expect("renamed");
        }
    }
    let (seen, files) = positions(&path);
    assert_eq!(seen, counted(90));
    assert!(files > 10, "{files} files");
}

#[test]
fn a_file_of_another_node_or_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    FileSink::open(&path, "node", 1 << 20).expect("a sink").append(&rows(1, 2)).expect("written");
    assert!(FileSink::open(&path, "other", 1 << 20).is_err());
    fs::write(&path, "root:x:0:0\n").expect("written");
    assert!(FileSink::open(&path, "node", 1 << 20).is_err());
    assert_eq!(fs::read_to_string(&path).expect("a file"), "root:x:0:0\n");
}
