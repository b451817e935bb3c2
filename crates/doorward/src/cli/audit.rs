//! `audit`: reads, exports and proves the audit trail.

mod read;
mod show;
mod when;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use doorward_config::{Config, ProcessEnv};
use doorward_domain::audit::{Anchor, AuditEntry, BrokenChain, ChainHead, MetaKey};
use doorward_domain::{Accounts, AuditEvent, Outcome};
use doorward_kit::{Clock as _, SystemClock, Timestamp, UserId};
use serde_json::json;

use super::Exit;
use super::process::{block_on, load, print, say};
use crate::trail::{append_anchors, last_shipped, read_anchors};
use crate::wire::{StartError, open_accounts};
use show::Progress;

/// What can be done with the trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show the latest entries.
    Tail(TailArgs),
    /// Find entries, newest first.
    Search(SearchArgs),
    /// Write entries for another machine to read, oldest first.
    Export(ExportArgs),
    /// Prove that no entry was changed, removed, moved or inserted. Exit code 1 names the first bad place.
    Verify(VerifyArgs),
    /// Write down where the chains stand: `verify --anchor` finds later whether they were cut or rewritten.
    Anchor(AnchorArgs),
}

/// Arguments of `tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// How many entries.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    lines: u32,
    /// Go on showing entries as they are written.
    #[arg(short, long)]
    follow: bool,
    /// One line of JSON for each entry.
    #[arg(long)]
    json: bool,
}

/// Arguments of `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Only this event, such as `auth.login_failed`.
    #[arg(long, value_parser = event)]
    event: Option<AuditEvent>,
    /// Only by this account.
    #[arg(long, value_name = "ID")]
    actor: Option<UserId>,
    /// Only about this address or name: the trail holds a digest of it, and every key that there was is asked.
    #[arg(long, value_name = "WHO")]
    about: Option<String>,
    /// Only from this client address.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<std::net::IpAddr>,
    /// Only with this outcome: success, failure, denied or error.
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Not before: a time such as 2026-05-01T12:00:00Z, or how long ago, such as 30m, 12h or 7d.
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    since: Option<when::When>,
    /// Not after.
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    until: Option<when::When>,
    /// At most so many entries.
    #[arg(short = 'n', long, default_value_t = 1000)]
    limit: usize,
    /// One line of JSON for each entry.
    #[arg(long)]
    json: bool,
}

/// How an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line of JSON.
    Jsonl,
    /// ArcSight's Common Event Format.
    Cef,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// How an entry is written.
    #[arg(long, value_enum)]
    format: Format,
    /// Not before: a time, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    since: Option<when::When>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Also hold the chains against these anchors; the configured anchor file when not given.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Print JSON for a machine on stdout.
    #[arg(long)]
    json: bool,
}

/// Arguments of `anchor`.
#[derive(Debug, Args)]
pub struct AnchorArgs {
    /// Where to append; the configured anchor file when not given.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

fn event(word: &str) -> Result<AuditEvent, &'static str> {
    AuditEvent::parse(word).ok_or("no such event")
}

fn outcome(word: &str) -> Result<Outcome, &'static str> {
    Outcome::parse(word).ok_or("not one of success, failure, denied, error")
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &AuditCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let mut holds = true;
    let exit = block_on(async {
        let accounts = open_accounts(&config, &ProcessEnv).await?.accounts;
        match command {
            AuditCommand::Tail(args) => read::tail(&accounts, args).await,
            AuditCommand::Search(args) => read::search(&accounts, args).await,
            AuditCommand::Export(args) => read::export(&accounts, args).await,
            AuditCommand::Anchor(args) => anchor(&config, &accounts, args).await,
            AuditCommand::Verify(args) => {
                holds = verify(&config, &accounts, args).await?;
                Ok(())
            }
        }
    });
    if exit == Exit::Done && !holds { Exit::NotRight } else { exit }
}

async fn anchor(config: &Config, accounts: &Accounts, args: &AnchorArgs) -> Result<(), StartError> {
    let file = args.file.as_ref().or(config.audit.anchor_file.as_ref());
    let file = file.ok_or(StartError::Usage("name a file with --file, or set audit.anchor_file"))?;
    let anchors = accounts.audit_anchors().await?;
    append_anchors(file, &anchors).map_err(StartError::Folder)?;
    for anchor in &anchors {
        say(&format!("anchored node {} at position {}", anchor.node, anchor.seq));
    }
    Ok(())
}

/// Chains that there are or have to be, and what they are held to.
pub(super) struct Chains {
    /// Whose.
    pub(super) nodes: Vec<String>,
    /// Anchors, and what was shipped last.
    pub(super) witnesses: Vec<Anchor>,
    /// Of the file alone.
    anchors: Vec<Anchor>,
    /// How many entries there are.
    total: u64,
}

pub(super) async fn chains(config: &Config, accounts: &Accounts, anchor: Option<&Path>) -> Result<Chains, StartError> {
    let file = anchor.or_else(|| config.audit.anchor_file.as_deref().filter(|file| file.exists()));
    let anchors = file.map(read_anchors).transpose().map_err(StartError::Folder)?.unwrap_or_default();
    let witnesses = [anchors.clone(), shipped(config, accounts)?].concat();
    let heads = accounts.audit_heads().await?;
    // The own chain in any case: it may be gone altogether.
    let mut nodes = vec![accounts.rules().node.clone()];
    nodes.extend(heads.iter().map(|head| head.node.clone()).chain(witnesses.iter().map(|anchor| anchor.node.clone())));
    nodes.sort();
    nodes.dedup();
    let total = heads.iter().map(|head| head.seq.saturating_sub(head.floor_seq)).sum();
    Ok(Chains { nodes, witnesses, anchors, total })
}

/// Proves every chain; says whether all hold. That it was done is an entry itself.
async fn verify(config: &Config, accounts: &Accounts, args: &VerifyArgs) -> Result<bool, StartError> {
    let Chains { nodes, witnesses, anchors, total } = chains(config, accounts, args.anchor.as_deref()).await?;
    let mut progress = Progress::new("entries proven", total);
    let mut proven = Vec::new();
    for node in nodes {
        let before: u64 =
            proven.iter().map(|(_, result): &(String, Result<u64, BrokenChain>)| result.as_ref().copied().unwrap_or(0)).sum();
        let result = accounts.verify_audit(&node, &witnesses, |walked| progress.reach(before + walked)).await?;
        proven.push((node, result));
    }
    progress.end();
    for (node, _) in proven.iter().filter(|(node, _)| witnesses.iter().all(|anchor| anchor.node != *node)) {
        say(&format!("node {node}: no anchor and no shipped entry; a chain that was put back whole would go unnoticed"));
    }
    let holds = proven.iter().all(|(_, result)| result.is_ok());
    accounts.record_now(entry(&proven, holds)).await?;
    tell(&proven, &anchors, args.json)?;
    Ok(holds)
}

/// The last shipped entry holds the chain to itself as an anchor does.
fn shipped(config: &Config, accounts: &Accounts) -> Result<Vec<Anchor>, StartError> {
    let Some(file) = &config.audit.file else { return Ok(Vec::new()) };
    let last = last_shipped(file).map_err(|error| StartError::Folder(std::io::Error::other(error)))?;
    Ok(last
        .map(|(node, seq, hash)| {
            let head = ChainHead { seq, hash, ..ChainHead::genesis(&node) };
            Anchor::of(&head, now(), accounts.chain_keys())
        })
        .into_iter()
        .collect())
}

fn entry(proven: &[(String, Result<u64, BrokenChain>)], holds: bool) -> AuditEntry {
    let outcome = if holds { Outcome::Success } else { Outcome::Failure };
    let entry = AuditEntry::of_house(AuditEvent::TrailVerified, outcome, now());
    match proven.iter().find_map(|(_, result)| result.as_ref().err()) {
        Some(broken) => entry.because("broken").with(MetaKey::FromSeq, broken.seq),
        None => entry,
    }
}

fn tell(proven: &[(String, Result<u64, BrokenChain>)], anchors: &[Anchor], as_json: bool) -> Result<(), StartError> {
    if as_json {
        let chains: Vec<_> = proven
            .iter()
            .map(|(node, result)| match result {
                Ok(entries) => json!({"node": node, "ok": true, "entries": entries}),
                Err(broken) => json!({"node": node, "ok": false, "seq": broken.seq, "fault": broken.fault.to_string()}),
            })
            .collect();
        let ok = proven.iter().all(|(_, result)| result.is_ok());
        return print(&json!({"ok": ok, "anchors": anchors.len(), "chains": chains}).to_string());
    }
    for (node, result) in proven {
        print(&match result {
            Ok(entries) => format!(
                "ok: node {node}: {entries} entries hold, {} anchors",
                anchors.iter().filter(|anchor| anchor.node == *node).count()
            ),
            Err(broken) => format!("BROKEN: {broken}"),
        })?;
    }
    Ok(())
}

fn now() -> Timestamp {
    SystemClock.now()
}
