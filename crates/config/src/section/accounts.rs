//! `[accounts]`

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Scene;
use crate::model::{Accounts, SignUp};
use crate::reader::{Item, Located, Problem, Section, no_cookie_settings};
use crate::value::{self, not_yet};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}

/// Keys that are known here and not to be had yet.
const LATER: &[&str] = &["roles", "factors", "allowed_domains", "remember_me", "recovery", "blocklist_file"];

pub(crate) fn accounts(section: &Section<'_>, scene: &Scene<'_>) -> Option<Accounts> {
    let idle = section.maybe("session_idle", |item| value::duration(item, &seconds(5 * MINUTE, 30 * DAY)));
    let absolute = section
        .or("session_absolute", Duration::from_secs(7 * DAY), |item| value::duration(item, &seconds(5 * MINUTE, 90 * DAY)));
    let sign_up = section.or("sign_up", SignUp::Open, sign_up);
    let verification =
        section.or("verification", Duration::from_secs(DAY), |item| value::duration(item, &seconds(10 * MINUTE, 7 * DAY)));
    // Without a second factor 15 characters are the least (D-10).
    let shortest = if scene.is_development() { 8 } else { 15 };
    let password_min = section.or("password_min", 15, |item| item.whole(shortest..=64));
    let argon2_memory_kib = section.or("argon2_memory_kib", 19_456, |item| item.whole(19_456..=1_048_576));
    let argon2_passes = section.or("argon2_passes", 2, |item| item.whole(2..=16));
    let hash_threads = section.or("hash_threads", None, |item| item.whole(1..=64).map(NonZeroU32::new));
    let session_limit = section.or("session_limit", 20, |item| item.whole(1..=1000));
    refuse_others(section);
    Some(Accounts {
        sign_up: sign_up?,
        session_idle: idle_within(section, idle?, absolute?)?,
        session_absolute: absolute?,
        verification: verification?,
        password_min: password_min?,
        argon2_memory_kib: argon2_memory_kib?,
        argon2_passes: argon2_passes?,
        hash_threads: hash_threads?,
        session_limit: session_limit?,
    })
}

/// An idle timeout beyond the absolute one would never end a session. The default shrinks, a written value is a fault.
fn idle_within(section: &Section<'_>, idle: Option<Located<Duration>>, absolute: Duration) -> Option<Duration> {
    match idle {
        None => Some(absolute.min(Duration::from_secs(DAY))),
        Some(idle) if idle.value <= absolute => Some(idle.value),
        Some(idle) => {
            let hint = format!("session_absolute is {}", value::spoken(absolute));
            section.reader.blame(&idle, Problem::new("is longer than session_absolute", hint));
            None
        }
    }
}

fn sign_up(item: &Item<'_>) -> Result<SignUp, Problem> {
    if item.text()? == "invitation" {
        return Err(not_yet("sign-up by invitation"));
    }
    value::choice(item, &[("open", SignUp::Open), ("closed", SignUp::Closed)])
}

fn refuse_others(section: &Section<'_>) {
    for cookie in ["cookie_name", "cookie_secure", "cookie_samesite", "cookie_same_site", "same_site", "cookie_domain"] {
        section.refuse(cookie, no_cookie_settings());
    }
    for later in LATER {
        section.refuse(later, not_yet(&format!("accounts.{later}")));
    }
    section.finish();
}
