//! `secrets rotate`: one more version in the key file.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use doorward_config::{Accounts, Config, ProcessEnv, SecretSource};
use doorward_domain::audit::MetaKey;
use doorward_domain::{AuditEntry, AuditEvent, Outcome};
use doorward_kit::ring::Rotation;
use doorward_kit::{Clock as _, KeyRing, SystemClock, SystemEntropy, Timestamp};

use super::super::process::{print, say};
use super::super::span;
use super::RotateArgs;
use crate::private_file;
use crate::wire::{StartError, key, open_accounts};

/// The trail is opened with the former ring and written after the file: an entry stands for a rotation that has happened, and is chained
/// with a key that the running nodes know.
pub(super) async fn rotate(config: &Config, args: &RotateArgs) -> Result<(), StartError> {
    let path = match key::source(config)? {
        SecretSource::File(path) => path,
        SecretSource::Env(name) => return Err(from_environment(&name)),
    };
    let opened = open_accounts(config, &ProcessEnv).await?;
    let version = {
        let _lock = lock(&path)?;
        add_version(&path, config, args)?
    };
    let entry = AuditEntry::of_house(AuditEvent::KeyRotated, Outcome::Success, SystemClock.now());
    opened.accounts.record_now(entry.with(MetaKey::KeyVersion, version)).await?;
    Ok(())
}

fn from_environment(name: &str) -> StartError {
    say(&format!("the master key comes from the variable {name}, which this command cannot change"));
    say("write its value to a file that only the service may read (mode 0600), name that file with site.key_file in place of");
    say(
        "site.key_env, start again, and rotate the file; or keep the variable and give it a whole ring as its value, a key a line,",
    );
    say("as docs/concepts/keys.md shows, and start every node again");
    StartError::Usage("nothing was changed")
}

/// One rotation at a time. The file itself is locked, and read only then: whoever comes second reads what the first has written.
fn lock(path: &Path) -> Result<File, StartError> {
    let file = File::open(path).map_err(StartError::Input)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Usage("the key file is being rotated by another process")),
        Err(TryLockError::Error(error)) => Err(StartError::Input(error)),
    }
}

fn add_version(path: &Path, config: &Config, args: &RotateArgs) -> Result<u32, StartError> {
    let (_, text) = SecretSource::File(path.to_owned()).read_ring_text(&ProcessEnv)?;
    let needed = longest_life(&config.accounts);
    let overlap = args.overlap.unwrap_or(needed);
    let now = SystemClock.now();
    // Whole seconds: the file is read by people too.
    let begin = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let (from, until) = (later(begin, args.activate_in), later(later(begin, args.activate_in), overlap));
    let material = key::material(&SystemEntropy);
    let new = KeyRing::rotated(text.expose(), &Rotation { material: material.expose(), from, until, now })?;
    let ring = KeyRing::parse(&new)?;
    private_file::replace(path, new.as_bytes()).map_err(StartError::KeyFile)?;
    tell(&ring, path, args, (overlap, needed), (from, until))?;
    Ok(ring.newest())
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long the longest-lived value lives that is nothing without its key: a session, or a link that was mailed. A known device is left
/// out: whoever loses it is a stranger like any other, and nothing more.
fn longest_life(accounts: &Accounts) -> Duration {
    let lives = [
        accounts.session_absolute,
        accounts.remember_absolute,
        accounts.verification,
        accounts.recovery,
        accounts.email_change,
        accounts.email_undo,
        accounts.invitation,
    ];
    lives.into_iter().max().unwrap_or_default()
}

fn tell(
    ring: &KeyRing,
    path: &Path,
    args: &RotateArgs,
    (overlap, needed): (Duration, Duration),
    (from, until): (Timestamp, Timestamp),
) -> Result<(), StartError> {
    let newest = ring.newest();
    print(&format!("version {newest} is in {}", path.display()))?;
    if args.activate_in.is_zero() {
        say(&format!("version {newest} is used from now on: start every process of this site again"));
    } else {
        say(&format!("version {newest} is used from {from} on"));
        say("a running process reads the file within seconds; copy it to every other node before then, with mode 0600");
        say(
            "a process that has its keys from a copy made at its start, such as a systemd credential, has to be started again before then",
        );
    }
    say(&format!("the version before it knows sessions and links until {until}"));
    if overlap < needed {
        let (overlap, needed) = (span::render(overlap), span::render(needed));
        say(&format!("sessions and links that nobody uses in those {overlap} end then, though they could live for {needed}"));
    }
    say(
        "keep every line of the file, and a copy of it apart from the database's: passwords and the trail need their versions for good",
    );
    Ok(())
}
