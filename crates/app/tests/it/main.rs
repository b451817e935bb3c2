//! The application with real parts: the flows over SQLite, real hashing, real mail files. Only sockets and the wall clock are missing.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on stops")]

#[path = "../../../storage/sqlite/tests/it/authenticator.rs"]
#[allow(dead_code, reason = "its lies are told in the domain's own tests")]
mod authenticator;
mod client;
mod enrolment;
mod house;

mod account;
mod assertion;
mod cookie;
mod csrf_origin;
mod csrf_token;
mod door;
mod enumeration;
mod error;
mod factor;
mod fuzz;
mod health;
mod input;
mod mail;
mod notice;
mod openapi;
mod operator;
mod page;
mod passwordless;
mod provider;
mod recovery;
mod redirect;
mod relay;
mod report;
mod rotation;
mod route_table;
mod second_factor;
mod session;
mod step_up;
mod table;
mod timing;
mod verification;
