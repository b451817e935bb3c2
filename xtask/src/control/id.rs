//! From a test's name to the row that it decides: `edge_rl_05_path_variants_share_a_bucket` decides `EDGE-RL-05`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{control::Catalogue, error::TaskError, nextest::TestName};

/// Tests by the id that they bear.
pub(crate) type Bearers = BTreeMap<String, Vec<TestName>>;

/// Sorts the tests by the row they name.
///
/// # Errors
/// When a name starts like an id of a group and the group has no such row.
pub(crate) fn bearers(catalogue: &Catalogue, tests: &[TestName]) -> Result<Bearers, TaskError> {
    let known: BTreeSet<&str> = catalogue.controls.iter().map(|control| control.id.as_str()).collect();
    let mut bearers = Bearers::new();
    let mut strangers = Vec::new();
    for test in tests {
        let Some(id) = catalogue.groups.iter().find_map(|group| named(test.function(), &group.id)) else { continue };
        if known.contains(id.as_str()) {
            bearers.entry(id).or_default().push(test.clone());
        } else {
            strangers.push(format!("{} {} names {id}", test.binary, test.path));
        }
    }
    if strangers.is_empty() {
        return Ok(bearers);
    }
    Err(TaskError::NotRight(format!("there is no such row in docs/guide/controls.toml:\n  {}", strangers.join("\n  "))))
}

/// The id of `group` that `function` starts with: the group's letters, then two digits, then an underscore or the end.
///
/// Another number of digits is a sentence: `http_1_0_is_served` is about a version.
fn named(function: &str, group: &str) -> Option<String> {
    let prefix = format!("{}_", group.to_lowercase().replace('-', "_"));
    let rest = function.strip_prefix(&prefix)?;
    let (digits, _) = rest.split_once('_').unwrap_or((rest, ""));
    let number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| format!("{group}-{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_rows() {
        assert_eq!(named("edge_rl_05_path_variants_share_a_bucket", "EDGE-RL").as_deref(), Some("EDGE-RL-05"));
        assert_eq!(named("ses_04_twice_is_refused", "SES").as_deref(), Some("SES-04"));
        assert_eq!(named("http_99", "HTTP").as_deref(), Some("HTTP-99"));
    }

    #[test]
    fn sentences_lead_nowhere() {
        assert_eq!(named("http_redirects_keep_the_path", "HTTP"), None);
        assert_eq!(named("http_1_0_is_served_and_closed", "HTTP"), None);
        assert_eq!(named("session_04_is_not_a_row", "SES"), None);
        assert_eq!(named("a_ses_04_inside", "SES"), None);
    }
}
