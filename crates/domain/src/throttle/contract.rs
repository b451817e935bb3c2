//! What every implementation of [`Counters`](super::Counters) must do.
