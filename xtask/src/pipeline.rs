//! `cargo xtask test`: set-up, checks, tests, and the count of decided rows.
//!
//! A failed check does not stop the others: one run tells everything. What cannot be built ends the run.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{control, error::TaskError, generate, nextest, process, sbom, setup};

/// Runs everything, or with `quick` what needs nothing but cargo.
///
/// # Errors
/// With the runner's own code when a test failed, 1 when only a check did.
pub(crate) fn run(quick: bool) -> Result<(), TaskError> {
    let mut ledger = Ledger::default();
    if !quick {
        ledger.required("set-up", setup::for_tests)?;
    }
    for check in CHECKS.iter().filter(|check| !quick || check.quick) {
        ledger.check(check.name, || check.run());
    }
    // As the tests are built: for one package alone cargo would choose other features of many crates, and build those twice.
    ledger.required("build", || cargo(&["test", "--locked", "--workspace", "--no-run", "--quiet"]))?;
    if quick {
        return ledger.close(quick_tests()?, &[]);
    }
    ledger.check("generated files", || generate::run(true));
    ledger.check("bill of materials", sbom::run);
    ledger.check("doc tests", || cargo(&["test", "--locked", "--doc", "--workspace"]));
    let (code, summary) = ledger.timed("tests", tests)?;
    ledger.check("controls", || control::report(false));
    ledger.close(code, &summary)
}

/// A command that must succeed; its first word is the program.
struct Check {
    name: &'static str,
    words: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// Whether a bare toolchain can do it.
    quick: bool,
}

impl Check {
    fn run(&self) -> Result<(), TaskError> {
        let Some((program, words)) = self.words.split_first() else { return Ok(()) };
        succeed(process::command(program).args(words).envs(self.environment.iter().copied()))
    }
}

const CHECKS: &[Check] = &[
    Check { name: "format", words: &["cargo", "fmt", "--all", "--check"], environment: &[], quick: true },
    Check {
        name: "lint",
        words: &["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
        environment: &[],
        quick: true,
    },
    Check {
        name: "documentation",
        words: &["cargo", "doc", "--locked", "--workspace", "--no-deps", "--quiet"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        quick: false,
    },
    // What only other systems build is in no crate cache yet, and the check below reads every manifest.
    Check { name: "crates of all targets", words: &["cargo", "fetch", "--locked"], environment: &[], quick: false },
    // The advisory database is a download that a check of the tree must not depend on.
    Check {
        name: "dependencies",
        words: &["cargo", "deny", "--offline", "--log-level", "error", "check", "licenses", "bans", "sources"],
        environment: &[],
        quick: false,
    },
    Check { name: "unused dependencies", words: &["cargo", "shear"], environment: &[], quick: false },
    Check { name: "spelling", words: &["typos"], environment: &[], quick: false },
];

/// What has been run so far.
#[derive(Default)]
struct Ledger {
    failed: Vec<&'static str>,
}

impl Ledger {
    /// Runs a step without which the rest makes no sense.
    fn required(&mut self, name: &str, step: impl FnOnce() -> Result<(), TaskError>) -> Result<(), TaskError> {
        self.timed(name, step)
    }

    /// Runs a step whose failure is remembered.
    fn check(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), TaskError>) {
        if let Err(error) = self.timed(name, step) {
            eprintln!("{name}: {error}");
            self.failed.push(name);
        }
    }

    fn timed<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T, TaskError>) -> Result<T, TaskError> {
        eprintln!("── {name}");
        let started = Instant::now();
        let result = step();
        let word = if result.is_ok() { "done" } else { "FAILED" };
        eprintln!("── {name}: {word} in {:.1} s", started.elapsed().as_secs_f64());
        result
    }

    /// Says what failed, then repeats the runner's end lines so that they are the last thing on the screen.
    fn close(self, code: i32, summary: &[String]) -> Result<(), TaskError> {
        if !self.failed.is_empty() {
            eprintln!("failed checks: {}", self.failed.join(", "));
        }
        for line in summary {
            eprintln!("{line}");
        }
        match (code, self.failed.is_empty()) {
            (0, true) => Ok(()),
            (0, false) => Err(TaskError::Reported(1)),
            (code, _) => Err(TaskError::Reported(u8::try_from(code).unwrap_or(1))),
        }
    }
}

fn cargo(words: &[&str]) -> Result<(), TaskError> {
    let mut command = process::command("cargo");
    command.args(words);
    nextest::tell(&mut command);
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> Result<(), TaskError> {
    let status = process::run(command, Duration::from_secs(1200))?;
    if status.success() { Ok(()) } else { Err(TaskError::NotRight(format!("ended with {status}"))) }
}

/// The whole suite; returns the runner's code and its lines from the summary on.
fn tests() -> Result<(i32, Vec<String>), TaskError> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&kept);
    let keep = move |line: &str| {
        let mut kept = sink.lock().unwrap_or_else(PoisonError::into_inner);
        if line.contains("Summary [") {
            kept.clear();
            kept.push(line.to_owned());
        } else if !kept.is_empty() {
            kept.push(line.to_owned());
        }
    };
    let mut run = nextest::command("run");
    run.args(["--locked", "--no-fail-fast"]);
    let status = process::tee_stderr(&mut run, Duration::from_secs(1500), keep)?;
    let lines = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((status.code().unwrap_or(1), lines))
}

/// Tests that need no real part, with nextest where it is and cargo's own runner where it is not.
fn quick_tests() -> Result<i32, TaskError> {
    let mut run = if setup::has_nextest() {
        let mut run = nextest::command("run");
        run.args(["--locked", "--profile", "quick"]);
        run
    } else {
        let mut run = process::command("cargo");
        run.args(["test", "--locked", "--workspace", "--no-fail-fast", "--", "--skip", "real::"]);
        run
    };
    Ok(process::run(&mut run, Duration::from_secs(1500))?.code().unwrap_or(1))
}
