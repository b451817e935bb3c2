//! `[headers]`

use super::Scene;
use crate::model::{Env, Headers};
use crate::reader::{Item, Problem, Section};

pub(crate) fn headers(section: &Section<'_>, scene: &Scene<'_>) -> Option<Headers> {
    let csp = section.maybe("danger_content_security_policy", |item| danger_csp(item, scene));
    section.finish();
    Some(Headers { danger_content_security_policy: csp?.map(|located| located.value) })
}

fn danger_csp(item: &Item<'_>, scene: &Scene<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    if !matches!(scene.env, Some(Env::Development | Env::Staging)) {
        return Err(Problem::new("is refused in production", "pages keep the policy of the guide"));
    }
    if has_nonce(text) {
        return Err(Problem::new("has a nonce", "one that is written down is the same in every answer and protects nothing"));
    }
    if csp_is_legal(text) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not a Content-Security-Policy", "directives apart by ;, none twice, no comma and no template text"))
    }
}

/// A nonce must be new with every answer (CSP3 §7.1, HDR-17); names and keywords ignore case.
fn has_nonce(text: &str) -> bool {
    text.to_ascii_lowercase().contains("'nonce-")
}

/// The same grammar as `policy::Csp`, which is a room further on; a test there holds the two together.
fn csp_is_legal(text: &str) -> bool {
    let mut seen: Vec<String> = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_ascii_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        let fine = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            && words.all(|word| word.bytes().all(|b| b.is_ascii_graphic() && !b",{}<>\"".contains(&b)));
        if !fine || seen.contains(&name) {
            return false;
        }
        seen.push(name);
    }
    !seen.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}
