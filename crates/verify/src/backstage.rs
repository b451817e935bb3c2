//! What only the side of the site can do: the port that a machine with the site's store plugs in.
//!
//! `verify` looks from outside. Throw-away accounts, the trail and the sinks of the site cannot be had there; whoever runs it beside the
//! server lends it these hands. Without them the looks that need them are skipped, and the report says so.

use async_trait::async_trait;
use doorward_kit::{Secret, Timestamp};

/// Domain of every throw-away account: nobody can receive mail there (RFC 6761 §6.4).
pub const THROW_AWAY_DOMAIN: &str = "doorward-verify.invalid";

/// Why the site's side could not help; a sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BackstageError(pub String);

/// What the trail says about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailState {
    /// What is wrong with the chain; empty when every link holds.
    pub faults: Vec<String>,
    /// Names of the events since the run began, in order, by whomever.
    pub events: Vec<String>,
}

/// One place where the site writes, and how many of the planted secrets were found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Such as `store`, `trail`, `log` or `metrics`.
    pub name: String,
    /// How many planted secrets it holds.
    pub hits: usize,
}

/// Hands on the site's side.
#[async_trait]
pub trait Backstage: Send + Sync {
    /// Makes a verified account under [`THROW_AWAY_DOMAIN`] with this password.
    async fn add_account(&self, address: &str, password: &Secret<String>) -> Result<(), BackstageError>;

    /// Removes it with everything that hangs on it; an account that is not there is no error. Refuses every other domain.
    async fn remove_account(&self, address: &str) -> Result<(), BackstageError>;

    /// A token of recovery for a throw-away account, as its mail would carry it.
    async fn recovery_token(&self, address: &str) -> Result<Secret<String>, BackstageError>;

    /// What the trail says since then; waits until entries that were queued are stored.
    async fn trail(&self, since: Timestamp) -> Result<TrailState, BackstageError>;

    /// Looks for each of these in everything that the site writes.
    async fn search(&self, planted: &[Secret<String>]) -> Result<Vec<Sink>, BackstageError>;
}
