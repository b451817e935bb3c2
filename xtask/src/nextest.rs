//! The test runner: which tests there are, and what became of them.

use std::{collections::BTreeMap, process::Command, time::Duration};

use crate::{
    error::TaskError,
    process,
    setup::has_nextest,
    tree::{self, read},
};

/// A test by the binary it lives in and its path there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TestName {
    /// Package and binary, such as `doorward-edge::it`.
    pub(crate) binary: String,
    /// Module path and function, such as `framing::http_01_bare_line_feed_is_refused`.
    pub(crate) path: String,
}

impl TestName {
    /// The function's own name.
    pub(crate) fn function(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or(&self.path)
    }
}

/// What became of a test in the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
}

/// A `cargo nextest` command with what the tests are told.
pub(crate) fn command(verb: &str) -> Command {
    let mut command = process::command("cargo");
    command.args(["nextest", verb, "--workspace"]);
    tell(&mut command);
    command
}

/// Tells tests where the real parts are.
pub(crate) fn tell(command: &mut Command) {
    command.env("DOORWARD_REAL_PARTS", tree::real_parts());
}

/// Every test of the workspace, also those that a run leaves out.
///
/// # Errors
/// When the tests do not compile or the runner is not installed.
pub(crate) fn list() -> Result<Vec<TestName>, TaskError> {
    if !has_nextest() {
        return Err(TaskError::Undone("cargo-nextest is not installed; `cargo xtask test` installs it".into()));
    }
    let mut command = command("list");
    command.args(["--message-format", "json", "--run-ignored", "all"]);
    parse_list(&process::output(&mut command, Duration::from_secs(1500))?)
}

/// What the last full run wrote, by test; `None` if there was none.
///
/// # Errors
/// When the file is there and not a JUnit report.
pub(crate) fn last_run() -> Result<Option<BTreeMap<TestName, Outcome>>, TaskError> {
    let report = tree::target().join("nextest/default/junit.xml");
    if report.exists() { parse_junit(&read(&report)?).map(Some) } else { Ok(None) }
}

#[derive(serde::Deserialize)]
struct List {
    #[serde(rename = "rust-suites")]
    suites: BTreeMap<String, Suite>,
}

#[derive(serde::Deserialize)]
struct Suite {
    testcases: BTreeMap<String, serde::de::IgnoredAny>,
}

fn parse_list(json: &str) -> Result<Vec<TestName>, TaskError> {
    let list: List =
        serde_json::from_str(json).map_err(|error| TaskError::Undone(format!("the list of tests cannot be read: {error}")))?;
    let mut tests: Vec<TestName> = Vec::new();
    for (binary, suite) in list.suites {
        tests.extend(suite.testcases.into_keys().map(|path| TestName { binary: binary.clone(), path }));
    }
    tests.sort();
    Ok(tests)
}

fn parse_junit(xml: &str) -> Result<BTreeMap<TestName, Outcome>, TaskError> {
    let document = roxmltree::Document::parse(xml)
        .map_err(|error| TaskError::Undone(format!("the report of the last run cannot be read: {error}")))?;
    let mut outcomes = BTreeMap::new();
    for case in document.descendants().filter(|node| node.has_tag_name("testcase")) {
        let (Some(binary), Some(path)) = (case.attribute("classname"), case.attribute("name")) else { continue };
        let name = TestName { binary: binary.to_owned(), path: path.to_owned() };
        let clean = !case.children().any(|child| ["failure", "error", "skipped"].iter().any(|tag| child.has_tag_name(*tag)));
        outcomes.insert(name, if clean { Outcome::Passed } else { Outcome::Failed });
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_tells_failed_from_passed() {
        let xml = r#"<testsuites><testsuite name="a::it">
            <testcase name="m::good" classname="a::it"/>
            <testcase name="m::bad" classname="a::it"><failure type="test failure">x</failure></testcase>
            <testcase name="m::left_out" classname="a::it"><skipped/></testcase>
        </testsuite></testsuites>"#;
        let outcomes = parse_junit(xml).unwrap();
        let of = |path: &str| outcomes[&TestName { binary: "a::it".into(), path: path.into() }];
        assert_eq!(of("m::good"), Outcome::Passed);
        assert_eq!(of("m::bad"), Outcome::Failed);
        assert_eq!(of("m::left_out"), Outcome::Failed);
    }

    #[test]
    fn list_keeps_ignored_tests() {
        let json = r#"{"rust-suites":{"a::it":{"testcases":{"m::t":{"ignored":true},"u":{"ignored":false}}}}}"#;
        let paths: Vec<String> = parse_list(json).unwrap().into_iter().map(|test| test.path).collect();
        assert_eq!(paths, ["m::t", "u"]);
    }
}
