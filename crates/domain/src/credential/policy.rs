//! Which passwords may be chosen (D-10, PWD-01, PWD-03): long enough, and not what everybody tries first. No composition rules.

use super::{PASSWORD_MAX_OCTETS, Password};

/// Most code points.
const MAX_CODE_POINTS: usize = 128;

/// What must be left of a password once well-known words are taken out of it.
const LEAST_REMAINDER: usize = 8;

/// Fewest different characters: `aaaaaaaaaaaaaaaa` and `1212121212121212` are as good as listed.
const LEAST_DISTINCT: usize = 5;

/// Shorter words say nothing about a password that contains them.
const LEAST_WORD: usize = 4;

/// Well-known passwords, their building blocks, and walks over a keyboard; lower case, one a line.
static BLOCKLIST: &str = include_str!("blocklist.txt");

/// What a guesser would try for this site and this person.
pub(crate) struct Context<'a> {
    pub(crate) site_name: &'a str,
    pub(crate) link_origin: &'a str,
    pub(crate) email: &'a str,
}

/// What is wrong with a password, in words for the person who chose it. Never says which word was found.
pub(crate) fn fault(password: &Password, min: u32, context: &Context<'_>) -> Option<String> {
    let text = password.0.expose();
    let length = if text.len() > PASSWORD_MAX_OCTETS { usize::MAX } else { text.chars().count() };
    if length < usize::try_from(min).unwrap_or(usize::MAX) {
        Some(format!("Use at least {min} characters"))
    } else if length > MAX_CODE_POINTS {
        Some(format!("Use at most {MAX_CODE_POINTS} characters"))
    } else if text.contains('\0') {
        Some("Leave out the NUL character".to_owned())
    } else if is_well_known(text, context) {
        Some("This password is easy to guess: leave out well-known words, your address and the name of the site".to_owned())
    } else {
        None
    }
}

fn is_well_known(text: &str, context: &Context<'_>) -> bool {
    let plain = plain(text);
    let mut distinct: Vec<char> = plain.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() < LEAST_DISTINCT || remainder(plain, context) < LEAST_REMAINDER
}

/// Characters left when every well-known word is taken out, longest first, so that `password` goes before `word`.
/// Digits and punctuation count for nothing: `2026!!!!` is what people append.
fn remainder(plain: String, context: &Context<'_>) -> usize {
    let own = own_words(context);
    let mut words: Vec<&str> =
        BLOCKLIST.lines().chain(own.iter().map(String::as_str)).filter(|word| word.len() >= LEAST_WORD).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut left = plain;
    let mut is_weakened = false;
    for word in words {
        if left.contains(word) {
            left = left.replace(word, "\0");
            is_weakened = true;
        }
    }
    if is_weakened { left.chars().filter(|c| c.is_alphabetic()).count() } else { usize::MAX }
}

/// Lower case, with the usual stand-ins for letters undone.
fn plain(text: &str) -> String {
    text.to_lowercase().chars().map(unleet).collect()
}

fn unleet(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// The product, the site's name and host, the person's address: whole and in parts.
fn own_words(context: &Context<'_>) -> Vec<String> {
    let host = context.link_origin.rsplit('/').next().unwrap_or_default();
    let (local, domain) = context.email.split_once('@').unwrap_or((context.email, ""));
    let wholes = [context.site_name, host, context.email, local, domain];
    let parts = wholes.iter().flat_map(|whole| whole.split(|c: char| !c.is_alphanumeric()));
    std::iter::once("doorward").chain(wholes).chain(parts).map(|word| plain(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Context, fault};
    use crate::credential::Password;

    fn verdict(text: &str) -> bool {
        let context =
            Context { site_name: "Blue Harbour", link_origin: "https://app.harbour.example", email: "annabel.lee@post.example" };
        fault(&Password::new(text.to_owned()), 15, &context).is_none()
    }

    #[test]
    fn long_passwords_of_any_characters_are_taken() {
        for text in [
            "correct horse battery staple",
            " leading and trailing ",
            "пароль из многих слов",
            "🦀🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍",
            "xkJ2-9fQp.Zw81+Lm",
        ] {
            assert!(verdict(text), "{text}");
        }
        assert!(verdict(&"aB3$xyzq".repeat(16)));
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert!(!verdict("vierzehn zeich"));
        assert!(verdict("fünfzehn zeiche"));
        assert!(!verdict(&"aB3$xyzq.".repeat(15)));
        assert!(!verdict("nul inside\0 of a password"));
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for text in [
            "passwordpassword",
            "P@ssw0rd!P@ssw0rd!",
            "doorward2026!!!!",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "123456789012345",
            "annabel.lee@post.example",
            "AnnabelLee20261",
            "blueharbour2026",
            "iloveyou1234567890",
        ] {
            assert!(!verdict(text), "{text}");
        }
    }
}
