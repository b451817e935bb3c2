//! The test of subresource integrity.

use super::html::{Page, Script};
use super::subject::Subject;

const ALL: &str = "sri-implemented-and-all-scripts-loaded-securely";
const EXTERNAL: &str = "sri-implemented-and-external-scripts-loaded-securely";
const PLAIN: &str = "sri-implemented-but-external-scripts-not-loaded-securely";
const MISSING: &str = "sri-not-implemented-but-external-scripts-loaded-securely";
const MISSING_PLAIN: &str = "sri-not-implemented-and-external-scripts-not-loaded-securely";
/// From best to worst.
const WORST_LAST: [&str; 5] = [ALL, EXTERNAL, PLAIN, MISSING, MISSING_PLAIN];

pub(super) fn test(subject: &Subject, page: &Page) -> &'static str {
    if !subject.is_html() {
        return "sri-not-implemented-response-not-html";
    }
    if page.scripts.is_empty() {
        return "sri-not-implemented-but-no-scripts-loaded";
    }
    let mut result: Option<&'static str> = None;
    let mut is_foreign = false;
    for script in &page.scripts {
        let Some(source) = &script.source else { continue };
        let (own, found) = look(script, source, &subject.host);
        is_foreign |= !own;
        result = match (result, found) {
            (None, found) => found,
            // An own script earns the bonus only where nothing was found before.
            (Some(old), Some(new)) if !own && rank(new) > rank(old) => Some(new),
            (old, _) => old,
        };
    }
    match result {
        Some(result) => result,
        None if is_foreign => EXTERNAL,
        None => "sri-not-implemented-but-all-scripts-loaded-from-secure-origin",
    }
}

fn rank(result: &str) -> Option<usize> {
    WORST_LAST.iter().position(|known| *known == result)
}

/// Whether a script is the site's own, and what it shows.
fn look(script: &Script, source: &str, host: &str) -> (bool, Option<&'static str>) {
    let (is_https, is_http) = (source.starts_with("https://"), source.starts_with("http://"));
    let is_relative = !source.starts_with("//") && !is_https && !is_http;
    let is_own = is_relative || ((is_https || is_http) && domain(host_of(source)) == domain(host));
    let is_secure = is_https || is_relative;
    match (is_own, script.integrity.is_some(), is_secure) {
        (true, true, true) => (true, Some(ALL)),
        (true, ..) => (true, None),
        (false, true, false) => (false, Some(PLAIN)),
        (false, false, true) => (false, Some(MISSING)),
        (false, false, false) => (false, Some(MISSING_PLAIN)),
        (false, true, true) => (false, None),
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
    &rest[..end]
}

/// The last two labels: without the list of public suffixes that is the nearest there is.
fn domain(host: &str) -> &str {
    let start = host.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    &host[start..]
}
