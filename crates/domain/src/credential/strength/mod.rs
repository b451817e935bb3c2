//! How many guesses a password withstands, by somebody who knows the lists, the keyboard, the site and the person.
//!
//! Comes in: a text and the lists. Goes out: bits, and what the text mostly consists of. The cheapest way to put the text together from
//! entries, runs, dates, copies and single characters is found by dynamic programming; its cost is the estimate, never more than what a
//! guesser needs who goes the same way. It never says, stores or logs what it found where.

mod pattern;

use unicode_normalization::UnicodeNormalization as _;

use super::words::Words;

/// Characters beyond are not looked at: what stands before is enough to judge.
const MAX_LOOKED_AT: usize = 160;

/// A price in tenths of a bit.
type Price = u32;
const BIT: Price = 10;

/// What a stretch of a password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Characters that follow no rule that is looked for.
    Free,
    /// An entry of a list.
    Word,
    /// A word of the site or of the person.
    Own,
    /// Neighbours: in the alphabet, among the digits, or on a keyboard.
    Run,
    /// A year or a date.
    Date,
    /// Something that stood before.
    Copy,
    /// Digits and signs before or behind the rest.
    Trimming,
}

const KINDS: [Kind; 7] = [Kind::Own, Kind::Copy, Kind::Run, Kind::Word, Kind::Date, Kind::Trimming, Kind::Free];

/// Part of a way to put the text together.
struct Piece {
    end: usize,
    price: Price,
    kind: Kind,
}

/// What was found out about a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Logarithm to base two of the guesses.
    pub(super) bits: u32,
    /// What most of it is made of.
    pub(super) mostly: Kind,
    /// All of it is one entry of a list, but for digits and punctuation.
    pub(super) is_one_entry: bool,
}

/// One character of the text, in the form in which it is compared.
#[derive(Clone, Copy)]
struct Letter {
    folded: char,
    is_upper: bool,
}

/// Estimates a text.
pub(super) fn estimate(text: &str, lists: &[&Words], own: &Words) -> Estimate {
    let letters: Vec<Letter> = text.nfkc().flat_map(fold).take(MAX_LOOKED_AT).collect();
    let folded: Vec<char> = letters.iter().map(|letter| letter.folded).collect();
    let copies = pattern::copies(&folded);
    // The cheapest way to each place, and the last piece of it.
    let mut best: Vec<(Price, usize, Kind)> = vec![(Price::MAX, 0, Kind::Free); letters.len() + 1];
    best[0].0 = 0;
    for start in 0..letters.len() {
        let paid = best[start].0;
        for piece in pieces(&letters, &folded, start, copies[start], lists, own) {
            let total = paid.saturating_add(piece.price);
            if total < best[piece.end].0 {
                best[piece.end] = (total, start, piece.kind);
            }
        }
    }
    sum_up(&letters, &best)
}

fn fold(character: char) -> impl Iterator<Item = Letter> {
    let is_upper = character.is_uppercase();
    character.to_lowercase().map(move |folded| Letter { folded, is_upper })
}

fn pieces(letters: &[Letter], text: &[char], start: usize, copy: usize, lists: &[&Words], own: &Words) -> Vec<Piece> {
    let mut pieces = vec![Piece { end: start + 1, price: price_of(letters[start]), kind: Kind::Free }];
    for list in lists {
        list.find(text, start, |found| pieces.push(Piece { end: found.end, price: found.bits * BIT, kind: Kind::Word }));
    }
    own.find(text, start, |found| pieces.push(Piece { end: found.end, price: found.bits * BIT, kind: Kind::Own }));
    pieces.extend(pattern::runs(text, start).map(|(end, price)| Piece { end, price, kind: Kind::Run }));
    pieces.extend(pattern::trimmings(text, start).map(|(end, price)| Piece { end, price, kind: Kind::Trimming }));
    pieces.extend(pattern::dates(text, start).map(|(end, price)| Piece { end, price, kind: Kind::Date }));
    let single = price_of(letters[start]);
    pieces.extend(pattern::same(text, start).map(|(end, price)| Piece { end, price: single + price, kind: Kind::Copy }));
    let price = pattern::price_of_copy(start);
    pieces.extend((pattern::SHORTEST_COPY..=copy).map(|length| Piece { end: start + length, price, kind: Kind::Copy }));
    pieces
}

/// A character that nothing foretells. What people put between words is worth little.
fn price_of(letter: Letter) -> Price {
    let plain = match letter.folded {
        ' ' | '-' | '_' | '.' | ',' => BIT,
        '0'..='9' => 33,
        'a'..='z' => 47,
        character if character.is_ascii() => 50,
        character if character.is_alphabetic() => 50,
        _ => 70,
    };
    if letter.is_upper { plain + BIT } else { plain }
}

/// Walks the cheapest way back and counts what it consists of.
fn sum_up(letters: &[Letter], best: &[(Price, usize, Kind)]) -> Estimate {
    let mut counts = [0_usize; KINDS.len()];
    let (mut words, mut others) = (0, 0);
    let mut end = letters.len();
    while end > 0 {
        let (_, start, kind) = best[end];
        let letters_in_it = letters[start..end].iter().filter(|letter| letter.folded.is_alphabetic()).count();
        match kind {
            Kind::Word => words += 1,
            _ => others += letters_in_it,
        }
        if let Some(index) = KINDS.iter().position(|known| *known == kind) {
            counts[index] += end - start;
        }
        end = start;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let mostly = counts.iter().position(|count| *count == most).map_or(Kind::Free, |index| KINDS[index]);
    let bits = best.last().map_or(0, |(price, ..)| price / BIT);
    Estimate { bits, mostly, is_one_entry: words == 1 && others == 0 }
}

#[cfg(test)]
mod tests {
    use super::{Estimate, Kind, estimate};
    use crate::credential::words::Words;

    fn of(text: &str) -> Estimate {
        estimate(text, &[Words::common()], &Words::new([("harbour".to_owned(), 2)]))
    }

    #[test]
    fn what_a_password_mostly_is() {
        for (text, kind) in [
            ("blueharbour-harbour", Kind::Own),
            ("ab.cdef.cdef.cdef.cdef.cdef", Kind::Copy),
            ("poiuytrewq0987654321", Kind::Run),
            ("monkeydragonshadow", Kind::Word),
            ("xkJ2-9fQp.Zw81+Lm", Kind::Free),
        ] {
            assert_eq!(of(text).mostly, kind, "{text}");
        }
    }

    #[test]
    fn one_entry_with_what_is_appended_is_one_entry() {
        assert!(of("P@ssw0rd2026!!!!").is_one_entry);
        assert!(of("password").is_one_entry);
        assert!(!of("monkeydragon2026").is_one_entry);
        assert!(!of("").is_one_entry);
    }

    #[test]
    fn repeating_adds_next_to_nothing() {
        let (once, often) = (of("vkq8rz"), of(&"vkq8rz".repeat(20)));
        assert!(often.bits < once.bits + 8, "{once:?} {often:?}");
    }

    #[test]
    fn more_words_are_more_bits() {
        let four = of("lantern oxide puddle verbose").bits;
        assert!(of("lantern oxide puddle").bits < four && four < of("lantern oxide puddle verbose gravel").bits);
    }
}
