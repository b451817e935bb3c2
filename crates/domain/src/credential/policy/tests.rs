//! Both directions: what must be refused, and what must not.

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
    assert_eq!(said(&"aB3$kzqw".repeat(16)), None);
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

/// Ordinary words, so that a passphrase of them is harder to take than one of a long list.
const WORDS: &str = "anchor apron arrow attic badge bakery banjo barn basin beacon beetle bench berry blanket boulder branch brick bridge \
    brook broom bucket button cabin cactus camel candle canoe canyon cargo carpet carrot castle cedar cellar chalk cherry chimney circle \
    clay cliff clover coal cobble comet copper coral corner cotton cradle crater creek cricket crown crystal curtain daisy desert ditch \
    dolphin donkey drawer drizzle drum eagle easel elbow engine fabric falcon feather fence ferry fiddle flannel flint flour fossil \
    fountain fox garden garlic gate ginger glacier glove goblet gravel grove hammer hammock harvest hazel hedge helmet heron hinge hollow \
    honey hornet iceberg igloo island ivory jacket jigsaw jungle kettle kitchen kite ladder lagoon lantern lavender ledge lemon lilac \
    linen lizard lobster lumber magnet mantle maple marble market meadow melon mirror mitten moss mountain muffin mustard needle nettle \
    nickel nutmeg oak oat olive onion orchard otter oven oyster paddle palace panther parcel parsley pebble pepper pickle pigeon pillow \
    plank plum pocket pond poppy potato prairie pudding puddle pumpkin quarry quilt rabbit radish raft raven ribbon river rocket saddle \
    saffron sail salmon sandal satchel scarf shovel shutter silver sparrow spoon squirrel stable statue stone stream sugar sunset \
    tablet teapot thicket thistle thunder timber tomato trumpet tulip tunnel turnip turtle umbrella valley vase velvet village violin \
    walnut wagon waffle wheat whistle willow window winter yarn zipper";

/// Picks that are the same in every run.
fn passphrases(words: usize, separator: &str, count: usize) -> Vec<String> {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    let list: Vec<&str> = WORDS.split_whitespace().collect();
    let mut dice = ChaCha20Rng::seed_from_u64(7);
    let length = u64::try_from(list.len()).unwrap();
    let mut pick = || list[usize::try_from(dice.next_u64() % length).unwrap()];
    (0..count).map(|_| (0..words).map(|_| pick()).collect::<Vec<_>>().join(separator)).collect()
}

/// The part of them that is refused, in thousandths.
fn refused(passphrases: &[String]) -> usize {
    passphrases.iter().filter(|text| said(text).is_some()).count() * 1_000 / passphrases.len()
}

#[test]
fn four_words_at_random_pass_however_they_are_joined_and_two_do_not() {
    for separator in [" ", "-", ""] {
        let four = refused(&passphrases(4, separator, 200));
        assert!(four <= 5, "four words joined by {separator:?}: {four} of a thousand");
    }
    let two = refused(&passphrases(2, " ", 200));
    assert!(two >= 950, "two words: {two} of a thousand");
    let trimmed: Vec<String> = passphrases(2, " ", 200).iter().map(|words| format!("{words} 2026!!!!")).collect();
    assert!(refused(&trimmed) >= 500, "two words, a year and exclamation marks: {} of a thousand", refused(&trimmed));
}

#[test]
fn what_a_generator_draws_passes() {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    let mut dice = ChaCha20Rng::seed_from_u64(8);
    for alphabet in
        ["abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789!#%+:=?@"]
    {
        let signs: Vec<char> = alphabet.chars().collect();
        let count = u64::try_from(signs.len()).unwrap();
        for _ in 0..100 {
            let text: String = (0..16).map(|_| signs[usize::try_from(dice.next_u64() % count).unwrap()]).collect();
            assert_eq!(said(&text), None, "{text}");
        }
    }
}

/// How long a judgement takes at best of a few.
fn time(text: &str) -> std::time::Duration {
    let once = || {
        let begun = std::time::Instant::now();
        let _ = said(text);
        begun.elapsed()
    };
    (0..5).map(|_| once()).min().unwrap_or_default()
}

#[test]
fn no_password_takes_much_longer_to_judge_than_any_other_of_its_length() {
    let usual: String = passphrases(20, " ", 1).concat().chars().take(128).collect();
    let bound = time(&usual) * 20 + std::time::Duration::from_millis(20);
    for unit in ["a", "1", "!", "1!", "1l!i|", "0o", "4a@", "s5$", "password", "p4$$w0rd", "qwerty", "\u{fdfa}", "İ", "ß", "1a"]
    {
        let text: String = unit.chars().cycle().take(128).collect();
        let took = time(&text);
        assert!(took < bound, "{unit} takes {took:?}, {bound:?} would be much");
    }
}
