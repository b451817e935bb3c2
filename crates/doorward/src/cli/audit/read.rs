//! `tail`, `search`, `export`.

use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::time::Duration;

use doorward_domain::audit::{AuditEntry, AuditRow};
use doorward_domain::store::{AuditFilter, PageLimit};
use doorward_domain::{Accounts, AuditEvent, Outcome};

use super::show::{Progress, plain};
use super::{ExportArgs, Format, SearchArgs, TailArgs, now};
use crate::cli::process::print;
use crate::trail::{cef, json};
use crate::wire::StartError;

/// How often a follower looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Rows of one page.
const PAGE: u32 = 1000;

fn show(row: &AuditRow, as_json: bool) -> Result<(), StartError> {
    print(&if as_json { json(row) } else { plain(row, std::io::stdout().is_terminal()) })
}

pub(super) async fn tail(accounts: &Accounts, args: &TailArgs) -> Result<(), StartError> {
    // Positions first: what is written meanwhile is then shown twice at worst, which the positions below prevent.
    let mut reached: BTreeMap<String, u64> = BTreeMap::new();
    for head in accounts.audit_heads().await? {
        reached.insert(head.node, head.seq);
    }
    let rows = accounts.search_audit(&AuditFilter::default(), None, PageLimit::new(args.lines)).await?;
    for row in rows.iter().rev() {
        show(row, args.json)?;
        let position = reached.entry(row.record.node.clone()).or_default();
        *position = (*position).max(row.seq);
    }
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for head in accounts.audit_heads().await? {
            let position = reached.entry(head.node.clone()).or_default();
            for row in accounts.audit_rows(&head.node, *position, PageLimit::new(PAGE)).await? {
                show(&row, args.json)?;
                *position = row.seq;
            }
        }
    }
}

pub(super) async fn search(accounts: &Accounts, args: &SearchArgs) -> Result<(), StartError> {
    let now = now();
    let filter = AuditFilter {
        event: args.event,
        outcome: args.outcome,
        actor: args.actor,
        subjects: args.about.as_deref().map(|who| accounts.subject_hashes(who)).unwrap_or_default(),
        client_ip: args.ip,
        since: args.since.map(|since| since.instant(now)),
        until: args.until.map(|until| until.instant(now)),
    };
    let (mut shown, mut before) = (0, None);
    while shown < args.limit {
        let limit = u32::try_from(args.limit - shown).unwrap_or(PAGE);
        let rows = accounts.search_audit(&filter, before.as_ref(), PageLimit::new(limit)).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.cursor());
        shown += rows.len();
        for row in &rows {
            show(row, args.json)?;
        }
    }
    Ok(())
}

/// Chain after chain, each in its order, so that whoever reads it can follow the hashes.
pub(super) async fn export(accounts: &Accounts, args: &ExportArgs) -> Result<(), StartError> {
    let since = args.since.map(|since| since.instant(now()));
    accounts.record_now(AuditEntry::of_house(AuditEvent::TrailExported, Outcome::Success, now())).await?;
    let heads = accounts.audit_heads().await?;
    let mut progress = Progress::new("entries read", heads.iter().map(|head| head.seq.saturating_sub(head.floor_seq)).sum());
    let mut out = BufWriter::new(std::io::stdout());
    let mut read = 0;
    for head in heads {
        let mut after = head.floor_seq;
        while after < head.seq {
            let rows = accounts.audit_rows(&head.node, after, PageLimit::new(PAGE)).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            read += rows.len() as u64;
            for row in rows.iter().filter(|row| since.is_none_or(|since| row.record.at >= since)) {
                let line = if args.format == Format::Cef { cef(row) } else { json(row) };
                writeln!(out, "{line}").map_err(StartError::Output)?;
            }
            progress.reach(read);
        }
    }
    out.flush().map_err(StartError::Output)?;
    progress.end();
    Ok(())
}
