//! Browsers that somebody has signed in with before: they are not slowed by guesses that come from elsewhere (D-11).

mod model;

pub use model::Device;
