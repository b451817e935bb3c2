//! `verify` against a scripted site: every judgement is shown to fail as well as to pass.

#![expect(clippy::expect_used, reason = "a helper of a test may stop it")]

mod accounts;
mod accounts_site;
mod address;
mod backstage_site;
mod cookie;
mod coverage;
mod diff;
mod file;
mod form;
mod gate;
mod house;
mod judgement;
mod redaction;
mod robust;
mod schema;
mod score;
mod stranger;
mod strict;
mod wire;
mod wire_flows;
