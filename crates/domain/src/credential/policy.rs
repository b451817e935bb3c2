//! Which passwords may be chosen (D-10, PWD-01, PWD-03): long enough, and not what a guesser comes to soon. No composition rules.

use unicode_normalization::UnicodeNormalization as _;

use super::blocklist::Blocklist;
use super::strength::{self, Estimate, Kind};
use super::words::Words;
use super::{PASSWORD_MAX_OCTETS, Password};

/// Most code points.
const MAX_CODE_POINTS: usize = 128;

/// What a guesser comes to within 2³⁴ attempts is refused: any two entries of the built-in list, with what people put before, between and
/// behind them. Four words that have nothing to do with each other are beyond (`docs/concepts/passwords.md` has the figures).
const LEAST_BITS: u32 = 34;
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
        Kind::Date | Kind::Free => "This password is too easy to guess",
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
mod tests {
    use super::{Context, Strength, fault, strength};
    use crate::credential::{Blocklist, Password};

    fn with<T>(blocklist: &Blocklist, judge: impl FnOnce(&Context<'_>) -> T) -> T {
        judge(&Context {
            site_name: "Blue Harbour",
            link_origin: "https://app.harbour.example",
            email: "annabel.lee@post.example",
            blocklist,
        })
    }

    fn said(text: &str) -> Option<String> {
        with(&Blocklist::default(), |context| fault(&Password::new(text.to_owned()), 15, context))
    }

    #[test]
    fn long_passwords_of_any_characters_are_taken() {
        for text in [
            "copper lantern meadow violin",
            " leading and trailing ",
            "пароль из многих слов",
            "🦀🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍",
            "xkJ2-9fQp.Zw81+Lm",
            "zeven dwaze kikkers zwemmen",
            "vier unruhige Ziegel tanzen",
            "les hiboux mangent du carton",
            "tangled-walnut-bicycle-comet",
            "TangledWalnutBicycleComet",
            "my cat's 3rd birthday was wet",
            "9f8b1c77e02d4a5e",
            "日本語の長いパスフレーズは安全です",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
        assert_eq!(said(&"aB3$xyzq".repeat(16)), None);
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert!(said("vierzehn zeich").is_some());
        assert_eq!(said("fünfzehn zeiche"), None);
        assert!(said(&"aB3$xyzq.".repeat(15)).is_some());
        assert!(said("nul inside\0 of a password").is_some());
    }

    #[test]
    fn what_everybody_tries_is_refused_and_the_reason_is_named() {
        for (reason, texts) in [
            ("tried first", &["P@ssw0rd2026!!!!", "!!!!!!dragon!!!!!!", "ｐａｓｓｗｏｒｄ２０２６！！！！"][..]),
            ("repeated", &["P@ssw0rd!P@ssw0rd!", "aaaaaaaaaaaaaaaa", "zqx9zqx9zqx9zqx9zqx9", "ab1ab1ab1ab1ab1ab1"]),
            ("neighbouring", &["abcdefghijklmnop", "poiuytrewqlkjhgfdsa", "йцукенгшщзфывап"]),
            (
                "words, names or numbers",
                &[
                    "passwordpassword",
                    "iloveyou1234567890",
                    "monkeydragonshadow",
                    "Football-Baseball-1987",
                    "sunshine princess 1",
                    "Liverpool_Chelsea_99",
                ],
            ),
            ("tried first", &["Correct horse battery staple!", "To be, or not to be: that is the question?"]),
            (
                "your address or the name",
                &[
                    "annabel.lee@post.example",
                    "AnnabelLee20261",
                    "blueharbour2026",
                    "doorward2026!!!!",
                    "D00rw4rd-D00rw4rd",
                    "8lu3-h4rb0ur-2026",
                    "harbour.example1",
                    "annabel@harbour!",
                ],
            ),
        ] {
            for text in texts {
                let said = said(text).unwrap_or_else(|| panic!("{text} is taken"));
                assert!(said.contains(reason), "{text}: {said}");
            }
        }
    }

    #[test]
    fn what_is_said_never_holds_a_part_of_the_password() {
        for text in ["monkeydragonshadow", "blueharbour2026", "zqx9zqx9zqx9zqx9zqx9"] {
            let said = said(text).expect("refused").to_lowercase();
            for part in ["monkey", "dragon", "shadow", "harbour", "2026", "zqx"] {
                assert!(!said.contains(part), "{said}");
            }
        }
    }

    #[test]
    fn the_list_of_the_operator_counts_as_words_of_everybody() {
        let list = Blocklist::parse(b"quarterdeck\nnorthwind\nvoortrekker bazaar\n").unwrap();
        for text in ["Quarterdeck-Northwind!", "voortrekker bazaar", "qu4rterd3ckqu4rterd3ck", "northwind 31121999"] {
            let password = Password::new(text.to_owned());
            assert!(with(&list, |context| fault(&password, 15, context)).is_some(), "{text}");
        }
        assert_eq!(said("quarterdeck-northwind!"), None, "without the list it is taken");
    }

    #[test]
    fn the_four_steps_are_in_order_and_weak_is_what_is_refused() {
        let of = |text: &str| with(&Blocklist::default(), |context| strength(&Password::new(text.to_owned()), context));
        assert_eq!(of("monkeydragonshadow"), Strength::Weak);
        assert_eq!(of("harbour tiger lantern puddle"), Strength::Fair);
        assert_eq!(of("copper lantern meadow violin"), Strength::Good);
        assert_eq!(of("xkJ2-9fQp.Zw81+Lm"), Strength::Strong);
        assert_eq!(of(&"x".repeat(600)), Strength::Weak, "what is too long to be read is worth nothing");
    }
}
