//! `docs/guide/controls.toml`: every row that the guide asks for, in our words.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    error::TaskError,
    tree::{self, read},
};

/// The whole catalogue, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    /// Groups, in the order in which they are reported.
    #[serde(rename = "group")]
    pub(crate) groups: Vec<Group>,
    /// Rows, grouped.
    #[serde(rename = "control")]
    pub(crate) controls: Vec<Control>,
}

/// Rows that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// Such as `EDGE-RL`.
    pub(crate) id: String,
    /// A heading.
    pub(crate) title: String,
}

/// One row: one statement that tests decide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    /// Such as `EDGE-RL-05`; never re-used.
    pub(crate) id: String,
    /// The group's id.
    pub(crate) group: String,
    /// Where the guide asks for it.
    pub(crate) guide: Guide,
    /// What holds.
    pub(crate) statement: String,
    /// Published texts that ask for the same.
    pub(crate) standards: Vec<String>,
}

/// The guide's line numbers, or `"implied"` where the guide needs a row without saying so.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Guide {
    /// Line numbers of the guide.
    Lines(Vec<u16>),
    /// The word `implied`.
    Word(String),
}

impl Catalogue {
    /// Reads and checks the catalogue of the tree.
    ///
    /// # Errors
    /// When it cannot be read, or contradicts itself.
    pub(crate) fn load() -> Result<Self, TaskError> {
        let path = tree::catalogue();
        Self::parse(&read(&path)?).map_err(|problem| TaskError::NotRight(format!("{}: {problem}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let catalogue: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let groups: BTreeSet<&str> = catalogue.groups.iter().map(|group| group.id.as_str()).collect();
        let mut seen = BTreeSet::new();
        for control in &catalogue.controls {
            control.fault(&groups).map_or(Ok(()), |fault| Err(format!("{}: {fault}", control.id)))?;
            if !seen.insert(&control.id) {
                return Err(format!("{} occurs twice", control.id));
            }
        }
        Ok(catalogue)
    }

    /// The rows of one group.
    pub(crate) fn of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Control> {
        self.controls.iter().filter(move |control| control.group == group)
    }
}

impl Control {
    fn fault(&self, groups: &BTreeSet<&str>) -> Option<&'static str> {
        let number = self.id.strip_prefix(&self.group).and_then(|rest| rest.strip_prefix('-'));
        if !groups.contains(self.group.as_str()) {
            return Some("its group is not declared");
        }
        if !number.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())) {
            return Some("the id is not its group and two digits");
        }
        if self.statement.trim().is_empty() {
            return Some("it says nothing");
        }
        match &self.guide {
            Guide::Lines(lines) if !lines.is_empty() => None,
            Guide::Word(word) if word == "implied" => None,
            _ => Some("`guide` is neither line numbers nor \"implied\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, group: &str, guide: &str) -> String {
        format!(
            "[[group]]\nid = \"SES\"\ntitle = \"t\"\n[[control]]\nid = \"{id}\"\ngroup = \"{group}\"\nguide = {guide}\nstatement = \"s\"\nstandards = []\n"
        )
    }

    #[test]
    fn sound_row_is_taken() {
        assert!(Catalogue::parse(&row("SES-01", "SES", "[4]")).is_ok());
        assert!(Catalogue::parse(&row("SES-01", "SES", "\"implied\"")).is_ok());
    }

    #[test]
    fn contradictions_are_refused() {
        for text in [
            row("SES-1", "SES", "[4]"),
            row("CSRF-01", "SES", "[4]"),
            row("CSRF-01", "CSRF", "[4]"),
            row("SES-01", "SES", "[]"),
            row("SES-01", "SES", "\"perhaps\""),
        ] {
            assert!(Catalogue::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn tree_holds_every_row() {
        let catalogue = Catalogue::load().unwrap();
        assert_eq!(catalogue.groups.len(), 23);
        assert_eq!(catalogue.controls.len(), 326);
    }
}
