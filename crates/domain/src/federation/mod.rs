//! Signing in with a provider: who somebody is, as another site says it.

mod model;
mod port;
mod request;

pub use model::Identity;
pub use port::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
pub use request::{ProviderFinish, ProviderFinished, ProviderOutcome, ProviderStart, ProviderStarted};
