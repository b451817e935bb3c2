//! Text that others will see: no character that disturbs what stands round it (PROF-02, INPUT-10).

use super::model::DISPLAY_NAME_MAX_CHARS;

/// What is wrong with a text of one line.
pub(crate) fn line_fault(text: &str, max_chars: usize) -> Option<String> {
    fault(text, max_chars, disturbs)
}

/// What somebody else calls a person, if it can be a display name as it is; else nothing.
pub(crate) fn display_name(told: &str) -> String {
    let told = told.trim_matches(' ');
    if line_fault(told, DISPLAY_NAME_MAX_CHARS).is_none() { told.to_owned() } else { String::new() }
}

/// What is wrong with a text of several lines.
pub(super) fn lines_fault(text: &str, max_chars: usize) -> Option<String> {
    fault(text, max_chars, |character| !matches!(character, '\n' | '\r' | '\t') && disturbs(character))
}

fn fault(text: &str, max_chars: usize, is_refused: impl Fn(char) -> bool) -> Option<String> {
    if text.chars().count() > max_chars {
        Some(format!("Use at most {max_chars} characters"))
    } else if text.chars().any(is_refused) {
        Some("Leave out control characters".to_owned())
    } else {
        None
    }
}

/// Controls, line separators, and what turns the writing direction of the text that follows. Joiners stay: names need them.
fn disturbs(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
