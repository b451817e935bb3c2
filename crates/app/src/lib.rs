//! The HTTP face of the accounts: JSON under `/api/auth/*`, pages under `/account/*`, and the doorkeeper that decides who may pass
//! to an upstream.
//!
//! Comes in: requests whose path is canonical and whose extensions hold a [`RequestContext`](doorward_kit::RequestContext).
//! Goes out: answers without policy headers (whoever stands in front sets them last), mail files, identity fields.
//! Must never know: the edge, SQL, where a client address comes from.

mod api;
mod app;
mod assertion;
mod cookie;
mod csrf;
mod door;
mod extract;
mod gate;
mod guard;
mod identity;
mod mail;
mod oauth;
pub mod openapi;
mod page;
mod problem;
mod qr;
pub mod route;
mod router;
mod session;
mod tether;
mod work;

pub use app::{App, AppError, AppParts};
pub use door::{Admit, Doorkeeper, Refused};
pub use gate::{AtGate, GateKnock};
pub use mail::{Relay, RelayError, RelayTimes};
