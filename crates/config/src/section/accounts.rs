//! `[accounts]`

use std::num::NonZeroU32;
use std::time::Duration;

use doorward_kit::Host;

use super::Scene;
use crate::model::{Accounts, SignUp};
use crate::reader::{Item, Located, Problem, Section, no_cookie_settings};
use crate::value::{self, not_yet, seconds};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The most roles that may be declared.
const MOST_ROLES: usize = 32;
/// The most paths that a sign-in with a provider may lead to.
const MOST_TARGETS: usize = 32;

const SIGN_UP: &[(&str, SignUp)] = &[("open", SignUp::Open), ("invitation", SignUp::Invitation), ("closed", SignUp::Closed)];

/// Reads the section. The roles are handed out as well, written ones only: routes are compared with them.
pub(crate) fn accounts(section: &Section<'_>, scene: &Scene<'_>) -> (Option<Accounts>, Option<Vec<Located<String>>>) {
    let roles = roles(section);
    let declared = roles.as_ref().map(|roles| roles.iter().map(|role| role.value.clone()).collect());
    (read(section, scene, declared), roles)
}

fn read(section: &Section<'_>, scene: &Scene<'_>, roles: Option<Vec<String>>) -> Option<Accounts> {
    let usual = Accounts::default();
    let time = |key, default, from, to| section.or(key, default, |item| value::duration(item, &seconds(from, to)));
    let sessions = sessions(section, scene);
    let sign_up = section.or("sign_up", usual.sign_up, |item| value::choice(item, SIGN_UP));
    let domains = section.list("allowed_domains", domain);
    let verification = time("verification", usual.verification, 10 * MINUTE, 7 * DAY);
    let recovery = time("recovery", usual.recovery, 10 * MINUTE, HOUR);
    let email_change = time("email_change", usual.email_change, 10 * MINUTE, 7 * DAY);
    let email_undo = time("email_undo", usual.email_undo, DAY, 30 * DAY);
    let invitation = time("invitation", usual.invitation, HOUR, 30 * DAY);
    let device = time("device", usual.device, DAY, 365 * DAY);
    let step_up = time("step_up", usual.step_up, MINUTE, HOUR);
    let operator_roles = operator_roles(section, roles.as_deref());
    let provider_targets = provider_targets(section, usual.provider_targets);
    let blocklist_file = section.maybe("blocklist_file", |item| value::path(item, scene.base));
    // Without a second factor 15 characters are the least (D-10).
    let shortest = if scene.is_development() { 8 } else { 15 };
    let password_min = section.or("password_min", usual.password_min, |item| item.whole(shortest..=64));
    let argon2_memory_kib = section.or("argon2_memory_kib", usual.argon2_memory_kib, |item| item.whole(19_456..=1_048_576));
    let argon2_passes = section.or("argon2_passes", usual.argon2_passes, |item| item.whole(2..=16));
    let hash_threads = section.or("hash_threads", None, |item| item.whole(1..=64).map(NonZeroU32::new));
    refuse_others(section);
    let sessions = sessions?;
    Some(Accounts {
        sign_up: sign_up?,
        allowed_domains: domains?.unwrap_or_default().into_iter().map(|domain| domain.value).collect(),
        session_idle: sessions.idle,
        session_absolute: sessions.absolute,
        remember_idle: sessions.remember_idle,
        remember_absolute: sessions.remember_absolute,
        session_rotate: sessions.rotate,
        session_limit: sessions.limit,
        verification: verification?,
        recovery: recovery?,
        email_change: email_change?,
        email_undo: email_undo?,
        invitation: invitation?,
        device: device?,
        roles: roles?,
        operator_roles: operator_roles?,
        step_up: step_up?,
        provider_targets: provider_targets?,
        blocklist_file: blocklist_file?.map(|file| file.value),
        password_min: password_min?,
        argon2_memory_kib: argon2_memory_kib?,
        argon2_passes: argon2_passes?,
        hash_threads: hash_threads?,
    })
}

struct Sessions {
    idle: Duration,
    absolute: Duration,
    remember_idle: Duration,
    remember_absolute: Duration,
    rotate: Duration,
    limit: u32,
}

fn sessions(section: &Section<'_>, scene: &Scene<'_>) -> Option<Sessions> {
    let usual = Accounts::default();
    let time = |key, from, to| section.maybe(key, |item| value::duration(item, &seconds(from, to)));
    let idle = time("session_idle", 5 * MINUTE, 30 * DAY);
    let absolute = time("session_absolute", 5 * MINUTE, 90 * DAY);
    let remember_idle = time("remember_idle", 5 * MINUTE, 90 * DAY);
    let remember_absolute = time("remember_absolute", 5 * MINUTE, 90 * DAY);
    // Whoever develops against it wants to see it happen.
    let least_rotation = if scene.is_development() { 1 } else { 10 * MINUTE };
    let rotate = time("session_rotate", least_rotation, 30 * DAY);
    let limit = section.or("session_limit", usual.session_limit, |item| item.whole(1..=1000));
    let (idle, remember_idle, rotate, limit) = (idle?, remember_idle?, rotate?, limit?);
    let absolute = absolute?.map_or(usual.session_absolute, |found| found.value);
    let remember_absolute = not_shorter(section, remember_absolute?, usual.remember_absolute, absolute)?;
    Some(Sessions {
        idle: within(section, idle, usual.session_idle, ("session_absolute", absolute))?,
        remember_idle: within(section, remember_idle, usual.remember_idle, ("remember_absolute", remember_absolute))?,
        absolute,
        remember_absolute,
        rotate: rotate.map_or(usual.session_rotate, |found| found.value),
        limit,
    })
}

/// An idle timeout beyond the absolute one would never end a session. The default shrinks, a written value is a fault.
fn within(
    section: &Section<'_>,
    idle: Option<Located<Duration>>,
    usual: Duration,
    (key, absolute): (&str, Duration),
) -> Option<Duration> {
    match idle {
        None => Some(absolute.min(usual)),
        Some(idle) if idle.value <= absolute => Some(idle.value),
        Some(idle) => {
            let hint = format!("{key} is {}", value::spoken(absolute));
            section.reader.blame(&idle, Problem::new(format!("is longer than {key}"), hint));
            None
        }
    }
}

/// Who asks to be remembered is not to be forgotten earlier. The default grows, a written value is a fault.
fn not_shorter(section: &Section<'_>, written: Option<Located<Duration>>, usual: Duration, least: Duration) -> Option<Duration> {
    match written {
        None => Some(usual.max(least)),
        Some(written) if written.value >= least => Some(written.value),
        Some(written) => {
            let hint = format!("session_absolute is {}", value::spoken(least));
            section.reader.blame(&written, Problem::new("is shorter than session_absolute", hint));
            None
        }
    }
}

/// A name as the resolver knows it; letters of other scripts become A-labels, as they do in addresses.
fn domain(item: &Item<'_>) -> Result<String, Problem> {
    let bad = || Problem::new("is not a domain", "the part of an address after the @, such as \"example.com\"");
    let host: Host = item.text()?.parse().map_err(|_| bad())?;
    if host.ip().is_some() || !host.as_str().contains('.') { Err(bad()) } else { Ok(host.as_str().to_owned()) }
}

fn roles(section: &Section<'_>) -> Option<Vec<Located<String>>> {
    let roles = section.list("roles", value::role)?.unwrap_or_default();
    for (index, role) in roles.iter().enumerate() {
        let problem = if roles[..index].iter().any(|earlier| earlier.value == role.value) {
            Problem::new("is declared twice", "remove one of the two")
        } else if index == MOST_ROLES {
            Problem::new("is one role too many", format!("at most {MOST_ROLES}"))
        } else {
            continue;
        };
        section.reader.blame(role, problem);
        return None;
    }
    Some(roles)
}

/// A role that nobody can have would ask nobody for a second factor, and nobody would notice (D-14).
fn operator_roles(section: &Section<'_>, declared: Option<&[String]>) -> Option<Vec<String>> {
    let roles = section.list("operator_roles", value::role)?.unwrap_or_default();
    let mut fine = true;
    for (index, role) in roles.iter().enumerate() {
        let problem = if roles[..index].iter().any(|earlier| earlier.value == role.value) {
            Problem::new("is named twice", "remove one of the two")
        } else if declared.is_some_and(|declared| !declared.contains(&role.value)) {
            Problem::new("is no role of this site", "declare it in roles")
        } else {
            continue;
        };
        section.reader.blame(role, problem);
        fine = false;
    }
    fine.then(|| roles.into_iter().map(|role| role.value).collect())
}

/// Where a sign-in with a provider may lead to, compared octet by octet (OAUTH-07).
fn provider_targets(section: &Section<'_>, usual: Vec<String>) -> Option<Vec<String>> {
    let Some(targets) = section.list("provider_targets", exact_path)? else { return Some(usual) };
    if targets.is_empty() {
        section.blame("provider_targets", Problem::new("is empty", "leave it out for [\"/account\"]"));
        return None;
    }
    for (index, target) in targets.iter().enumerate() {
        let problem = if targets[..index].iter().any(|earlier| earlier.value == target.value) {
            Problem::new("is named twice", "remove one of the two")
        } else if index == MOST_TARGETS {
            Problem::new("is one path too many", format!("at most {MOST_TARGETS}"))
        } else {
            continue;
        };
        section.reader.blame(target, problem);
        return None;
    }
    Some(targets.into_iter().map(|target| target.value).collect())
}

/// A path of this site in its one spelling, kept as it is written; a trailing slash counts.
fn exact_path(item: &Item<'_>) -> Result<String, Problem> {
    value::prefix(item)?;
    let text = item.text()?;
    if text.len() <= 256 { Ok(text.to_owned()) } else { Err(Problem::new("is too long for a path", "at most 256 characters")) }
}

fn refuse_others(section: &Section<'_>) {
    for cookie in ["cookie_name", "cookie_secure", "cookie_samesite", "cookie_same_site", "same_site", "cookie_domain"] {
        section.refuse(cookie, no_cookie_settings());
    }
    section.refuse("factors", not_yet("accounts.factors"));
    section.finish();
}
