//! Looks at a live site from outside, over real sockets, and writes down what is on the wire.
//!
//! Comes in: a [`Plan`], made from the same [`Policy`](doorward_policy::Policy) that the edge enforces or from the bare origin of any
//! site. Goes out: a [`Report`] of what was asked, what came back and what is wrong with it, as `security-headers.json` and
//! `verification-report.json`. Must never know: the edge, the application, their databases. Nothing here takes an answer from the
//! configuration: what is reported was observed, and what could not be observed is a deviation.
//!
//! The headers are held to [`HeaderPolicy::guide`](doorward_policy::HeaderPolicy::guide), never to a site's own overrides: a site that
//! weakens its policy serves what it declares and still deviates.

pub mod backstage;
mod credential;
pub mod diff;
pub mod evidence;
mod fix;
mod flow;
mod form;
mod guide;
mod judge;
mod leaf;
mod observer;
mod plan;
mod probe;
mod redact;
pub mod report;
mod run;
mod run_id;
pub mod score;
mod show;
mod trust;
pub mod verification;
mod write;

pub use backstage::{Backstage, BackstageError, Sink, THROW_AWAY_DOMAIN, TrailState};
pub use credential::{CredentialError, GateCredential, read_credentials};
pub use form::Form;
pub use plan::{Intent, Limits, Options, Pin, PinError, Plan, Vantage};
pub use report::Report;
pub use run::{Glance, run, run_watched};
pub use show::{Paint, line, summary};
pub use trust::{TrustError, read_roots};
pub use write::WriteError;
