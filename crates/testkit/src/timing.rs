//! Can two kinds of requests be told apart by a stopwatch? (ENUM-07, GATE-15) The statistics are those of [`doorward_kit::timing`], by
//! which `doorward verify` judges as well; this adds how a test says what it saw.

use std::time::Duration;

pub use doorward_kit::timing::{Comparison, Protocol};

/// Measures, and fails with the figures of every run when the two can be told apart.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the effect size is the result of a measurement")]
pub fn assert_untellable(what: &str, left: impl FnMut() -> Duration, right: impl FnMut() -> Duration) {
    match Protocol::default().judge(left, right) {
        Ok(comparison) => println!("{what}: {comparison}"),
        Err(seen) => {
            let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
            panic!("{what} can be told apart by the clock: {seen:#?}");
        }
    }
}
