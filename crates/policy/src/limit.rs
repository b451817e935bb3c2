//! Quotas by scope.

use std::num::NonZeroU32;
use std::time::Duration;

use doorward_config::Config;

/// At most `count` in any interval of `window` (APP-RL-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    /// How many.
    pub count: NonZeroU32,
    /// In which time.
    pub window: Duration,
}

/// Lines of one IPv6 /48 that may use their quotas up together (EDGE-RL-02).
pub const LINES_OF_NETWORK: NonZeroU32 = NonZeroU32::new(16).unwrap();

impl Quota {
    /// What a whole IPv6 /48 has of a quota that each of its lines has.
    #[must_use]
    pub fn of_network(self) -> Self {
        Self { count: self.count.saturating_mul(LINES_OF_NETWORK), ..self }
    }
}

/// Quotas of all scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitPolicy(Vec<(&'static str, Quota)>);

impl LimitPolicy {
    /// Takes quotas by scope as they are.
    #[must_use]
    pub fn new(quotas: Vec<(&'static str, Quota)>) -> Self {
        Self(quotas)
    }

    /// Copies the configured limits.
    #[must_use]
    pub fn decide(config: &Config) -> Self {
        Self(config.limits.iter().map(|l| (l.scope, Quota { count: l.count, window: l.window })).collect())
    }

    /// The quota of a scope.
    ///
    /// A scope that has no entry is held to the general default of 100 in 15 minutes: unnamed never means unlimited.
    #[must_use]
    pub fn quota(&self, scope: &str) -> Quota {
        const FALLBACK: Quota = Quota { count: NonZeroU32::new(100).unwrap(), window: Duration::from_secs(900) };
        self.0.iter().find(|(name, _)| *name == scope).map_or(FALLBACK, |(_, quota)| *quota)
    }
}
