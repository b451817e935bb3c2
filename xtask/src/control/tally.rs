//! Decided and open rows, counted.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use crate::{
    control::{Catalogue, id::Bearers},
    error::TaskError,
    nextest::{Outcome, TestName},
};

/// The count of one run, in the shape that `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Tally {
    decided: usize,
    open: usize,
    groups: Groups,
    #[serde(skip)]
    order: Vec<(String, String)>,
    #[serde(skip)]
    unproven: Vec<String>,
}

type Groups = BTreeMap<String, GroupTally>;

/// One group's count.
#[derive(Debug, Default, Serialize)]
struct GroupTally {
    decided: usize,
    open: Vec<String>,
}

impl Tally {
    /// Counts; `unproven` remembers rows that have tests of which one failed or did not run.
    pub(crate) fn count(catalogue: &Catalogue, bearers: &Bearers, run: &BTreeMap<TestName, Outcome>) -> Self {
        let mut groups = Groups::new();
        let mut unproven = Vec::new();
        for control in &catalogue.controls {
            let tests = bearers.get(&control.id).map_or(&[][..], Vec::as_slice);
            let decided = !tests.is_empty() && tests.iter().all(|test| run.get(test) == Some(&Outcome::Passed));
            let group = groups.entry(control.group.clone()).or_default();
            if decided {
                group.decided += 1;
                continue;
            }
            group.open.push(control.id.clone());
            unproven.extend(tests.iter().filter_map(|test| blame(&control.id, test, run.get(test).copied())));
        }
        let order = catalogue.groups.iter().map(|group| (group.id.clone(), group.title.clone())).collect();
        let decided = groups.values().map(|group| group.decided).sum();
        let open = groups.values().map(|group| group.open.len()).sum();
        Self { decided, open, groups, order, unproven }
    }

    /// One JSON object.
    ///
    /// # Errors
    /// Not for values of this type; the writer's signature says it could.
    pub(crate) fn json(&self) -> Result<String, TaskError> {
        serde_json::to_string(self).map_err(|error| TaskError::Undone(error.to_string()))
    }

    /// A table for a person.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<8} {:>7} {:>5}  {}\n", "group", "decided", "open", "what");
        for (id, title) in &self.order {
            let Some(group) = self.groups.get(id) else { continue };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{id:<8} {:>7} {:>5}  {title}", group.decided, group.open.len());
        }
        let _ = writeln!(text, "{:<8} {:>7} {:>5}  of {} rows", "all", self.decided, self.open, self.decided + self.open);
        for line in &self.unproven {
            let _ = writeln!(text, "open although tested: {line}");
        }
        text
    }
}

fn blame(id: &str, test: &TestName, outcome: Option<Outcome>) -> Option<String> {
    let what = match outcome {
        Some(Outcome::Passed) => return None,
        Some(Outcome::Failed) => "failed",
        None => "did not run",
    };
    Some(format!("{id}, because {} {} {what}", test.binary, test.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(path: &str) -> TestName {
        TestName { binary: "a::it".into(), path: path.into() }
    }

    #[test]
    fn row_is_decided_only_if_all_its_tests_ran_and_passed() {
        let catalogue: Catalogue = toml::from_str(
            &["01", "02", "03", "04"]
                .map(|n| format!("[[control]]\nid=\"SES-{n}\"\ngroup=\"SES\"\nguide=[4]\nstatement=\"s\"\nstandards=[]\n"))
                .concat()
                .replacen("[[control]]", "[[group]]\nid=\"SES\"\ntitle=\"t\"\n[[control]]", 1),
        )
        .unwrap();
        let (good, bad, absent) = (test("ses_01_good"), test("ses_02_bad"), test("ses_03_absent"));
        let bearers = Bearers::from([
            ("SES-01".into(), vec![good.clone()]),
            ("SES-02".into(), vec![good.clone(), bad.clone()]),
            ("SES-03".into(), vec![good.clone(), absent]),
        ]);
        let run = BTreeMap::from([(good, Outcome::Passed), (bad, Outcome::Failed)]);
        let tally = Tally::count(&catalogue, &bearers, &run);
        let json = r#"{"decided":1,"open":3,"groups":{"SES":{"decided":1,"open":["SES-02","SES-03","SES-04"]}}}"#;
        assert_eq!(tally.json().unwrap(), json);
        assert_eq!(tally.unproven.len(), 2);
    }
}
