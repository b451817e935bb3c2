//! Signing in with a provider: who somebody is, as another site says it.
//!
//! A browser goes to the provider with a state that is bound to it, and comes back with a code; the provider turns the code into an issuer
//! and a subject. These two name an account here, and nothing else does (OAUTH-08).

mod enter;
pub(crate) mod finish;
mod grant;
mod link;
mod model;
mod port;
mod request;
pub(crate) mod start;
mod state;
mod trip;
pub(crate) mod unlink;

pub use model::Identity;
pub use port::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
pub use request::{ProviderFinish, ProviderFinished, ProviderOutcome, ProviderStart, ProviderStarted, ProviderWish};
