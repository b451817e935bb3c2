//! The same policy as configuration for another edge: what of it that edge can hold, and by name what it cannot.
//!
//! Comes in: configuration and policy. Goes out: texts of files. Every edge sends the application's routes straight to their upstreams and
//! everything else, Doorward's own parts and whatever it cannot decide itself, to Doorward's TLS listener.

pub mod caddy;
mod fields;
pub mod folder;
pub mod nginx;
mod pattern;
mod plan;
mod toml_text;
pub mod traefik;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use plan::Plan;

/// Which edge the files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Edge {
    /// Traefik 3.
    Traefik,
    /// nginx 1.22 or later.
    Nginx,
    /// Caddy 2.6 or later.
    Caddy,
}

/// What only the person who puts an edge in front knows.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Where it takes TLS; default every address at the origin's port.
    pub https: Option<SocketAddr>,
    /// Where it takes plain HTTP; default every address at port 80.
    pub http: Option<SocketAddr>,
    /// Who vouches for Doorward's own certificate; default whom the system trusts.
    pub ca: Option<PathBuf>,
}

/// Files by name, and what they do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Name and text, without the first line that says who wrote it.
    pub files: Vec<(&'static str, String)>,
    /// What this edge cannot hold of the policy, one sentence each.
    pub limits: Vec<String>,
}

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    /// The edge in front would be a client like any other, and everybody would have its address.
    #[error(
        "listen.trusted_proxies is empty: Doorward would take every client for the edge in front of it; list the edge's address"
    )]
    NoTrustedProxy,
    /// Nothing takes what the edge passes on.
    #[error("listen.https is empty: the edge passes on to it what Doorward answers itself")]
    NoListener,
    /// Certificates that nobody's system trusts.
    #[error(
        "the edge would not trust the certificate that Doorward serves with this tls.source: name its authority with --doorward-ca"
    )]
    NoTrust,
    /// The edge and Doorward cannot both have the address.
    #[error("{0} is Doorward's own listener: let the edge listen elsewhere (--https, --http) or move Doorward")]
    SameAddress(SocketAddr),
    /// Something that this edge has no words for.
    #[error("{what}: {why}")]
    Inexpressible {
        /// Which part of the configuration.
        what: String,
        /// What stands against it.
        why: &'static str,
    },
}

/// Makes the files for one edge.
///
/// # Errors
/// [`ExportError`] when the configuration cannot be held behind another edge at all, or not by this one.
pub fn export(edge: Edge, plan: &Plan<'_>) -> Result<Export, ExportError> {
    match edge {
        Edge::Traefik => traefik::export(plan),
        Edge::Caddy => caddy::export(plan),
        Edge::Nginx => nginx::export(plan),
    }
}
