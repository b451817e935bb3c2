//! Identifiers as they are counted: any text at all folds to something, so that spelling variants share one counter (APP-RL-06).

use doorward_kit::Host;
use unicode_normalization::UnicodeNormalization as _;

/// Longest text that is folded; longer text is no address and is counted as it is.
const MAX_OCTETS: usize = 512;

/// One spelling for the many of an identifier: invisible characters dropped, trimmed, NFKC, lower case, domain as A-labels.
pub(crate) fn fold(text: &str) -> String {
    if text.len() > MAX_OCTETS {
        return text.to_owned();
    }
    let visible: String = text.chars().filter(|c| !is_ignorable(*c)).nfkc().collect();
    let lower: String = visible.to_lowercase().nfkc().collect();
    let lower = lower.trim();
    match lower.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", local.trim_end(), fold_domain(domain.trim_start())),
        None => lower.to_owned(),
    }
}

/// The counter's name for an address: [`fold`], and without `+tag` and dots in the local part, which one mailbox can have many of.
pub(crate) fn limiter(text: &str) -> String {
    let folded = fold(text);
    match folded.rsplit_once('@') {
        Some((local, domain)) => {
            let untagged = local.split('+').next().unwrap_or(local);
            format!("{}@{domain}", untagged.replace('.', ""))
        }
        None => folded,
    }
}

fn fold_domain(domain: &str) -> String {
    let plain = domain.trim_end_matches('.');
    plain.parse::<Host>().map_or_else(|_| plain.to_owned(), |host| host.as_str().to_owned())
}

/// Characters that change nothing a person sees (Unicode Default_Ignorable_Code_Point, the assigned ones).
pub(super) fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::limiter;

    #[test]
    fn app_rl_06_every_spelling_of_an_address_shares_one_counter() {
        for spelling in [
            "a@x",
            "A@X",
            " a@x ",
            "a@x.",
            "ａ＠ｘ",
            "Ａ@Ｘ．",
            "a\u{200b}@x",
            "\u{feff}a@\u{ad}x",
            "\ta@x\r\n",
            "a+shop@x",
            "a.@x",
        ] {
            assert_eq!(limiter(spelling), "a@x", "{spelling:?}");
        }
        assert_eq!(limiter("a@bücher.example"), limiter("A@xn--bcher-kva.EXAMPLE"));
        assert_ne!(limiter("a@x"), limiter("b@x"));
        assert_ne!(limiter("a@x"), limiter("a@y"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_folds_and_folding_again_changes_nothing(text in "\\PC{0,80}") {
            let once = super::fold(&text);
            proptest::prop_assert_eq!(super::fold(&once), once);
        }
    }
}
