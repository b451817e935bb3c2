//! A whole edge in a test: fresh sockets, policy and upstreams each time.

pub(crate) mod client;
pub(crate) mod frame;
pub(crate) mod house;
pub(crate) mod upstream;

pub(crate) use client::{Client, Reply, get};
pub(crate) use house::{House, PASSWORD, USER};

/// The site's host.
pub(crate) const SITE: &str = "app.example.test";
/// The gated host.
pub(crate) const GATED: &str = "adm.example.test";
