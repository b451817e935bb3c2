//! The one body type inside the edge.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

/// Any error of a body, kept only for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streaming body of unknown origin.
pub type EdgeBody = UnsyncBoxBody<Bytes, BoxError>;
