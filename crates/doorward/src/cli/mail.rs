//! `mail`: see what became of mail, and have it tried again. Nothing here shows a body: a link is for its one recipient.

use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};
use doorward_config::ProcessEnv;
use doorward_domain::Accounts;
use doorward_domain::store::{MailFilter, MailState, OutboxRow, PageLimit};
use doorward_kit::id::MailId;
use serde_json::{Value, json};

use super::Exit;
use super::process::{block_on, load, print, say};
use crate::wire::{StartError, open_accounts};

/// Mails read at once.
const PAGE: u32 = 1000;

/// What can be done with mail.
#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// List mails, newest first: those of the last day, and those that wait or were given up.
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<State>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one mail, without its text.
    Show {
        /// Its id, as `mail list` shows it.
        id: MailId,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Have mail tried again that was given up.
    Retry(Which),
}

/// Which mails to retry.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// One, by its id.
    id: Option<MailId>,
    /// Every one that was given up.
    #[arg(long)]
    all: bool,
}

/// What has become of a mail.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum State {
    /// It waits.
    Waiting,
    /// It was sent.
    Sent,
    /// It was given up.
    Dead,
    /// It was never to be sent: a request that nothing was to be mailed for.
    Withheld,
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &MailCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    block_on(async {
        let opened = open_accounts(&config, &ProcessEnv).await?;
        obey(&opened.accounts, command).await
    })
}

async fn obey(accounts: &Accounts, command: &MailCommand) -> Result<(), StartError> {
    match command {
        MailCommand::List { state, json } => list(accounts, state.map(asked), *json).await,
        MailCommand::Show { id, json } => {
            let row = accounts.find_mail(*id).await?.ok_or(StartError::NotThere("there is no such mail"))?;
            if *json { print(&object(&row).to_string()) } else { show(&row) }
        }
        MailCommand::Retry(Which { id: Some(id), .. }) => {
            if !accounts.retry_mail(*id).await? {
                return Err(StartError::NotThere("no mail that was given up has this id"));
            }
            say("it is tried again");
            Ok(())
        }
        MailCommand::Retry(Which { id: None, .. }) => {
            match accounts.retry_all_mail().await? {
                1 => say("one mail is tried again"),
                count => say(&format!("{count} mails are tried again")),
            }
            Ok(())
        }
    }
}

async fn list(accounts: &Accounts, state: Option<MailState>, as_json: bool) -> Result<(), StartError> {
    let mut before = None;
    loop {
        let rows = accounts.list_mail(MailFilter { state, before }, PageLimit::new(PAGE)).await?;
        for row in &rows {
            print(&if as_json { object(row).to_string() } else { line(row) })?;
        }
        before = rows.last().map(|row| row.id);
        if before.is_none() {
            return Ok(());
        }
    }
}

fn asked(state: State) -> MailState {
    match state {
        State::Waiting => MailState::Waiting,
        State::Sent => MailState::Sent,
        State::Dead => MailState::Dead,
        State::Withheld => MailState::Withheld,
    }
}

const fn word(state: MailState) -> &'static str {
    match state {
        MailState::Waiting => "waiting",
        MailState::Sent => "sent",
        MailState::Dead => "dead",
        MailState::Withheld => "withheld",
    }
}

/// Addresses were parsed before they were stored, and are ASCII without blanks.
fn line(row: &OutboxRow) -> String {
    let queued: String = row.queued_at.to_string().chars().take(19).collect();
    let why = row.last_error.as_deref().unwrap_or("-");
    format!("{}  {queued}Z  {:8}  {:20}  {:3}  {why:14}  {}", row.id, word(row.state), row.kind.as_str(), row.attempts, row.to)
}

fn show(row: &OutboxRow) -> Result<(), StartError> {
    let or_never = |at: Option<doorward_kit::Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    print(&format!("id        {}", row.id))?;
    print(&format!("kind      {}", row.kind.as_str()))?;
    print(&format!("to        {}", row.to))?;
    print(&format!("state     {}", word(row.state)))?;
    print(&format!("queued    {}", row.queued_at))?;
    print(&format!("attempts  {}", row.attempts))?;
    print(&format!("next      {}", or_never(row.next_at)))?;
    print(&format!("sent      {}", or_never(row.sent_at)))?;
    print(&format!("fault     {}", row.last_error.as_deref().unwrap_or("-")))
}

fn object(row: &OutboxRow) -> Value {
    json!({
        "id": row.id,
        "kind": row.kind.as_str(),
        "to": row.to,
        "state": word(row.state),
        "queued_at": row.queued_at.to_string(),
        "attempts": row.attempts,
        "next_at": row.next_at.map(|at| at.to_string()),
        "sent_at": row.sent_at.map(|at| at.to_string()),
        "fault": row.last_error,
    })
}
