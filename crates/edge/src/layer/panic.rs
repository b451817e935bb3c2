//! A panic ends the request that caused it, and nothing else (ERR-03).

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::rescue::Fault;

/// Turns a panic into [`Fault::Panicked`]. What the panic says stays in the process's log, where the panic hook writes it.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    // What the request shared with others are counters and caches behind locks of their own, which recover from poisoning.
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(Fault::Panicked))
}
