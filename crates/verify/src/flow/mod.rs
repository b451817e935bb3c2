//! What takes more than one request: flows of accounts, what the wire does with malformed octets, what is open
//! beside the door.
//!
//! A flow says beforehand which ids it will report under ([`Flow::ids`]); an id that it does not come to is an error of the run, never a
//! gap. Its exchanges are looks like all others: each is judged by the table of headers and stands in the evidence.

mod canary;
mod cast;
mod csrf;
mod framing;
mod identity;
mod ports;
mod recovery;
mod routes;
mod sameness;
mod scene;
mod session;
mod spoof;
mod tls;
mod trail;
mod visitor;

use doorward_policy::ControlId;

pub(crate) use cast::Cast;
pub(crate) use scene::{Scene, Sections};

/// An id that a flow reports under, and the row that is broken when nothing comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) id: &'static str,
    pub(crate) control: ControlId,
}

/// Shorthand for the tables of the flows.
const fn planned(id: &'static str, control: &'static str) -> Planned {
    Planned { id, control: ControlId(control) }
}

/// One family, in the order in which they run: what uses up a quota comes late, what reads what the others left comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Which versions of TLS are refused.
    Tls,
    /// Malformed messages that are safe on a live site.
    Framing,
    /// Addresses that a caller claims.
    Spoof,
    /// Identity fields that a caller sends.
    Identity,
    /// Declared hosts and paths.
    Routes,
    /// Open ports.
    Ports,
    /// Requests that another site could forge.
    Csrf,
    /// Sign-up and recovery, known and unknown.
    Sameness,
    /// Links of recovery that are wrong, used or old.
    Recovery,
    /// A whole session with its cookies.
    Session,
    /// The chain, and what it says of this run.
    Trail,
    /// Planted secrets.
    Canary,
}

impl Flow {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 12] = [
        Self::Tls,
        Self::Framing,
        Self::Spoof,
        Self::Identity,
        Self::Routes,
        Self::Ports,
        Self::Csrf,
        Self::Sameness,
        Self::Recovery,
        Self::Session,
        Self::Trail,
        Self::Canary,
    ];

    /// Under which ids it reports, all of them, always.
    pub(crate) const fn ids(self) -> &'static [Planned] {
        match self {
            Self::Tls => tls::IDS,
            Self::Framing => framing::IDS,
            Self::Spoof => spoof::IDS,
            Self::Identity => identity::IDS,
            Self::Routes => routes::IDS,
            Self::Ports => ports::IDS,
            Self::Csrf => csrf::IDS,
            Self::Sameness => sameness::IDS,
            Self::Recovery => recovery::IDS,
            Self::Session => session::IDS,
            Self::Trail => trail::IDS,
            Self::Canary => canary::IDS,
        }
    }

    /// Runs it; whatever comes of it is in the scene.
    pub(crate) async fn run(self, scene: &mut Scene<'_>) {
        match self {
            Self::Tls => tls::run(scene).await,
            Self::Framing => framing::run(scene).await,
            Self::Spoof => spoof::run(scene).await,
            Self::Identity => identity::run(scene).await,
            Self::Routes => routes::run(scene).await,
            Self::Ports => ports::run(scene).await,
            Self::Csrf => csrf::run(scene).await,
            Self::Sameness => sameness::run(scene).await,
            Self::Recovery => recovery::run(scene).await,
            Self::Session => session::run(scene).await,
            Self::Trail => trail::run(scene).await,
            Self::Canary => canary::run(scene).await,
        }
    }
}
