//! The trail after a crash: the chain, its anchor, and the file that is shipped.

use std::path::PathBuf;

use doorward_testkit::House;
use doorward_testkit::dice::{Dice, note};
use serde_json::Value;

use super::ledger::Ledger;

/// The chain verifies by itself and against the anchor of the last time; then the next anchor is taken.
#[track_caller]
pub(super) fn verifies(house: &House) {
    let anchors = house.folder().join("kept-elsewhere.jsonl");
    let place = anchors.to_str().unwrap();
    let words: &[&str] = if anchors.exists() { &["audit", "verify", "--anchor", place] } else { &["audit", "verify"] };
    for words in [words, &["audit", "anchor", "--file", place]] {
        let output = house.command(words);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?}: {said}");
    }
}

/// Takes octets off the end of the shipped file, as if the last write had come to the disk in part.
pub(super) fn tear(house: &House, dice: &mut Dice) {
    let file = std::fs::OpenOptions::new().write(true).open(house.folder().join("trail.jsonl")).unwrap();
    let size = file.metadata().unwrap().len();
    let torn = 1 + dice.roll() % 1500;
    note(&format!("{} octets are torn off the shipped file of {size}", torn.min(size)));
    file.set_len(size.saturating_sub(torn)).unwrap();
}

/// Every entry of the chain is in the shipped files once, in order, as it is in the database.
#[track_caller]
pub(super) fn is_shipped_whole(house: &House, ledger: &Ledger<'_>) {
    let text: String = files(house).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert!(text.ends_with('\n'));
    let shipped: Vec<Vec<String>> = text.lines().map(place).collect();
    let stored = ledger.ask("SELECT seq, HEX(hash)HEX FROM audit ORDER BY seq");
    assert_eq!(shipped.len(), stored.len(), "as many lines as entries");
    for (shipped, stored) in shipped.iter().zip(&stored) {
        assert_eq!(shipped, stored, "position and hash");
    }
}

#[track_caller]
fn place(line: &str) -> Vec<String> {
    let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    vec![entry["seq"].to_string(), entry["hash"].as_str().unwrap().to_owned()]
}

/// The shipped files, the oldest first: a full one has the position of its last line in its name, which sorts.
fn files(house: &House) -> Vec<PathBuf> {
    let all = std::fs::read_dir(house.folder()).unwrap().map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut full: Vec<PathBuf> = all.filter(|path| name(path).starts_with("trail.jsonl.")).collect();
    full.sort();
    full.push(house.folder().join("trail.jsonl"));
    full
}
