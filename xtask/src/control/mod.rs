//! The rows of the guide and the tests that decide them.
//!
//! In: the catalogue, the list of tests, the last run's report. Out: which rows are decided.
//! A row is decided only if at least one test bears its id and every test that bears it ran and passed.

mod catalogue;
mod id;
mod reference;
mod tally;

use crate::{error::TaskError, nextest};
pub(crate) use catalogue::Catalogue;
pub(crate) use reference::render as render_reference;
use tally::Tally;

/// Prints decided and open rows per group.
///
/// # Errors
/// When a test names a row that does not exist, or there is no run to report.
pub(crate) fn report(json: bool) -> Result<(), TaskError> {
    let catalogue = Catalogue::load()?;
    let tests = nextest::list()?;
    let bearers = id::bearers(&catalogue, &tests)?;
    let Some(run) = nextest::last_run()? else {
        return Err(TaskError::Undone("there is no report of a run yet; run `cargo xtask test` first".into()));
    };
    let tally = Tally::count(&catalogue, &bearers, &run);
    if json {
        println!("{}", tally.json()?);
    } else {
        print!("{}", tally.table());
    }
    Ok(())
}

/// Which tests bear which row's id.
///
/// # Errors
/// When a test names a row that does not exist.
pub(crate) fn bearers(catalogue: &Catalogue, tests: &[nextest::TestName]) -> Result<id::Bearers, TaskError> {
    id::bearers(catalogue, tests)
}
