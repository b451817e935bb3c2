//! What stands in the way of guessing the six digits of one account.
//!
//! Only whoever has the password, a provider's word, or a session gets to guess at all. From the fifth wrong code in a row on each one
//! makes the next wait, up to a day; after the hundredth none is looked at (NIST SP 800-63B-4 §3.2.2). Passkeys and recovery codes
//! cannot be guessed: they are neither counted nor held up, and so they are the owner's way past whoever is guessing. A new password is
//! another: then nobody gets as far as to guess. It does not forget the failures, since a mailbox is no second factor (RESET-09).

use std::time::Duration;

use doorward_kit::Timestamp;

use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::device::hindrance::{Hindrance, Pace, hold_back, together};
use crate::factor::SecondProof;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::StoreError;

/// A day of guessing gets some twenty codes, all hundred take eighty days; with three codes that are good at a time that is one chance in
/// three thousand.
const CODES: Pace = Pace { slow_from: 5, stop_at: 100, longest: Duration::from_secs(86_400) };

/// Names this limit in the audit trail.
const SCOPE: &str = "auth_second_factor_failures";

/// A recovery code has so many letters and digits; a one-time code never has.
const RECOVERY_CODE_CHARS: usize = 24;

/// A code on its way to being looked at.
pub(super) struct Guess {
    /// Whose consecutive failures: under the current key first.
    subjects: Vec<[u8; 32]>,
    /// Failures before it.
    pub(super) before: u32,
    is_counted: bool,
    /// Refused, whatever the code is.
    pub(super) is_stopped: bool,
}

impl Guess {
    /// One more failure, if it was one that could have been luck.
    pub(super) async fn add(&self, tx: &mut Work<'_>, now: Timestamp) -> Result<(), StoreError> {
        if let (true, Some(subject)) = (self.is_counted, self.subjects.first()) {
            tx.failures().add(subject, now).await?;
        }
        Ok(())
    }

    /// Forgets the failures: the owner was here.
    pub(super) async fn clear(&self, tx: &mut Work<'_>) -> Result<(), StoreError> {
        for subject in &self.subjects {
            tx.failures().clear(subject).await?;
        }
        Ok(())
    }

    /// What the trail says of a code that was not looked at.
    pub(super) fn stopped(&self, visitor: Visitor<'_>, user: &User, now: Timestamp) -> AuditEntry {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::Locked, Outcome::Denied, now).by(user.id).because("locked");
        entry.with(MetaKey::Scope, SCOPE).with(MetaKey::AfterFailures, self.before)
    }
}

/// To be asked with the account locked, so that guesses come one after the other.
///
/// # Errors
/// [`FlowError::Throttled`] when it is too early for another code; it is not looked at then, and not counted.
pub(super) async fn weigh(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    user: &User,
    proof: &SecondProof<'_>,
    now: Timestamp,
) -> Result<Guess, FlowError> {
    let subjects = accounts.keys.code_failure_subjects(user.id);
    let mut found = Vec::with_capacity(subjects.len());
    for subject in &subjects {
        found.push(tx.failures().lookup(subject).await?);
    }
    let failures = together(found);
    let is_counted = is_guessable(proof);
    let hindrance = if is_counted { CODES.judge(failures, now) } else { Hindrance::None };
    if let Hindrance::Wait(rest) = hindrance {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::Throttled, Outcome::Denied, now).by(user.id);
        let subject = subjects.first().copied().unwrap_or_default();
        return Err(hold_back(accounts, SCOPE, &subject, CODES.longest, rest, entry.with(MetaKey::Scope, SCOPE)));
    }
    let before = failures.map_or(0, |failures| failures.count);
    Ok(Guess { subjects, before, is_counted, is_stopped: hindrance == Hindrance::Stop })
}

/// Whatever has not the length of a recovery code might be a one-time code.
fn is_guessable(proof: &SecondProof<'_>) -> bool {
    match proof {
        SecondProof::Code(code) => code.chars().filter(char::is_ascii_alphanumeric).count() < RECOVERY_CODE_CHARS,
        SecondProof::Passkey(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_kit::Timestamp;

    use super::{CODES, is_guessable};
    use crate::device::hindrance::Hindrance;
    use crate::factor::{PasskeyAnswer, SecondProof};
    use crate::instant::later;
    use crate::throttle::Failures;

    /// How many wrong codes somebody gets answered who never stops, within so long.
    fn guesses_within(span: Duration) -> u32 {
        let (mut now, mut failures) = (Timestamp::UNIX_EPOCH, None);
        let end = later(now, span);
        loop {
            match CODES.judge(failures, now) {
                Hindrance::None => {
                    let count = failures.map_or(0, |failures: Failures| failures.count) + 1;
                    failures = Some(Failures { count, last_at: now });
                }
                Hindrance::Wait(rest) => now = later(now, rest),
                Hindrance::Stop => break,
            }
            if now >= end {
                break;
            }
        }
        failures.map_or(0, |failures| failures.count)
    }

    #[test]
    fn a_day_is_worth_some_twenty_codes_and_no_time_more_than_a_hundred() {
        const DAY: Duration = Duration::from_secs(86_400);
        assert_eq!(guesses_within(Duration::from_secs(1)), 5);
        assert_eq!(guesses_within(DAY), 21);
        assert!(guesses_within(DAY * 75) < 100);
        assert_eq!(guesses_within(DAY * 1000), 100);
    }

    #[test]
    fn whatever_might_be_six_digits_counts_and_what_cannot_be_guessed_does_not() {
        for code in ["123456", "123 456", "", "x", "123456 123456", "AAAA-AAAA-AAAA-AAAA-AAAA-AAA", "１２３４５６"] {
            assert!(is_guessable(&SecondProof::Code(code)), "{code}");
        }
        for code in
            ["AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", "aaaaaaaaaaaaaaaaaaaaaaaa", "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3"]
        {
            assert!(!is_guessable(&SecondProof::Code(code)), "{code}");
        }
        let answer = PasskeyAnswer { challenge: "", credential: serde_json::Value::Null };
        assert!(!is_guessable(&SecondProof::Passkey(answer)));
    }
}
