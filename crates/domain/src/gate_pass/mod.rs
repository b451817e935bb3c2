//! Passes: what a gate's host knows of an operator session, since cookies of the site stay on the site.

mod model;

pub use model::GatePass;
