//! `user`: operate accounts without a browser.

use std::path::Path;

use clap::{Args, Subcommand};
use doorward_config::{Config, ProcessEnv};
use doorward_domain::service::Invitation;
use doorward_domain::store::PageLimit;
use doorward_domain::{Accounts, EmailAddress, User};
use serde_json::{Value, json};

use super::Exit;
use super::process::{block_on, load, print, say};
use crate::wire::{StartError, open_accounts};

/// Accounts read at once.
const PAGE: u32 = 1000;

/// Which account.
#[derive(Debug, Args)]
pub struct Whose {
    /// Its verified address.
    address: String,
}

impl Whose {
    /// The address, parsed.
    pub(super) fn email(&self) -> Result<EmailAddress, StartError> {
        self.address.parse().map_err(|_| StartError::Usage("that is not an e-mail address"))
    }
}

/// What can be done to an account.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List every account.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one account.
    Show {
        /// Which account.
        #[command(flatten)]
        whose: Whose,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Make a single-use link with which somebody signs up; mailed as well when an address is given.
    Invite {
        /// The one address that it is good for; any, if left out.
        address: Option<String>,
        /// A role that it grants; may be given several times.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Disable an account: it can no longer sign in, and its sessions end.
    Disable(Whose),
    /// Let a disabled account sign in again.
    Enable(Whose),
    /// Delete an account with everything that hangs on it. The audit trail stays.
    Delete(Whose),
    /// Set the roles of an account: those given, and no others.
    Roles {
        /// Which account.
        #[command(flatten)]
        whose: Whose,
        /// A role; none takes all roles away.
        roles: Vec<String>,
    },
    /// Take every second factor and recovery code of an account away, for whoever has lost them all. Its sessions end; the owner is told.
    RemoveFactors(Whose),
    /// Print a single-use link that sets a new password, to be handed over.
    ResetLink(Whose),
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &UserCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    block_on(async {
        let opened = open_accounts(&config, &ProcessEnv).await?;
        obey(&config, &opened.accounts, command).await
    })
}

async fn obey(config: &Config, accounts: &Accounts, command: &UserCommand) -> Result<(), StartError> {
    match command {
        UserCommand::List { json } => list(accounts, *json).await,
        UserCommand::Show { whose, json } => {
            let user = accounts.find_user(&whose.email()?).await?.ok_or(NOBODY)?;
            if *json { print(&object(&user).to_string()) } else { show(&user) }
        }
        UserCommand::Invite { address, roles } => invite(config, accounts, address.as_deref(), roles).await,
        UserCommand::Disable(whose) => told(accounts.disable_user(&whose.email()?).await?, "disabled; its sessions have ended"),
        UserCommand::Enable(whose) => told(accounts.enable_user(&whose.email()?).await?, "enabled"),
        UserCommand::Delete(whose) => told(accounts.delete_user(&whose.email()?).await?, "deleted"),
        UserCommand::Roles { whose, roles } => {
            declared(config, roles)?;
            told(accounts.set_user_roles(&whose.email()?, roles.clone()).await?, "the roles are set")
        }
        UserCommand::RemoveFactors(whose) => {
            told(accounts.remove_factors(&whose.email()?).await?, "its second factors are gone; its sessions have ended")
        }
        UserCommand::ResetLink(whose) => {
            let link = accounts.recovery_link(&whose.email()?).await?;
            let link = link.ok_or(StartError::NotThere("no account that is enabled has this address"))?;
            say("this link sets a new password, once; whoever has it has the account");
            print(&link)
        }
    }
}

/// The account that is not there.
pub(super) const NOBODY: StartError = StartError::NotThere("no account has this address");

fn told(found: bool, done: &str) -> Result<(), StartError> {
    if !found {
        return Err(NOBODY);
    }
    say(done);
    Ok(())
}

/// A role that no route can ask for is a slip of the keyboard.
fn declared(config: &Config, roles: &[String]) -> Result<(), StartError> {
    let is_declared = |role: &String| config.accounts.roles.contains(role);
    if roles.iter().all(is_declared) {
        Ok(())
    } else {
        Err(StartError::Usage("a role is not declared: name it in accounts.roles first"))
    }
}

async fn invite(config: &Config, accounts: &Accounts, address: Option<&str>, roles: &[String]) -> Result<(), StartError> {
    declared(config, roles)?;
    let email = address.map(str::parse::<EmailAddress>).transpose();
    let email = email.map_err(|_| StartError::Usage("that is not an e-mail address"))?;
    let is_mailed = email.is_some();
    let link = accounts.invite(Invitation { email, roles: roles.to_vec(), by: None }).await?;
    say(if is_mailed { "the link is mailed as well; it works once" } else { "the link works once, for whoever has it" });
    print(&link)
}

async fn list(accounts: &Accounts, as_json: bool) -> Result<(), StartError> {
    let mut after = None;
    loop {
        let page = accounts.list_users(after, PageLimit::new(PAGE)).await?;
        for user in &page.items {
            if as_json {
                print(&object(user).to_string())?;
            } else {
                print(&format!("{:36}  {:8}  {}  {}", user.id, state(user), day(user), user.email.display))?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn show(user: &User) -> Result<(), StartError> {
    print(&format!("address   {}", user.email.display))?;
    print(&format!("id        {}", user.id))?;
    print(&format!("name      {}", user.display_name))?;
    print(&format!("state     {}", state(user)))?;
    print(&format!("roles     {}", if user.roles.is_empty() { "none".to_owned() } else { user.roles.join(", ") }))?;
    print(&format!("since     {}", user.created_at))
}

fn state(user: &User) -> &'static str {
    if user.disabled_at.is_some() { "disabled" } else { "enabled" }
}

fn day(user: &User) -> String {
    user.created_at.to_string().chars().take(10).collect()
}

fn object(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email.display,
        "display_name": user.display_name,
        "roles": user.roles,
        "disabled_at": user.disabled_at.map(|at| at.to_string()),
        "created_at": user.created_at.to_string(),
    })
}
