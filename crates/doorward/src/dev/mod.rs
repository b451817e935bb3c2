//! The whole product on localhost with nothing to configure.

mod layout;
mod site;

pub use layout::{GATE_USER, Layout};
pub use site::{Behind, Site};
