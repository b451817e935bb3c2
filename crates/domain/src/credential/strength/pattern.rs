//! What people type when they need no word: neighbouring keys, alphabets, years, and the same thing again.

use super::{BIT, Price};

/// Fewer characters are no copy of anything.
pub(super) const SHORTEST_COPY: usize = 3;
/// Fewer neighbours are chance.
const SHORTEST_RUN: usize = 3;

/// More digits, or more of one sign, are no longer what everybody does.
const MOST: usize = 4;
/// `1`, `!`, `123`, a year, a year with exclamation marks.
const PRICE_OF_TRIMMINGS: Price = 7 * BIT;

/// Rows and columns of the usual keyboards, each read in both directions.
static ROWS: [&str; 20] = [
    "1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn,;:!",
    "!@#$%^&*()_+",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
];

/// Which row and which end: five bits. How far is added by length.
const PRICE_OF_RUN: Price = 5 * BIT;
/// 1900 to 2099, and those that people like are few: seven bits.
const PRICE_OF_YEAR: Price = 7 * BIT;
/// A day of the last hundred years.
const PRICE_OF_DAY: Price = 15 * BIT;

/// Runs that begin at `start`: every length of the longest one, with its price.
pub(super) fn runs(text: &[char], start: usize) -> impl Iterator<Item = (usize, Price)> {
    let rest = &text[start..];
    let longest = steps(rest, 1).max(steps(rest, -1)).max(keys(rest));
    (SHORTEST_RUN..=longest).map(move |length| (start + length, PRICE_OF_RUN + logarithm(length)))
}

/// Code points that follow each other: `abcd`, `9876`.
fn steps(text: &[char], step: i64) -> usize {
    let follows = |pair: &[char]| {
        let is_fit = pair.iter().all(|character| character.is_alphanumeric());
        is_fit && i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step
    };
    1 + text.windows(2).take_while(|pair| follows(pair)).count()
}

/// Neighbours in a row of keys.
fn keys(text: &[char]) -> usize {
    let Some(first) = text.first() else { return 0 };
    let along = |row: &mut dyn Iterator<Item = char>| {
        row.skip_while(|key| key != first).zip(text).take_while(|(key, character)| key == *character).count()
    };
    ROWS.iter().flat_map(|row| [along(&mut row.chars()), along(&mut row.chars().rev())]).max().unwrap_or(0)
}

/// One character several times over: what is added to the price of the character.
pub(super) fn same(text: &[char], start: usize) -> impl Iterator<Item = (usize, Price)> {
    let longest = text[start..].iter().take_while(|character| **character == text[start]).count();
    (2..=longest).map(move |length| (start + length, logarithm(length)))
}

/// What people put before and behind a word: up to four digits, up to four times the same sign, in either order.
pub(super) fn trimmings(text: &[char], start: usize) -> Option<(usize, Price)> {
    let (rest, is_sign) = (&text[start..], |character: char| !character.is_alphanumeric());
    let first = rest.iter().take_while(|character| character.is_ascii_digit()).count();
    let sign = rest.get(first).copied().filter(|character| is_sign(*character));
    let signs = rest[first..].iter().take_while(|character| Some(**character) == sign).count();
    let second = rest[first + signs..].iter().take_while(|character| character.is_ascii_digit()).count();
    let length = first + signs + second;
    let is_usual = (first == 0 || second == 0) && (1..=MOST).contains(&first.max(second).max(signs));
    let is_at_an_end = start == 0 || start + length == text.len();
    (is_usual && is_at_an_end && length < text.len()).then_some((start + length, PRICE_OF_TRIMMINGS))
}

/// Years, and days written in digits alone.
pub(super) fn dates(text: &[char], start: usize) -> impl Iterator<Item = (usize, Price)> {
    let digits: Vec<u32> = text[start..].iter().take(8).map_while(|character| character.to_digit(10)).collect();
    let year = digits.get(..4).is_some_and(is_year).then_some((start + 4, PRICE_OF_YEAR));
    let day = digits.get(..8).is_some_and(is_day).then_some((start + 8, PRICE_OF_DAY));
    year.into_iter().chain(day)
}

fn is_year(digits: &[u32]) -> bool {
    matches!(digits, [1, 9, ..] | [2, 0, ..])
}

/// `ddmmyyyy`, `mmddyyyy` or `yyyymmdd`.
fn is_day(digits: &[u32]) -> bool {
    let two = |at: usize| digits[at] * 10 + digits[at + 1];
    let is_pair = |first: u32, second: u32| {
        let (small, large) = (first.min(second), first.max(second));
        (1..=12).contains(&small) && (1..=31).contains(&large)
    };
    is_year(&digits[4..]) && is_pair(two(0), two(2)) || is_year(&digits[..4]) && is_pair(two(4), two(6))
}

/// For each place, how many characters from there on stood somewhere before; they may reach into themselves, as in `aaaa`.
pub(super) fn copies(text: &[char]) -> Vec<usize> {
    let count = text.len();
    let mut longest = vec![0; count];
    // Common beginnings of what starts at `earlier` and at `later`, from the back.
    let mut after = vec![0_usize; count + 1];
    for earlier in (0..count).rev() {
        let mut here = vec![0_usize; count + 1];
        for later in (earlier + 1..count).rev() {
            here[later] = if text[earlier] == text[later] { after[later + 1] + 1 } else { 0 };
            longest[later] = longest[later].max(here[later]);
        }
        after = here;
    }
    longest
}

/// That something is repeated, and from where.
pub(super) fn price_of_copy(start: usize) -> Price {
    2 * BIT + logarithm(start)
}

/// Tenths of the logarithm to base two, rounded up to whole bits.
fn logarithm(count: usize) -> Price {
    BIT * (usize::BITS - count.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::{copies, dates, runs, trimmings};

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn runs_are_found_in_both_directions() {
        let longest = |text: &str| runs(&chars(text), 0).map(|(end, _)| end).max();
        for (text, end) in [
            ("abcdx", Some(4)),
            ("9876x", Some(4)),
            ("qwertz", Some(6)),
            ("poiu", Some(4)),
            ("йцукен", Some(6)),
            ("2wsx3", Some(4)),
            ("890-", Some(4)),
            ("ab", None),
            ("", None),
            ("aaa", None),
            ("!@#$%", Some(5)),
        ] {
            assert_eq!(longest(text), end, "{text}");
        }
    }

    #[test]
    fn years_and_days_are_found() {
        let ends = |text: &str| dates(&chars(text), 0).map(|(end, _)| end).collect::<Vec<_>>();
        assert_eq!(ends("2026!"), [4]);
        assert_eq!(ends("31121999"), [8]);
        assert_eq!(ends("12311999"), [8]);
        assert_eq!(ends("19991231"), [4, 8]);
        assert_eq!(ends("31311999"), [0; 0]);
        assert_eq!(ends("1850"), [0; 0]);
        assert_eq!(ends("20"), [0; 0]);
    }

    #[test]
    fn trimmings_stand_at_the_ends_and_are_not_all() {
        let end = |text: &str, start: usize| trimmings(&chars(text), start).map(|(end, _)| end);
        for (text, start, expected) in [
            ("12word", 0, Some(2)),
            ("word2026!!!!", 4, Some(12)),
            ("word!!1", 4, Some(7)),
            ("word!", 4, Some(5)),
            ("12345word", 0, None),
            ("word!?", 4, None),
            ("word12345678", 4, None),
            ("wo12rd", 2, None),
            ("1234", 0, None),
            ("word", 0, None),
        ] {
            assert_eq!(end(text, start), expected, "{text}");
        }
    }

    #[test]
    fn copies_may_reach_into_themselves() {
        assert_eq!(copies(&chars("abcabc")), [0, 0, 0, 3, 2, 1]);
        assert_eq!(copies(&chars("aaaa")), [0, 3, 2, 1]);
        assert_eq!(copies(&chars("")), [0; 0]);
    }
}
