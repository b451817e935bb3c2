//! The main job on real input: a real browser, a real API, a real admin.

mod browser;
mod counters;
mod nodes;
mod postgres;
mod story;
