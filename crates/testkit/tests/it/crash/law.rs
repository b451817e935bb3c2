//! What holds of every database at any moment, whoever did what: no effect without its entry, no entry of success without its effect.

use super::ledger::Ledger;

/// `(what would be wrong, what finds it)`.
const LAWS: &[(&str, &str)] = &[
    (
        "an account without an entry of its verification",
        "SELECT HEX(u.id)HEX FROM users u WHERE (SELECT count(*) FROM audit a WHERE a.actor_user_id = u.id \
         AND a.event = 'email.verified' AND a.outcome = 'success') <> 1",
    ),
    (
        "an entry of a verification, and neither the account nor an entry of its end",
        "SELECT a.seq FROM audit a WHERE a.event = 'email.verified' AND a.outcome = 'success' \
         AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.actor_user_id) \
         AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.actor_user_id = a.actor_user_id \
         AND b.event = 'account.deleted' AND b.outcome = 'success')",
    ),
    (
        "an entry of a deletion, and the account",
        "SELECT a.seq FROM audit a JOIN users u ON u.id = a.actor_user_id \
         WHERE a.event = 'account.deleted' AND a.outcome = 'success'",
    ),
    (
        "a session without an entry of its beginning",
        "SELECT HEX(s.id)HEX FROM sessions s WHERE (SELECT count(*) FROM audit a WHERE a.session_ref = s.id \
         AND a.event IN ('session.created', 'session.rotated') AND a.outcome = 'success') = 0",
    ),
    (
        "a sign-in without a session's beginning, or the other way round",
        "SELECT HEX(a.session_ref)HEX FROM audit a WHERE a.event IN ('auth.login', 'session.created') AND a.outcome = 'success' \
         GROUP BY a.session_ref HAVING count(*) <> 2",
    ),
    (
        "an entry of a session's beginning, and neither the session nor an entry of its end",
        "SELECT a.seq FROM audit a WHERE a.event = 'session.created' \
         AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = a.session_ref) \
         AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.session_ref = a.session_ref AND b.event IN ('session.revoked', 'auth.logout')) \
         AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.actor_user_id = a.actor_user_id AND b.seq > a.seq AND b.outcome = 'success' \
         AND b.event IN ('password.reset', 'password.changed', 'account.deleted', 'session.revoked'))",
    ),
    (
        "credentials that changed more or less often than their entries say",
        "SELECT HEX(u.id)HEX, u.credential_version FROM users u WHERE u.credential_version <> 1 + (SELECT count(*) FROM audit a \
         WHERE a.actor_user_id = u.id AND a.outcome = 'success' \
         AND a.event IN ('password.reset', 'password.changed', 'email.changed'))",
    ),
    ("a mail that was given up", "SELECT HEX(id)HEX, kind, last_error FROM outbox WHERE dead_at IS NOT NULL"),
    ("a mail that was sent and keeps its text", "SELECT HEX(id)HEX FROM outbox WHERE sent_at IS NOT NULL AND length(body) > 0"),
    ("an entry that was lost", "SELECT seq, reason FROM audit WHERE event = 'audit.gap' AND reason <> 'torn_line_rewritten'"),
];

/// `(events that succeeded, kind of the mail that each queues)`: as many of one as of the other.
const MAILED: &[(&str, &str)] = &[
    ("event = 'auth.signup' AND reason = 'pending'", "verification"),
    ("event IN ('password.reset', 'password.changed')", "password_changed"),
    ("event = 'password.reset_requested' AND reason = 'issued'", "recovery"),
    ("event = 'email.change_requested' AND reason = 'issued'", "email_change"),
    ("event = 'email.changed'", "email_change_notice"),
    ("event = 'account.deleted'", "account_deleted"),
];

#[track_caller]
pub(super) fn holds(ledger: &Ledger<'_>) {
    for (what, statement) in LAWS {
        ledger.none(what, statement);
    }
    for (entries, kind) in MAILED {
        let told = ledger.number(&format!("SELECT count(*) FROM audit WHERE outcome = 'success' AND {entries}"));
        let queued = ledger.number(&format!(
            "SELECT count(*) FROM outbox WHERE kind = '{kind}' AND (next_at IS NOT NULL OR sent_at IS NOT NULL)"
        ));
        assert_eq!(told, queued, "entries with {entries} and mails of the kind {kind}");
    }
}
