//! What stands in the way of guessing the password of one address from many places (D-11).
//!
//! From ten consecutive failures on, each one makes the next attempt wait, longer each time; from [`STOP_AT`] on, a password
//! from an unknown browser is refused whatever it is, until the owner resets it by mail. Both count what was typed, so an address
//! without an account is slowed and stopped alike. A browser that has signed in to this very account before is not held up by what
//! others did: it has an allowance of its own, [`DEVICE_SCOPE`].

use std::time::Duration;

use doorward_kit::{Timestamp, Token, TokenDigest};

use crate::account::EmailAddress;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::instant::later;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::lookup::CLOCK_SKEW;
use crate::store::StoreError;
use crate::throttle::{Failures, Subject};

/// Failures in a row after which passwords from unknown browsers are refused (NIST SP 800-63B-4 §3.2.2: no more than 100).
pub(crate) const STOP_AT: u32 = PASSWORDS.stop_at;

/// The longest wait. At this pace the way from the first delay to the stop takes the better part of a day.
const LONGEST_WAIT: Duration = PASSWORDS.longest;

/// Passwords of one address.
const PASSWORDS: Pace = Pace { slow_from: 10, stop_at: 100, longest: Duration::from_secs(15 * 60) };

/// Names this limit in the audit trail.
pub(crate) const SCOPE: &str = "auth_login_failures";
/// What one known device may get wrong: a stolen device cookie buys no more than this.
const DEVICE_SCOPE: &str = "device_failure";

/// No cookie value has this digest.
const NO_DEVICE: TokenDigest = TokenDigest([0; 32]);

/// What is to be done with an attempt, from the failures before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// Nothing.
    None,
    /// Not before this much time has passed.
    Wait(Duration),
    /// Not by password.
    Stop,
}

/// How fast failures in a row may follow each other, and when they end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// From so many on, each one makes the next attempt wait: a second, then twice as long each time.
    pub(crate) slow_from: u32,
    /// From so many on, nothing is looked at any more.
    pub(crate) stop_at: u32,
    /// No wait is longer.
    pub(crate) longest: Duration,
}

impl Pace {
    /// Pure, so that it can be asked about every count and instant.
    pub(crate) fn judge(&self, failures: Option<Failures>, now: Timestamp) -> Hindrance {
        let Some(Failures { count, last_at }) = failures else { return Hindrance::None };
        if count >= self.stop_at {
            return Hindrance::Stop;
        }
        // The last failure was noted by a clock that was ahead: nobody is to wait until it is right.
        if count < self.slow_from || last_at > later(now, CLOCK_SKEW) {
            return Hindrance::None;
        }
        let until = later(last_at, self.wait_after(count));
        match Duration::try_from(until.duration_since(now)) {
            Ok(rest) if !rest.is_zero() => Hindrance::Wait(rest.min(self.longest)),
            Ok(_) | Err(_) => Hindrance::None,
        }
    }

    fn wait_after(&self, count: u32) -> Duration {
        let doublings = count.saturating_sub(self.slow_from);
        Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(self.longest)
    }
}

/// A password sign-in on its way: whose failures it counts for, and what is known of the browser.
pub(crate) struct Attempt {
    /// Whose consecutive failures: under the current key, and under those that are still known.
    subject: [u8; 32],
    former_subjects: Vec<[u8; 32]>,
    /// Failures under the latter.
    former_failures: u32,
    /// The device cookie that came along, if it is one of this address and may still be wrong.
    pub(crate) device: Option<Token>,
    /// Refused, whatever the password is.
    pub(crate) is_stopped: bool,
}

impl Attempt {
    /// One more failure; says how many there are now.
    pub(crate) async fn add(&self, tx: &mut Work<'_>, now: Timestamp) -> Result<u32, StoreError> {
        Ok(tx.failures().add(&self.subject, now).await?.saturating_add(self.former_failures))
    }

    /// Forgets the failures; says how many there were.
    pub(crate) async fn clear(&self, tx: &mut Work<'_>) -> Result<u32, StoreError> {
        let mut count = tx.failures().clear(&self.subject).await?;
        for subject in &self.former_subjects {
            count = count.saturating_add(tx.failures().clear(subject).await?);
        }
        Ok(count)
    }
}

/// One read for every identifier and each key that is still known, before the account is looked up and before anything is hashed.
pub(crate) async fn weigh(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    identifier_text: &str,
    email: Option<&EmailAddress>,
    device: Option<&str>,
) -> Result<Attempt, FlowError> {
    let now = accounts.high_water.now();
    let canonical = email.map(|email| email.canonical.as_str());
    let token = device.and_then(Token::parse);
    let places = accounts.keys.hindrances(canonical.unwrap_or(identifier_text), token.as_ref());
    let mut found = Vec::with_capacity(places.len());
    let mut own_device = None;
    for place in &places {
        let digest = place.device.unwrap_or(NO_DEVICE);
        let (failures, owner) = accounts.store.find_hindrance(&place.subject, &digest, now).await?;
        found.push(failures);
        own_device = own_device.or_else(|| (canonical.is_some() && owner.as_deref() == canonical).then_some(digest));
    }
    let is_known = match own_device {
        Some(digest) => has_allowance(accounts, &digest).await,
        None => false,
    };
    let former_failures = found.iter().skip(1).flatten().fold(0_u32, |count, failures| count.saturating_add(failures.count));
    let mut subjects = places.iter().map(|place| place.subject);
    let subject = subjects.next().unwrap_or_default();
    let former_subjects = subjects.collect();
    let hindrance = if is_known { Hindrance::None } else { PASSWORDS.judge(together(found), now) };
    if let Hindrance::Wait(rest) = hindrance {
        return Err(slow_down(accounts, visitor, &subject, identifier_text, rest));
    }
    let is_stopped = hindrance == Hindrance::Stop;
    Ok(Attempt { subject, former_subjects, former_failures, device: token.filter(|_| is_known), is_stopped })
}

/// Failures that were noted under several keys are failures of one identifier.
pub(crate) fn together(found: impl IntoIterator<Item = Option<Failures>>) -> Option<Failures> {
    let add = |one: Failures, other: Failures| Failures {
        count: one.count.saturating_add(other.count),
        last_at: one.last_at.max(other.last_at),
    };
    found.into_iter().flatten().reduce(add)
}

async fn has_allowance(accounts: &Accounts, digest: &TokenDigest) -> bool {
    let (name, now) = (name_of(digest), accounts.clock.now());
    accounts.charger.take(&accounts.keys, DEVICE_SCOPE, Subject::Device(&name), now).await.is_ok()
}

/// Whoever proves the password has wronged nobody: its own two counters begin anew, that of its prefix does not (APP-RL-10).
pub(crate) async fn forgive(accounts: &Accounts, visitor: Visitor<'_>, limiter: &str, device: Option<&Token>) {
    let (keys, prefix) = (&accounts.keys, visitor.prefix());
    accounts.charger.reset(keys, "auth_login_account", Subject::AddressAtPrefix(limiter, &prefix)).await;
    if let Some(token) = device {
        for digest in keys.device_digests(token) {
            accounts.charger.reset(keys, DEVICE_SCOPE, Subject::Device(&name_of(&digest))).await;
        }
    }
}

/// The attempt is not looked at, so it is not counted; the trail hears of it once in a while, not every time.
fn slow_down(accounts: &Accounts, visitor: Visitor<'_>, subject: &[u8; 32], identifier_text: &str, rest: Duration) -> FlowError {
    let now = accounts.clock.now();
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::Throttled, Outcome::Denied, now);
    let entry = entry.about(&accounts.keys.subject_hash(identifier_text)).with(MetaKey::Scope, SCOPE);
    hold_back(accounts, SCOPE, subject, LONGEST_WAIT, rest, entry)
}

/// Says how long to wait, and the entry once in a window.
pub(crate) fn hold_back(
    accounts: &Accounts,
    scope: &'static str,
    subject: &[u8; 32],
    window: Duration,
    rest: Duration,
    entry: AuditEntry,
) -> FlowError {
    let name = name_of(&TokenDigest(*subject));
    if accounts.charger.is_first(&accounts.keys, scope, Subject::Address(&name), window, entry.at) {
        accounts.record(entry);
    }
    let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
    FlowError::Throttled { retry_after: Duration::from_secs(seconds.max(1)) }
}

fn name_of(digest: &TokenDigest) -> String {
    digest.0.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_kit::Timestamp;

    use super::{CLOCK_SKEW, Hindrance, LONGEST_WAIT, PASSWORDS, STOP_AT};
    use crate::throttle::Failures;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn after(count: u32, seconds: i64) -> Hindrance {
        PASSWORDS.judge(Some(Failures { count, last_at: at(1_000_000) }), at(1_000_000 + seconds))
    }

    #[test]
    fn nine_failures_cost_nothing_and_the_tenth_a_second() {
        assert_eq!(PASSWORDS.judge(None, at(0)), Hindrance::None);
        assert_eq!(after(9, 0), Hindrance::None);
        assert_eq!(after(10, 0), Hindrance::Wait(Duration::from_secs(1)));
        assert_eq!(after(10, 1), Hindrance::None);
        assert_eq!(after(13, 3), Hindrance::Wait(Duration::from_secs(5)));
    }

    #[test]
    fn a_wait_never_exceeds_a_quarter_of_an_hour_and_then_comes_the_stop() {
        for count in 20..STOP_AT {
            assert_eq!(after(count, 0), Hindrance::Wait(LONGEST_WAIT), "{count}");
        }
        for count in [STOP_AT, STOP_AT + 1, u32::MAX] {
            assert_eq!(after(count, 10_000_000), Hindrance::Stop);
        }
    }

    #[test]
    fn a_failure_noted_years_ahead_makes_nobody_wait_for_years() {
        assert_eq!(after(50, -10 * 365 * 86_400), Hindrance::None);
    }

    proptest::proptest! {
        #[test]
        fn whoever_waits_the_told_time_is_let_through(count in 0..STOP_AT, elapsed in -(CLOCK_SKEW.as_secs() as i64)..5_000) {
            let waited = match after(count, elapsed) {
                Hindrance::None => 0,
                Hindrance::Wait(rest) => i64::try_from(rest.as_secs()).unwrap(),
                Hindrance::Stop => unreachable!(),
            };
            proptest::prop_assert!(waited == 0 || count >= PASSWORDS.slow_from);
            let skew = i64::try_from(CLOCK_SKEW.as_secs()).unwrap();
            // With a last failure some minutes ahead, the cap may make one wait twice.
            proptest::prop_assert!(matches!(after(count, elapsed + waited + skew), Hindrance::None));
        }
    }
}
