//! Browsers that somebody has signed in with before: they are not slowed by guesses that come from elsewhere (D-11).

pub(crate) mod hindrance;
mod model;
pub(crate) mod own;
pub(crate) mod remember;

pub use model::Device;
