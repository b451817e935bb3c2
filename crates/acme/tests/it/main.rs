//! Orders of certificates against an authority that is made for each test: well-behaved, hostile, slow or gone.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

mod allowlist;
mod hostile;
mod patience;
mod real;
mod release;
mod renewal;
mod trust;
