//! `session`: see and end sessions without a browser.

use std::path::Path;

use clap::Subcommand;
use doorward_config::ProcessEnv;
use doorward_domain::{Accounts, Session};
use doorward_kit::SessionId;
use serde_json::{Value, json};

use super::Exit;
use super::process::{block_on, load, print, say};
use super::user::{NOBODY, Whose};
use crate::wire::{StartError, open_accounts};

/// What can be done with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the live sessions of an account, oldest first.
    List {
        /// Which account.
        #[command(flatten)]
        whose: Whose,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// End one session.
    Revoke {
        /// Its id, as `session list` shows it; it is a reference, not the credential.
        id: SessionId,
    },
    /// End every session of an account.
    RevokeAll(Whose),
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &SessionCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    block_on(async {
        let opened = open_accounts(&config, &ProcessEnv).await?;
        obey(&opened.accounts, command).await
    })
}

async fn obey(accounts: &Accounts, command: &SessionCommand) -> Result<(), StartError> {
    match command {
        SessionCommand::List { whose, json } => {
            for session in accounts.sessions_of(&whose.email()?).await?.ok_or(NOBODY)? {
                print(&if *json { object(&session).to_string() } else { line(&session) })?;
            }
        }
        SessionCommand::Revoke { id } => {
            if !accounts.end_session(*id).await? {
                return Err(StartError::NotThere("there is no such session"));
            }
            say("it has ended");
        }
        SessionCommand::RevokeAll(whose) => match accounts.end_sessions_of(&whose.email()?).await?.ok_or(NOBODY)? {
            1 => say("one session has ended"),
            count => say(&format!("{count} sessions have ended")),
        },
    }
    Ok(())
}

/// The user agent was escaped when it was stored.
fn line(session: &Session) -> String {
    let seen: String = session.last_seen_at.to_string().chars().take(19).collect();
    format!("{}  {seen}Z  {:15}  {}", session.id, session.client.to_string(), session.user_agent)
}

fn object(session: &Session) -> Value {
    json!({
        "id": session.id,
        "created_at": session.created_at.to_string(),
        "last_seen_at": session.last_seen_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "is_remembered": session.is_remembered,
        "client": session.client.to_string(),
        "user_agent": session.user_agent,
    })
}
