//! The edge over real sockets: a client that writes octets, listeners as in production, and an upstream that records what reaches it.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

mod answers;
mod body;
mod challenge;
mod compress;
mod destination;
mod files;
mod flood;
mod framing;
mod gate;
mod gate_way;
mod headers;
mod host;
mod http2;
mod interim;
mod limit;
mod nocache;
mod parts;
mod path;
mod pipeline;
mod plain;
mod proxy;
mod reflect;
mod script;
mod several;
mod slow;
mod tls;
mod tunnel;
mod upgrade;
