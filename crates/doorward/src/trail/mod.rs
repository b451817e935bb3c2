//! The audit trail outside the database: lines of JSON and CEF, the file that is shipped off the host, anchors.
//!
//! Comes in: rows of the chains. Goes out: text and files. Must never know: HTTP, SQL.

mod anchor;
mod cef;
mod keeper;
mod line;
mod sink;

pub use anchor::{append_anchors, read_anchors};
pub use cef::cef;
pub use keeper::{Keeper, KeeperSettings};
pub use line::{hex, json};
pub use sink::{FileSink, SinkError, last_shipped};
