//! The audit trail: who did what, from where, with what outcome.
//!
//! An [`AuditEntry`] is what a room says happened; an [`AuditRecord`] is that entry capped, escaped and signed with node and version, as it
//! is stored; an [`AuditRow`] is a record with its place in the sequence. The writer stores loose entries, many in one transaction.

mod entry;
mod event;
mod record;
mod writer;

pub use entry::{AuditEntry, MetaKey, Outcome};
pub use event::AuditEvent;
pub(crate) use record::escaped;
pub use record::{AuditRecord, AuditRow};
pub(crate) use writer::{Job, Writer};
