//! Lists of passwords that are tried first, as automata: the one that is built in, an operator's, and the words of one site and person.
//!
//! Comes in: entries with the bits that guessing each costs. Goes out: which entries begin at a place of a text, read as it stands or with
//! the usual stand-ins for letters undone. Provenance and licence of the built-in list are in `data/NOTICE.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use fst::raw::{Fst, Output};
use fst::{Map, MapBuilder};

/// Made by `examples/blocklist.rs`; about 108 000 entries.
static COMMON: &[u8] = include_bytes!("../../data/common.fst");

/// Longest entry of any list, in code points; also how deep a walk goes.
pub(super) const LONGEST: usize = 128;

/// Entries, each with its price in bits.
#[derive(Default)]
pub(super) struct Words(Option<Map<Cow<'static, [u8]>>>);

/// An entry that was found in a text.
pub(super) struct Found {
    /// Where it ends, exclusive.
    pub(super) end: usize,
    /// What it costs to guess.
    pub(super) bits: u32,
}

impl Words {
    /// The built-in list. It is empty should the file that was built in be damaged, which [`Words::is_whole`] tells at the start.
    pub(super) fn common() -> &'static Self {
        static LIST: LazyLock<Words> = LazyLock::new(|| Words(Map::new(Cow::Borrowed(COMMON)).ok()));
        &LIST
    }

    /// Whether the built-in list is what was built in: its checksum fits and it has the entries that the guide asks for.
    pub(super) fn is_whole(&self) -> bool {
        self.0.as_ref().is_some_and(|map| map.as_fst().verify().is_ok() && map.len() >= 100_000)
    }

    /// A list of these entries; lower case is made here. Of two equal entries the cheaper counts.
    pub(super) fn new(entries: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut sorted: BTreeMap<String, u32> = BTreeMap::new();
        for (entry, bits) in entries {
            let price = sorted.entry(entry).or_insert(bits);
            *price = bits.min(*price);
        }
        let mut builder = MapBuilder::memory();
        for (entry, bits) in sorted {
            // Sorted and unique: the only two things that a builder can find wrong.
            let _ = builder.insert(entry, u64::from(bits));
        }
        Self(builder.into_inner().ok().and_then(|octets| Map::new(Cow::Owned(octets)).ok()))
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Map::len)
    }

    /// Every entry that begins at `start`. A stand-in costs a bit more, once for each entry.
    pub(super) fn find(&self, text: &[char], start: usize, mut found: impl FnMut(Found)) {
        let Some(automaton) = self.0.as_ref().map(Map::as_fst) else { return };
        let root = Step { at: start, address: automaton.root().addr(), output: Output::zero(), is_disguised: false };
        let mut open = vec![root];
        while let Some(step) = open.pop() {
            let node = automaton.node(step.address);
            if node.is_final() && step.at > start {
                let bits = u32::try_from(step.output.cat(node.final_output()).value()).unwrap_or(u32::MAX);
                found(Found { end: step.at, bits: bits.saturating_add(step.is_disguised.into()) });
            }
            let Some(character) = text.get(step.at).filter(|_| step.at - start < LONGEST) else { continue };
            open.extend(step.next(automaton, *character, step.is_disguised));
            for letter in stands_for(*character) {
                open.extend(step.next(automaton, *letter, true));
            }
        }
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.len())
    }
}

/// A place in the text and in the automaton.
struct Step {
    at: usize,
    address: usize,
    output: Output,
    is_disguised: bool,
}

impl Step {
    /// One character further, which is one to four octets.
    fn next(&self, automaton: &Fst<Cow<'static, [u8]>>, character: char, is_disguised: bool) -> Option<Self> {
        let (mut address, mut output) = (self.address, self.output);
        for octet in character.encode_utf8(&mut [0; 4]).bytes() {
            let node = automaton.node(address);
            let transition = node.transition(node.find_input(octet)?);
            output = output.cat(transition.out);
            address = transition.addr;
        }
        Some(Self { at: self.at + 1, address, output, is_disguised })
    }
}

/// Letters that a character is usually written for.
fn stands_for(character: char) -> &'static [char] {
    match character {
        '0' => &['o'],
        '1' | '!' => &['i', 'l'],
        '|' => &['l', 'i'],
        '3' => &['e'],
        '4' | '@' => &['a'],
        '5' | '$' => &['s'],
        '6' | '9' => &['g'],
        '7' | '+' => &['t'],
        '8' => &['b'],
        '2' => &['z'],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    fn ends(words: &Words, text: &str) -> Vec<(usize, u32)> {
        let text: Vec<char> = text.chars().collect();
        let mut ends = Vec::new();
        words.find(&text, 0, |found| ends.push((found.end, found.bits)));
        ends.sort_unstable();
        ends
    }

    #[test]
    fn the_built_in_list_is_whole() {
        assert!(Words::common().is_whole());
        assert!(!Words::default().is_whole());
        assert!(Words::common().len() >= 100_000, "{}", Words::common().len());
        assert!(ends(Words::common(), "password").contains(&(8, 2)), "the second entry costs two bits");
    }

    #[test]
    fn entries_are_found_as_they_stand_and_in_disguise() {
        let words =
            Words::new([("pass".to_owned(), 3), ("password".to_owned(), 1), ("p4ss".to_owned(), 9), ("пароль".to_owned(), 4)]);
        assert_eq!(ends(&words, "passwords"), [(4, 3), (8, 1)]);
        assert_eq!(ends(&words, "p4$$w0rd"), [(4, 4), (4, 10), (8, 2)], "each of the entries that it may stand for");
        assert_eq!(ends(&words, "p4ss"), [(4, 4), (4, 9)], "and what is listed with its digit costs what the list says");
        assert_eq!(ends(&words, "пароль1"), [(6, 4)]);
        assert_eq!(ends(&words, "pas"), []);
        assert_eq!(ends(&words, ""), []);
    }

    #[test]
    fn the_cheaper_of_two_equal_entries_counts() {
        assert_eq!(ends(&Words::new([("word".to_owned(), 9), ("word".to_owned(), 2)]), "word"), [(4, 2)]);
    }
}
