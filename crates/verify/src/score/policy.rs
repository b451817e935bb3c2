//! A content security policy as the Observatory reads it: several policies become the one that they leave together.

use std::collections::BTreeMap;

/// Directives that may stand twice.
const MAY_REPEAT: [&str; 2] = ["report-uri", "report-to"];
/// What is shorter is no policy.
const SHORTEST: usize = 6;

/// A policy, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) directives: BTreeMap<String, Vec<String>>,
    /// A directive that may stand twice does.
    pub(super) repeats: bool,
}

#[derive(Debug, Clone)]
struct Source {
    text: String,
    policy: usize,
    keep: bool,
}

/// `None` when any policy is none: too short, or a directive stands twice in it.
pub(super) fn parse(policies: &[String]) -> Option<Parsed> {
    let mut all: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    let mut repeats = false;
    for (index, policy) in policies.iter().enumerate() {
        let policy = policy.trim();
        if policy.len() < SHORTEST {
            return None;
        }
        let mut seen: Vec<String> = Vec::new();
        for entry in policy.split(';') {
            let mut words = entry.split_whitespace();
            let Some(name) = words.next().map(str::to_lowercase) else { continue };
            if seen.contains(&name) {
                if !MAY_REPEAT.contains(&name.as_str()) {
                    return None;
                }
                repeats = true;
            }
            let sources = join(all.get(&name), words, &name, index);
            all.insert(name.clone(), if index == 0 && policies.len() > 1 { forget(sources) } else { sources });
            seen.push(name);
        }
    }
    let directives = all.into_iter().map(|(name, sources)| (name, texts(sources))).collect();
    Some(Parsed { directives, repeats })
}

/// The sources of a directive together with those that earlier policies left.
fn join<'a>(old: Option<&Vec<Source>>, words: impl Iterator<Item = &'a str>, name: &str, index: usize) -> Vec<Source> {
    let keep = index == 0;
    let mut new: Vec<Source> = words.map(|word| Source { text: word.to_lowercase(), policy: index, keep }).collect();
    if new.is_empty() && name.ends_with("-src") {
        new.push(Source { text: "'none'".to_owned(), policy: index, keep });
    }
    let mut sources = if keep { Vec::new() } else { old.cloned().unwrap_or_default() };
    sources.append(&mut new);
    sources.sort_by(|left, right| left.text.cmp(&right.text));
    for at in 1..sources.len() {
        let (before, here) = (&sources[at - 1], &sources[at]);
        let is_longer = here.policy == before.policy && here.text.starts_with(&before.text);
        let is_in_both = here.policy != before.policy && covers(&before.text, &here.text);
        sources[at].keep = is_in_both || (sources[at].keep && !is_longer);
    }
    sources.retain(|source| source.keep);
    sources
}

/// From the second policy on, a source has to be allowed again.
fn forget(mut sources: Vec<Source>) -> Vec<Source> {
    for source in &mut sources {
        source.keep = false;
    }
    sources
}

fn texts(sources: Vec<Source>) -> Vec<String> {
    let mut texts: Vec<String> = sources.into_iter().map(|source| source.text).collect();
    texts.dedup();
    if texts.is_empty() {
        texts.push("'none'".to_owned());
    }
    texts
}

/// Whether a source covers another one by its path.
fn covers(wide: &str, narrow: &str) -> bool {
    if wide.is_empty() || (wide == "/" && narrow.is_empty()) {
        return true;
    }
    let (mut left, right): (Vec<&str>, Vec<&str>) = (wide.split('/').collect(), narrow.split('/').collect());
    let is_exact = !wide.ends_with('/');
    if left.len() > right.len() || (is_exact && left.len() != right.len()) {
        return false;
    }
    if !is_exact {
        left.pop();
    }
    left.iter().zip(&right).all(|(left, right)| left == right)
}
