//! An operator's own list of passwords: `accounts.blocklist_file`.
//!
//! Comes in: octets, one entry a line, those that are used most before the others. Goes out: the list, or the line that is not right. It
//! opens no file.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::words::{LONGEST, Words};

/// Shorter entries stand in too many good passwords to say anything.
const SHORTEST: usize = 3;

/// Entries that no password may be, nor be little more than.
#[derive(Debug, Default)]
pub struct Blocklist {
    words: Words,
    ignored: usize,
}

impl Blocklist {
    /// Longest file that is read: about two million entries.
    pub const MAX_OCTETS: u64 = 32 * 1024 * 1024;

    /// Reads a list. Empty lines and entries under three characters are passed over, case does not matter, and there are no comments: a
    /// password may begin with any character. A line's number is its rank, see `docs/concepts/passwords.md`.
    ///
    /// # Errors
    /// [`BlocklistFault`], for the first line that cannot be part of any password.
    pub fn parse(text: &[u8]) -> Result<Self, BlocklistFault> {
        let mut entries = Vec::new();
        let mut ignored = 0;
        for (index, line) in text.split(|octet| *octet == b'\n').enumerate() {
            let fault = |problem| BlocklistFault { line: index + 1, problem };
            let line = std::str::from_utf8(line).map_err(|_| fault(BlocklistProblem::NotUtf8))?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            // Some editors put a byte order mark before the first line.
            let line = if index == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
            if line.contains(char::is_control) {
                return Err(fault(BlocklistProblem::Control));
            }
            let entry: String = line.nfkc().flat_map(char::to_lowercase).collect();
            match entry.chars().count() {
                0 => {}
                1..SHORTEST => ignored += 1,
                SHORTEST..=LONGEST => entries.push((entry, usize::BITS - (index + 1).leading_zeros())),
                _ => return Err(fault(BlocklistProblem::TooLong)),
            }
        }
        Ok(Self { words: Words::new(entries), ignored })
    }

    /// Whether the list that is built into the binary is undamaged. Nobody should start without it.
    #[must_use]
    pub fn is_common_list_whole() -> bool {
        Words::common().is_whole()
    }

    /// Entries that are in force.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether nothing is in force.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that were passed over as too short.
    #[must_use]
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    pub(super) fn words(&self) -> &Words {
        &self.words
    }
}

/// A line that is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {problem}")]
pub struct BlocklistFault {
    /// Counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub problem: BlocklistProblem,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlocklistProblem {
    /// The file has another encoding.
    NotUtf8,
    /// A control character, as in a file of hashes with tabs or a file that is no text.
    Control,
    /// Longer than any password that would be taken.
    TooLong,
}

impl fmt::Display for BlocklistProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("not UTF-8"),
            Self::Control => f.write_str("holds a control character; one entry a line is expected"),
            Self::TooLong => write!(f, "longer than {LONGEST} characters"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Blocklist, BlocklistFault, BlocklistProblem};

    #[test]
    fn one_entry_a_line_in_any_case_and_with_either_line_end() {
        let list = Blocklist::parse("\u{feff}Turbine Hall\r\nab\n\n#hash\nTURBINE hall\nﬀ-works\n".as_bytes()).unwrap();
        assert_eq!((list.len(), list.ignored(), list.is_empty()), (3, 1, false));
        assert!(Blocklist::parse(b"").unwrap().is_empty());
    }

    #[test]
    fn the_first_line_that_is_not_right_is_named() {
        let long = format!("turbine\n{}\n", "x".repeat(129));
        for (text, line, problem) in [
            (&b"turbine\n\xff\xfe\n"[..], 2, BlocklistProblem::NotUtf8),
            (b"turbine\n\nhash\t12\n", 3, BlocklistProblem::Control),
            (b"\0", 1, BlocklistProblem::Control),
            (long.as_bytes(), 2, BlocklistProblem::TooLong),
        ] {
            assert_eq!(Blocklist::parse(text).err(), Some(BlocklistFault { line, problem }));
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_a_list_or_a_fault_of_one_of_their_lines(octets in prop::collection::vec(any::<u8>(), 0..400)) {
            let lines = octets.iter().filter(|octet| **octet == b'\n').count() + 1;
            match Blocklist::parse(&octets) {
                Ok(list) => prop_assert!(list.len() + list.ignored() <= lines),
                Err(fault) => prop_assert!((1..=lines).contains(&fault.line)),
            }
        }
    }
}
