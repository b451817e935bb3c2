//! Passes: what a gate's host knows of an operator session, since cookies of the site stay on the site.
//!
//! ```text
//! gate's host: request (cookie) ─> site: hand_over(request) ─> token ─> gate's host: accept(token, cookie) ─> pass (cookie)
//! ```
//!
//! A token is good at one gate, in the browser that asked, once, for a minute; a pass is good at one gate as long as its session.

pub(crate) mod hand_over;
mod model;
pub(crate) mod standing;

pub use model::{GatePass, GateRequest};
