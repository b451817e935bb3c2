//! The front door: bytes in, a decided request out.
//!
//! Comes in: sockets, a [`Policy`](doorward_policy::Policy), the accounts application as a plain tower service, and three ports
//! ([`Admission`], [`EdgeAudit`], the clock). Goes out: answers that carry the header policy, whoever made them.
//! Must never know: accounts, databases, templates.

pub mod body;
mod coding;
mod forward_auth;
pub mod gate;
pub mod hold;
mod layer;
pub mod listen;
pub mod metrics;
pub mod port;
pub mod proxy;
mod rescue;
pub mod stack;
pub mod tls;

pub use body::{BodyTooLarge, BoxError, EdgeBody};
pub use hold::Tether;
pub use layer::client_addr::{Hop, walk};
pub use layer::limit::line_and_network;
pub use listen::{BindError, Bound, Documents, ListenSpec, Readiness, ServeParts, bind, serve};
pub use metrics::MetricsSource;
pub use port::{
    Admission, Admitted, AppService, Bond, Challenges, EdgeAudit, EdgeEvent, EdgeEventKind, GateKnock, NoChallenges,
    OperatorAdmitted, Refusal,
};
pub use stack::{Edge, EdgeParts};
pub use tls::{CertStore, SelfSigned, TlsError, self_signed};
