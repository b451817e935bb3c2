//! Whole-house tests.
mod timing_stub {}
