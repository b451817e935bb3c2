//! The main job on real input: a real browser, a real API, a real admin.

mod browser;
mod confined;
mod counters;
mod crash;
mod log;
mod mail;
mod nodes;
mod postgres;
mod race;
mod story;
mod trail;
