//! The audit trail: who did what, from where, with what outcome.
//!
//! An [`AuditEntry`] is what a room says happened; an [`AuditRecord`] is that entry capped, escaped and signed with node and version, as it
//! is stored; an [`AuditRow`] is a record with its place in the chain of its node.
//! Entries of a flow are chained when it commits; the writer stores loose ones, many in one transaction, floods of them counted.

mod canonical;
mod chain;
mod commit;
mod entry;
mod event;
mod fold;
mod reached;
mod record;
mod verify;
mod writer;

pub use chain::{ChainHash, ChainHead, ChainKeys, GENESIS};
pub(crate) use commit::append;
pub use entry::{AuditEntry, MetaKey, Outcome};
pub use event::AuditEvent;
pub(crate) use reached::Reached;
pub(crate) use record::escaped;
pub use record::{AuditRecord, AuditRow, CutField};
pub use verify::{Anchor, BrokenChain, ChainFault, ChainVerifier, verify_chain};
pub(crate) use writer::{Job, Writer};
