//! Which passwords may be chosen (D-10, PWD-01, PWD-03): long enough, and not what a guesser comes to soon. No composition rules.

use unicode_normalization::UnicodeNormalization as _;

use super::blocklist::Blocklist;
use super::strength::{self, Estimate, Kind};
use super::words::Words;
use super::{PASSWORD_MAX_OCTETS, Password};

/// Most code points.
const MAX_CODE_POINTS: usize = 128;

/// What a guesser comes to within 2³⁸ attempts is refused: any two entries of the built-in list that are tried early, with what people put
/// before, between and behind them. Four words at random are beyond it (`docs/concepts/passwords.md` has the figures).
const LEAST_BITS: u32 = 38;
const FAIR_BITS: u32 = 50;
const GOOD_BITS: u32 = 65;

/// A word of the site or of the person is among the first four that a guesser tries.
const OWN_BITS: u32 = 2;
/// Shorter ones say nothing about a password that contains them.
const LEAST_OWN: usize = 3;

/// What a person is told at the end of every refusal.
const ADVICE: &str = "Four or more words that have nothing to do with each other are easy to keep and hard to guess";

/// What a guesser would try for this site and this person, besides what everybody tries.
pub(crate) struct Context<'a> {
    pub(crate) site_name: &'a str,
    pub(crate) link_origin: &'a str,
    pub(crate) email: &'a str,
    pub(crate) blocklist: &'a Blocklist,
}

/// How long a password withstands somebody who guesses, in four steps. A hint for the person who chose it, never a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Refused.
    Weak,
    /// Withstands attempts over the network, and little more.
    Fair,
    /// Withstands somebody who stole the store, for years.
    Good,
    /// Withstands whatever is known.
    Strong,
}

impl Strength {
    /// One word for the person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Fair => "fair",
            Self::Good => "good",
            Self::Strong => "strong",
        }
    }

    const fn of_bits(bits: u32) -> Self {
        match bits {
            ..LEAST_BITS => Self::Weak,
            LEAST_BITS..FAIR_BITS => Self::Fair,
            FAIR_BITS..GOOD_BITS => Self::Good,
            _ => Self::Strong,
        }
    }
}

/// What is wrong with a password, in words for the person who chose it. Says why, and never which part was found.
pub(crate) fn fault(password: &Password, min: u32, context: &Context<'_>) -> Option<String> {
    let text = password.0.expose();
    let length = if text.len() > PASSWORD_MAX_OCTETS { usize::MAX } else { text.chars().count() };
    if length < usize::try_from(min).unwrap_or(usize::MAX) {
        Some(format!("Use at least {min} characters"))
    } else if length > MAX_CODE_POINTS {
        Some(format!("Use at most {MAX_CODE_POINTS} characters"))
    } else if text.contains('\0') {
        Some("Leave out the NUL character".to_owned())
    } else {
        let estimate = estimate(text, context);
        (estimate.bits < LEAST_BITS).then(|| format!("{}. {ADVICE}", reason(estimate)))
    }
}

/// The estimate alone, for a password that has the right length.
pub(crate) fn strength(password: &Password, context: &Context<'_>) -> Strength {
    let text = password.0.expose();
    let is_readable = text.len() <= PASSWORD_MAX_OCTETS;
    if is_readable { Strength::of_bits(estimate(text, context).bits) } else { Strength::Weak }
}

/// The lower of two estimates: as it stands, and without what stands between words, since a saying is a saying with spaces as well.
fn estimate(text: &str, context: &Context<'_>) -> Estimate {
    let (lists, own) = ([Words::common(), context.blocklist.words()], own_words(context));
    let as_it_stands = strength::estimate(text, &lists, &own);
    let joined: String = text.chars().filter(|character| !is_between_words(*character)).collect();
    if joined.len() == text.len() {
        return as_it_stands;
    }
    let joined = strength::estimate(&joined, &lists, &own);
    if joined.bits < LEAST_BITS && joined.bits < as_it_stands.bits { joined } else { as_it_stands }
}

fn is_between_words(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '_' | '.' | ',' | ';' | ':' | '\'' | '’' | '?')
}

fn reason(estimate: Estimate) -> &'static str {
    match estimate.mostly {
        Kind::Own => "This password is little more than your address or the name of this site",
        _ if estimate.is_one_entry => "This password is one of those that are tried first",
        Kind::Copy => "This password is something short that is repeated",
        Kind::Run => "This password is little more than neighbouring keys, or letters and digits in their order",
        Kind::Word => "This password is made of words, names or numbers that are tried first",
        Kind::Date | Kind::Trimming | Kind::Free => "This password is too easy to guess",
    }
}

/// The product, the site's name and host, the person's address: whole, in parts, and the parts without what stands between them.
fn own_words(context: &Context<'_>) -> Words {
    let host = context.link_origin.rsplit('/').next().unwrap_or_default();
    let (local, domain) = context.email.split_once('@').unwrap_or((context.email, ""));
    let wholes = ["doorward", context.site_name, host, context.email, local, domain];
    let parts = wholes.iter().flat_map(|whole| whole.split(|c: char| !c.is_alphanumeric())).map(str::to_owned);
    let joined = wholes.iter().map(|whole| whole.chars().filter(|c| c.is_alphanumeric()).collect());
    let folded = |word: String| word.trim().nfkc().flat_map(char::to_lowercase).collect::<String>();
    let words = wholes.iter().map(|whole| (*whole).to_owned()).chain(parts).chain(joined).map(folded);
    Words::new(words.filter(|word| word.chars().count() >= LEAST_OWN).map(|word| (word, OWN_BITS)))
}

#[cfg(test)]
mod tests;
