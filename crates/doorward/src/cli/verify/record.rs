//! The entry that a run leaves in the trail of the site it looked at (`verify.run`).

use doorward_config::{Config, ProcessEnv};
use doorward_domain::audit::MetaKey;
use doorward_domain::{AuditEntry, AuditEvent, Outcome};
use doorward_kit::{Clock as _, SystemClock};
use doorward_verify::Report;
use doorward_verify::verification::RowVerdict;

use crate::cli::{Exit, process};
use crate::wire::open_accounts;

/// Opens the site's own store, which the trail is in, and writes the entry. Names the rows that are not as the guide asks.
pub(super) fn record(config: &Config, report: &Report) -> Exit {
    process::block_on(async {
        let accounts = open_accounts(config, &ProcessEnv).await?.accounts;
        Ok(accounts.record_now(entry(report)).await?)
    })
}

fn entry(report: &Report) -> AuditEntry {
    let outcome = if report.is_ok() { Outcome::Success } else { Outcome::Failure };
    let rows = &report.verification.checks;
    let failed = rows.iter().filter(|row| matches!(row.verdict, RowVerdict::Fail | RowVerdict::Error)).map(|row| row.id);
    let entry = AuditEntry::of_house(AuditEvent::SiteVerified, outcome, SystemClock.now());
    let entry = entry.with(MetaKey::RunId, &report.verification.run_id);
    entry.with(MetaKey::FailedChecks, failed.collect::<Vec<_>>().join(","))
}
