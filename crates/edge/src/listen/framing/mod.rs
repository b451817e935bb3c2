//! The framing guard: HTTP/1.1 is read here first, octet by octet, so that nobody behind can disagree about where a request ends.
//!
//! Comes in: what a stranger sends. Goes out: whole heads that RFC 9112 allows without any leniency, bodies whose framing has been
//! followed, and, for everything else, one marked request that is answered in its turn with a refusal. Must never know: routes,
//! hosts of the site, what a request means.
//!
//! Attacks we know, and what stops them:
//! - *smuggling by two lengths* (CL.TE, TE.CL, CL.CL, TE.TE): one length at most, `chunked` spelled exactly, HTTP/1.1 only;
//! - *smuggling by line ends*: a line ends in CR LF, a CR or LF anywhere else is refused, in chunk extensions too;
//! - *0.CL and CL.0*: the guard follows the declared length itself, so a body is never taken for the next head;
//! - *response splitting by an early answer*: an answer that comes before the body has been read closes the connection;
//! - *h2c and tunnels*: `PRI *` and `CONNECT` never get through; octets after a head that asks for an upgrade wait for the answer.
//!
//! Octets 0x80–0xFF are allowed in field values, which is what `Cookie` and `User-Agent` of real clients need, but not in the
//! fields that frame, route or authorise (see `octet`).

mod chunk;
mod guard;
mod head;
mod lane;
mod linger;
mod octet;
#[cfg(test)]
mod tests;
mod timer;

pub(crate) use guard::{Guard, GuardRules};
pub(crate) use head::is_legal_field;
pub(crate) use lane::Lane;
pub(super) use linger::Linger;
pub use octet::is_legal_target;
pub(crate) use timer::{Alarm, Pace};

/// Why a head was refused. The answer is chosen in `rescue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FramingFault {
    /// A line ends in LF alone, or a CR stands inside a line (RFC 9112 §2.2).
    #[error("bare CR or LF")]
    LineEnd,
    /// Not `METHOD target HTTP/1.1` with single spaces.
    #[error("malformed request line")]
    RequestLine,
    /// Another protocol version than 1.0 and 1.1.
    #[error("unsupported protocol version")]
    Version,
    /// `CONNECT`.
    #[error("tunnels are not offered")]
    Tunnel,
    /// A target that is not in origin form, nor an agreeing absolute form, nor `OPTIONS *` (RFC 9112 §3.2).
    #[error("illegal request target")]
    Target,
    /// A field name that is not a token, a folded line, or an illegal octet in a value (RFC 9112 §5).
    #[error("malformed field line")]
    Field,
    /// No `Host`, more than one, an illegal one, or one that differs from the target's authority.
    #[error("not exactly one legal Host")]
    Host,
    /// More than one length, or one that is not a plain decimal number (RFC 9112 §6.3).
    #[error("ambiguous or malformed body length")]
    Length,
    /// `Transfer-Encoding` other than exactly `chunked`, or in HTTP/1.0.
    #[error("unsupported transfer coding")]
    Coding,
    /// `Expect` other than `100-continue` (RFC 9110 §10.1.1).
    #[error("unsupported expectation")]
    Expectation,
    /// The request line is longer than allowed.
    #[error("request line is too long")]
    LineTooLong,
    /// The head is longer, or has more fields, than allowed.
    #[error("head is too large")]
    HeadTooLarge,
    /// The head did not come in time.
    #[error("head came too slowly")]
    TooSlow,
    /// The connection ended in the middle of a head.
    #[error("head is incomplete")]
    Incomplete,
}

/// Why a body ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyFault {
    /// Chunk framing is broken (RFC 9112 §7.1).
    #[error("malformed chunk")]
    Chunk,
    /// Octets trickle or stopped.
    #[error("body came too slowly")]
    TooSlow,
}

impl From<BodyFault> for std::io::Error {
    fn from(fault: BodyFault) -> Self {
        let kind = match fault {
            BodyFault::Chunk => std::io::ErrorKind::InvalidData,
            BodyFault::TooSlow => std::io::ErrorKind::TimedOut,
        };
        Self::new(kind, fault)
    }
}
