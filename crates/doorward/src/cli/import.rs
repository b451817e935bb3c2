//! `import`: accounts of another system, with the hashes of their passwords.
//!
//! Every line is judged before anything is written; with one that is wrong nothing is.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use doorward_config::ProcessEnv;
use doorward_domain::Accounts;
use doorward_domain::account::{ImportOutcome, Newcomer};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::Exit;
use super::process::{block_on, load, print, say};
use crate::wire::{StartError, open_accounts};

/// Accounts of one transaction.
const BATCH: usize = 500;
/// Faults that are shown one by one.
const FAULTS_SHOWN: usize = 50;

/// What can be imported.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Add accounts whose password hashes go on working; addresses that have an account already are left as they are.
    Users(UsersArgs),
}

/// Where they come from.
#[derive(Debug, Args)]
pub struct UsersArgs {
    /// The file.
    file: PathBuf,
    /// How it is written.
    #[arg(long)]
    format: Format,
    /// Judge every line and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// How a file of accounts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CSV with a header; columns email, password (pbkdf2_sha256, argon2 or bcrypt of Django) and, if there, first_name and last_name.
    DjangoCsv,
    /// One JSON object a line: email, hash (a PHC string of Argon2) and, if there, name.
    PhcJsonl,
    /// CSV without a header: address, bcrypt hash and, if there, name.
    BcryptCsv,
}

/// One account as it was read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    email: String,
    hash: String,
    #[serde(default)]
    name: String,
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &ImportCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let ImportCommand::Users(args) = command;
    block_on(async {
        let opened = open_accounts(&config, &ProcessEnv).await?;
        import(&opened.accounts, args).await
    })
}

async fn import(accounts: &Accounts, args: &UsersArgs) -> Result<(), StartError> {
    let text = std::fs::read_to_string(&args.file).map_err(StartError::Input)?;
    let newcomers = judge(accounts, &text, args.format)?;
    if args.dry_run {
        return print(&format!("{} accounts can be imported", newcomers.len()));
    }
    let bar = progress(newcomers.len());
    let (mut added, mut known) = (0, 0);
    for batch in newcomers.chunks(BATCH) {
        for outcome in accounts.import_users(batch).await? {
            match outcome {
                ImportOutcome::Added => added += 1,
                ImportOutcome::Known => known += 1,
            }
        }
        match &bar {
            Some(bar) => bar.inc(batch.len() as u64),
            None => say(&format!("{} of {}", added + known, newcomers.len())),
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    print(&format!("{added} accounts added, {known} had one before"))
}

fn progress(total: usize) -> Option<ProgressBar> {
    let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(total as u64))?;
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} accounts  {per_sec}  {eta} left") {
        bar.set_style(style);
    }
    Some(bar)
}

/// Every line, or every fault. An address that comes twice would make one account of two people's hashes.
fn judge(accounts: &Accounts, text: &str, format: Format) -> Result<Vec<Newcomer>, StartError> {
    let mut newcomers = Vec::new();
    let mut faults = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for (line, row) in rows(text, format)? {
        let judged = row.and_then(|row| {
            let newcomer = accounts.judge_import(&row.email, &row.name, &row.hash).map_err(|fault| fault.to_string())?;
            match seen.insert(newcomer.canonical().to_owned(), line) {
                Some(first) => Err(format!("the address is that of line {first}")),
                None => Ok(newcomer),
            }
        });
        match judged {
            Ok(newcomer) => newcomers.push(newcomer),
            Err(fault) => faults.push(format!("line {line}: {fault}")),
        }
    }
    if faults.is_empty() {
        return Ok(newcomers);
    }
    faults.iter().take(FAULTS_SHOWN).for_each(|fault| say(fault));
    if faults.len() > FAULTS_SHOWN {
        say(&format!("and {} more", faults.len() - FAULTS_SHOWN));
    }
    Err(StartError::NotThere("some lines cannot be imported; nothing was written"))
}

/// Lines with their numbers, read or not.
type Rows = Vec<(u64, Result<Row, String>)>;

fn rows(text: &str, format: Format) -> Result<Rows, StartError> {
    match format {
        Format::PhcJsonl => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let row =
                |line: &str| serde_json::from_str(line).map_err(|_| "not an object with email, hash and perhaps name".to_owned());
            Ok(lines.map(|(number, line)| (number as u64 + 1, row(line))).collect())
        }
        Format::BcryptCsv => {
            Ok(records(text, false).map(|(line, record)| (line, record.and_then(|record| bcrypt_row(&record)))).collect())
        }
        Format::DjangoCsv => django_rows(text),
    }
}

fn records(text: &str, has_headers: bool) -> impl Iterator<Item = (u64, Result<csv::StringRecord, String>)> {
    let reader = csv::ReaderBuilder::new().has_headers(has_headers).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.into_records();
    std::iter::from_fn(move || {
        let line = records.reader().position().line();
        let record = records.next()?;
        Some((line, record.map_err(|_| "not a line of CSV".to_owned())))
    })
}

fn bcrypt_row(record: &csv::StringRecord) -> Result<Row, String> {
    match record.iter().collect::<Vec<_>>().as_slice() {
        [email, hash] => Ok(Row { email: (*email).to_owned(), hash: (*hash).to_owned(), name: String::new() }),
        [email, hash, name] => Ok(Row { email: (*email).to_owned(), hash: (*hash).to_owned(), name: (*name).to_owned() }),
        _ => Err("not two or three fields".to_owned()),
    }
}

fn django_rows(text: &str) -> Result<Rows, StartError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|_| StartError::Usage("the first line is not a CSV header"))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(email), Some(password)) = (column("email"), column("password")) else {
        return Err(StartError::Usage("the header names no columns email and password"));
    };
    let names = [column("first_name"), column("last_name")];
    let row = |record: &csv::StringRecord| {
        let field = |index: usize| record.get(index).map(str::to_owned).ok_or_else(|| "a field is missing".to_owned());
        let name: Vec<_> =
            names.iter().flatten().filter_map(|index| record.get(*index)).filter(|name| !name.is_empty()).collect();
        Ok(Row { email: field(email)?, hash: field(password)?, name: name.join(" ") })
    };
    Ok(records(text, true).map(|(line, record)| (line, record.and_then(|record| row(&record)))).collect())
}
