//! Which methods there are (HTTP-12).

use http::Method;

use crate::rescue::Fault;

/// Value of `Allow` where the edge itself answers 405.
pub(crate) const ALLOW: &str = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";

/// Whether a method is on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    /// On the list.
    Yes,
    /// `PUT`: known, and not on the list. The built-in application answers for itself, so that its `Allow` is exact (ERR-05).
    No,
}

/// The name for log and audit: of a method that is not known, only that. What stands in its place may be anything, such as the
/// rest of a body that somebody framed badly (LOG-01).
pub(crate) fn name(method: &Method) -> &str {
    match judge(method) {
        Err(Fault::MethodUnknown) => "unknown",
        _ => method.as_str(),
    }
}

/// Names are case-sensitive (RFC 9110 §9.1): `get` is an unknown method, not a misspelt one.
pub(crate) fn judge(method: &Method) -> Result<Listed, Fault> {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PATCH | Method::DELETE | Method::OPTIONS => Ok(Listed::Yes),
        Method::PUT => Ok(Listed::No),
        Method::TRACE | Method::CONNECT => Err(Fault::MethodNotAllowed),
        _ => Err(Fault::MethodUnknown),
    }
}
