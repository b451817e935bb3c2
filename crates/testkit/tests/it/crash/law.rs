//! What holds of every database at any moment, whoever did what: no effect without its entry, no entry of success without its effect.

use super::ledger::Ledger;

struct Law {
    /// What would be wrong.
    wrong: &'static str,
    /// Finds it.
    finds: &'static str,
    /// Makes it so, in a database of a run that is over: a law that nothing breaks says nothing.
    breaks: &'static str,
}

/// A row of the trail that tells of something else: `(event, actor, session)`.
macro_rules! entry {
    ($event:literal, $actor:literal, $session:literal) => {
        concat!(
            "INSERT INTO audit (node, seq, ts, event, outcome, actor_user_id, session_ref, reason, version, key_version, prev_hash, hash) \
             SELECT node, seq + 1, ts, '",
            $event,
            "', 'success', ",
            $actor,
            ", ",
            $session,
            ", 'lost', version, key_version, hash, prev_hash FROM audit ORDER BY seq DESC LIMIT 1"
        )
    };
}

const LAWS: &[Law] = &[
    Law {
        wrong: "an account without an entry of its verification",
        finds: "SELECT HEX(u.id)HEX FROM users u WHERE (SELECT count(*) FROM audit a WHERE a.actor_user_id = u.id \
                AND a.event = 'email.verified' AND a.outcome = 'success') <> 1",
        breaks: "UPDATE users SET id = x'00112233445566778899aabbccddeeff' WHERE email = 'idle-0@app.test'",
    },
    Law {
        wrong: "an entry of a verification, and neither the account nor an entry of its end",
        finds: "SELECT a.seq FROM audit a WHERE a.event = 'email.verified' AND a.outcome = 'success' \
                AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.actor_user_id) \
                AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.actor_user_id = a.actor_user_id \
                AND b.event = 'account.deleted' AND b.outcome = 'success')",
        breaks: "DELETE FROM users WHERE email = 'idle-0@app.test'",
    },
    Law {
        wrong: "an entry of a deletion, and the account",
        finds: "SELECT a.seq FROM audit a JOIN users u ON u.id = a.actor_user_id \
                WHERE a.event = 'account.deleted' AND a.outcome = 'success'",
        breaks: entry!("account.deleted", "(SELECT id FROM users WHERE email = 'idle-0@app.test')", "NULL"),
    },
    Law {
        wrong: "a session without an entry of its beginning",
        finds: "SELECT HEX(s.id)HEX FROM sessions s WHERE (SELECT count(*) FROM audit a WHERE a.session_ref = s.id \
                AND a.event IN ('session.created', 'session.rotated') AND a.outcome = 'success') = 0",
        breaks: "UPDATE sessions SET id = x'00112233445566778899aabbccddeeff' WHERE id = (SELECT max(id) FROM sessions)",
    },
    Law {
        wrong: "a sign-in without a session's beginning, or the other way round",
        finds: "SELECT HEX(a.session_ref)HEX FROM audit a WHERE a.event IN ('auth.login', 'session.created') \
                AND a.outcome = 'success' GROUP BY a.session_ref HAVING count(*) <> 2",
        breaks: entry!("auth.login", "NULL", "x'00112233445566778899aabbccddeeff'"),
    },
    Law {
        wrong: "an entry of a session's beginning, and neither the session nor an entry of its end",
        finds: "SELECT a.seq FROM audit a WHERE a.event = 'session.created' \
                AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = a.session_ref) \
                AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.session_ref = a.session_ref \
                AND b.event IN ('session.revoked', 'auth.logout')) \
                AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.actor_user_id = a.actor_user_id AND b.seq > a.seq \
                AND b.outcome = 'success' \
                AND b.event IN ('password.reset', 'password.changed', 'account.deleted', 'session.revoked'))",
        breaks: "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = 'idle-0@app.test')",
    },
    Law {
        wrong: "credentials that changed more or less often than their entries say",
        finds: "SELECT HEX(u.id)HEX, u.credential_version FROM users u WHERE u.credential_version <> 1 + \
                (SELECT count(*) FROM audit a WHERE a.actor_user_id = u.id AND a.outcome = 'success' \
                AND a.event IN ('password.reset', 'password.changed', 'email.changed'))",
        breaks: "UPDATE users SET credential_version = credential_version + 1 WHERE email = 'idle-0@app.test'",
    },
    Law {
        wrong: "a mail that was given up",
        finds: "SELECT HEX(id)HEX, kind, last_error FROM outbox WHERE dead_at IS NOT NULL",
        breaks: "UPDATE outbox SET dead_at = 1 WHERE number = (SELECT max(number) FROM outbox)",
    },
    Law {
        wrong: "a mail that was sent and keeps its text",
        finds: "SELECT HEX(id)HEX FROM outbox WHERE sent_at IS NOT NULL AND length(body) > 0",
        breaks: "UPDATE outbox SET body = x'00' WHERE sent_at IS NOT NULL",
    },
    Law {
        wrong: "an entry that was lost",
        finds: "SELECT seq, reason FROM audit WHERE event = 'audit.gap' AND reason <> 'torn_line_rewritten'",
        breaks: entry!("audit.gap", "NULL", "NULL"),
    },
];

/// `(entries of what succeeded, kind of the mail that each queues)`: as many of one as of the other.
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
    for Law { wrong, finds, .. } in LAWS {
        let rows = ledger.ask(finds);
        assert!(rows.is_empty(), "{wrong}: {rows:?}");
    }
    for (entries, kind) in MAILED {
        let told = ledger.number(&format!("SELECT count(*) FROM audit WHERE outcome = 'success' AND {entries}"));
        let queued = ledger.number(&format!(
            "SELECT count(*) FROM outbox WHERE kind = '{kind}' AND (next_at IS NOT NULL OR sent_at IS NOT NULL)"
        ));
        assert_eq!(told, queued, "entries with {entries} and mails of the kind {kind}");
    }
}

/// Everything that a law is about has happened.
#[track_caller]
pub(super) fn were_needed(ledger: &Ledger<'_>) {
    for (entries, kind) in MAILED {
        let told = ledger.number(&format!("SELECT count(*) FROM audit WHERE outcome = 'success' AND {entries}"));
        assert!(told > 0, "nothing of the kind {kind} ever happened");
    }
}

/// Breaks each law and sees that it is found, and takes it back. The words are SQLite's.
#[track_caller]
pub(super) fn can_be_broken(ledger: &Ledger<'_>) {
    if !matches!(ledger, Ledger::Sqlite(_)) {
        return;
    }
    for Law { wrong, finds, breaks } in LAWS {
        let rows = ledger.ask(&format!("BEGIN; {breaks}; {finds}; ROLLBACK;"));
        assert!(!rows.is_empty(), "nobody would notice {wrong}");
    }
    holds(ledger);
}
