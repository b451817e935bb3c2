//! `user`: operate accounts without a browser.

use std::path::Path;

use clap::Subcommand;
use doorward_config::ProcessEnv;

use super::Exit;
use super::process::{block_on, load, say};
use crate::wire::{StartError, open_accounts};

/// What can be done to an account.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Disable an account: it can no longer sign in, and its sessions end.
    Disable {
        /// Its verified address.
        address: String,
    },
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &UserCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let UserCommand::Disable { address } = command;
    block_on(async {
        let email = address.parse().map_err(|_| StartError::Usage("that is not an e-mail address"))?;
        let opened = open_accounts(&config, &ProcessEnv).await?;
        let found = opened.accounts.disable_user(&email).await?;
        if !found {
            return Err(StartError::NotThere("no account has this address"));
        }
        say("disabled; its sessions have ended");
        Ok(())
    })
}
