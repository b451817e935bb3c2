//! Who may pass to an internal UI: first the network, then the password.
//!
//! Comes in: a gate's policy, the derived client address, the request's fields. Goes out: a [`GateVerdict`]; passing yields a
//! [`GatePermit`], without which nothing behind the gate can be called. Must never know: sessions, upstreams.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::RequestContext;
use doorward_policy::{GatePolicy, Quota};
use http::HeaderMap;

/// Checks requests against all gates.
#[derive(Debug)]
pub struct GateKeeper {}

/// What the gate says.
#[derive(Debug)]
#[must_use]
pub enum GateVerdict {
    /// Go on.
    Pass(GatePermit),
    /// Outside the allowlist: the constant 403, whatever else the request holds (GATE-03).
    Outsider,
    /// No credentials or wrong ones: 401 with the challenge.
    Unauthenticated,
    /// Too many failures: 429.
    Throttled {
        /// When the next attempt counts.
        retry_after: Duration,
    },
    /// Credentials that cannot be read in exactly one way: 400.
    Malformed,
}

/// Proof that a gate was passed; only the keeper makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePermit {
    user: Arc<str>,
}

impl GatePermit {
    /// The proved user name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// Why the gates cannot be watched. Names file and line, never a hash.
#[derive(Debug, thiserror::Error)]
pub enum GateLoadError {
    /// The file cannot be read.
    #[error("gate {gate}: cannot read {}", path.display())]
    Unreadable {
        /// Which gate.
        gate: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl GateKeeper {
    /// Reads the users of all gates.
    ///
    /// # Errors
    /// [`GateLoadError`].
    pub fn load(_gates: &[Arc<GatePolicy>]) -> Result<Self, GateLoadError> {
        Ok(Self {})
    }

    /// Holds failed attempts to another quota than 10 a minute (GATE-16).
    #[must_use]
    pub fn with_failure_quota(self, _quota: Quota) -> Self {
        self
    }

    /// Decides about one request.
    pub async fn check(&self, _gate: &GatePolicy, _context: &RequestContext, _headers: &HeaderMap) -> GateVerdict {
        std::future::ready(GateVerdict::Outsider).await
    }
}
