//! The port to passes for gates.

use async_trait::async_trait;
use doorward_kit::{SessionId, TokenDigest};

use super::StoreError;
use crate::gate_pass::GatePass;

/// Passes within a unit of work. They go with their session.
#[async_trait]
pub trait GatePasses: Send {
    /// Adds one, and removes the oldest of the same session and gate beyond `most`.
    async fn add(&mut self, pass: &GatePass, most: u32) -> Result<(), StoreError>;

    /// Removes every pass of a session; counts them.
    async fn revoke(&mut self, session: SessionId) -> Result<u64, StoreError>;

    /// Removes the pass of a digest; says whether it was there.
    async fn remove(&mut self, digest: &TokenDigest) -> Result<bool, StoreError>;
}
