//! The steps of [`stack`](crate::stack), one file each. None of them knows which comes before or after.

pub(crate) mod access_log;
pub(crate) mod body_cap;
pub(crate) mod client_addr;
pub(crate) mod compress;
pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod limit;
pub(crate) mod method;
pub(crate) mod panic;
pub(crate) mod seen;
pub(crate) mod target;
