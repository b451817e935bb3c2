//! Ceremonies: what takes more than one request, and must be taken up by whoever began it, once, and soon.
//!
//! A sign-in with a provider, one that waits for its second factor, a passkey's challenge, the hand-over to a gate: each is a row that
//! only the holder of its token finds, that ends by itself, with its session or with its account, and that exactly one request consumes.

pub(crate) mod flow;
mod model;

pub use model::{Ceremony, CeremonyKind};
