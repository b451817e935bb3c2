//! Measurements beside other servers, in one run on one machine.

use crate::error::TaskError;

/// How the edge is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct EdgeOptions {
    /// Seconds of load per server and round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// Measures.
pub(crate) fn edge(_options: &EdgeOptions) -> Result<(), TaskError> {
    Err(TaskError::Undone("not yet".into()))
}
