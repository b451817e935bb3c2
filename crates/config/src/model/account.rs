//! `[accounts]` and `[limits]`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// `[accounts]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Who may sign up.
    pub sign_up: SignUp,
    /// Domains whose addresses may have an account, in canonical (A-label) form; any when empty.
    pub allowed_domains: Vec<String>,
    /// Ends a session after this long without a request; 5 min to 30 d, at most `session_absolute`, default 24 h (D-13).
    pub session_idle: Duration,
    /// Ends a session this long after sign-in; 5 min to 90 d, default 7 d (D-13).
    pub session_absolute: Duration,
    /// As `session_idle` for 'remember me'; 5 min to 90 d, at most `remember_absolute`, default 14 d (D-13).
    pub remember_idle: Duration,
    /// As `session_absolute` for 'remember me', and not less; 5 min to 90 d, default 30 d (D-13).
    pub remember_absolute: Duration,
    /// A session's credential is replaced this long after the last time; 10 min, or 1 s in development, to 30 d, default 12 h (SES-13).
    pub session_rotate: Duration,
    /// Most sessions of one account; 1 to 1000, default 20 (SES-14).
    pub session_limit: u32,
    /// Life of a verification link; 10 min to 7 d, default 24 h.
    pub verification: Duration,
    /// Life of a reset link; 10 to 60 min, default 30 min.
    pub recovery: Duration,
    /// Life of the link that confirms a new address; 10 min to 7 d, default 24 h.
    pub email_change: Duration,
    /// Life of the link that undoes a change of address; 1 to 30 d, default 7 d.
    pub email_undo: Duration,
    /// Life of an invitation; 1 h to 30 d, default 7 d.
    pub invitation: Duration,
    /// A device is known this long after its last sign-in; 1 to 365 d, default 90 d (D-11).
    pub device: Duration,
    /// Roles that accounts may have and routes may ask for: lower-case words, unique, at most 32.
    pub roles: Vec<String>,
    /// Which of `roles` make an operator: a second factor is asked for, and the session is short (D-13, D-14).
    pub operator_roles: Vec<String>,
    /// How old the last full proof may be where a fresh one is asked for; 1 to 60 min, default 10 min (D-13).
    pub step_up: Duration,
    /// Where a sign-in with a provider may lead to: exact paths, unique, 1 to 32, the first is the usual one (OAUTH-07).
    pub provider_targets: Vec<String>,
    /// Passwords that are refused besides the built-in list: one a line, UTF-8, what is guessed first at the top; at most 32 MiB.
    pub blocklist_file: Option<PathBuf>,
    /// Least code points of a password; 15 to 64, from 8 in development; default 15 (D-10).
    pub password_min: u32,
    /// Argon2id memory in KiB; 19 456 to 1 048 576, default 19 456.
    pub argon2_memory_kib: u32,
    /// Argon2id passes; 2 to 16, default 2.
    pub argon2_passes: u32,
    /// Threads that hash; 1 to 64, default the number of cores.
    pub hash_threads: Option<NonZeroU32>,
}

/// What holds when the section is empty.
impl Default for Accounts {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            sign_up: SignUp::Open,
            allowed_domains: Vec::new(),
            session_idle: DAY,
            session_absolute: DAY * 7,
            remember_idle: DAY * 14,
            remember_absolute: DAY * 30,
            session_rotate: DAY / 2,
            session_limit: 20,
            verification: DAY,
            recovery: MINUTE * 30,
            email_change: DAY,
            email_undo: DAY * 7,
            invitation: DAY * 7,
            device: DAY * 90,
            roles: Vec::new(),
            operator_roles: Vec::new(),
            step_up: MINUTE * 10,
            provider_targets: vec!["/account".to_owned()],
            blocklist_file: None,
            password_min: 15,
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
            hash_threads: None,
        }
    }
}

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Anyone with an allowed address.
    Open,
    /// Whoever holds an invitation.
    Invitation,
    /// Nobody.
    Closed,
}

/// `[limits]`: at most `count` in any interval of `window`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which requests, see [`SCOPES`].
    pub scope: &'static str,
    /// 1 to 1 000 000.
    pub count: NonZeroU32,
    /// 1 s to 24 h.
    pub window: Duration,
}

/// `[limits]`: how long a WebSocket may stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnels {
    /// From its upgrade to its end, whatever goes through it: 1 min to 7 d, 12 h by default.
    pub max_age: Duration,
    /// Without an octet in either direction: 10 s to 24 h, 15 min by default.
    pub idle: Duration,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(12 * 3600), idle: Duration::from_secs(15 * 60) }
    }
}

/// Every scope, with its default as it would be written in the file (requirements, table (a)).
pub const SCOPES: &[(&str, &str)] = &[
    ("edge", "600/min"),
    ("edge_auth", "120/min"),
    ("edge_gate", "300/min"),
    ("gate_failure", "10/min"),
    ("csp_report", "60/min"),
    ("auth_csrf", "60/min"),
    ("csrf_refusal", "5/min"),
    ("auth_register", "5/min"),
    ("auth_login", "5/min"),
    ("auth_login_account", "10/15min"),
    ("auth_logout", "30/min"),
    ("auth_me", "120/min"),
    ("auth_profile", "30/min"),
    ("auth_password", "5/15min"),
    ("auth_email", "5/h"),
    ("auth_refresh", "30/min"),
    ("auth_sessions", "30/min"),
    ("auth_sessions_revoke", "10/min"),
    ("auth_delete", "5/h"),
    ("auth_export", "10/h"),
    ("auth_second_factor", "10/15min"),
    ("auth_passkey", "30/15min"),
    ("auth_factors", "60/min"),
    ("auth_factors_change", "20/h"),
    ("auth_step_up", "10/15min"),
    ("auth_gate", "30/15min"),
    ("auth_oauth", "5/min"),
    ("auth_oauth_unlink", "5/h"),
    ("verify_email", "10/15min"),
    ("verify_email_resend", "10/15min"),
    ("verify_email_resend_address", "5/15min"),
    ("forgot_password", "10/15min"),
    ("forgot_password_address", "5/15min"),
    ("reset_password", "10/15min"),
    ("reset_password_total", "600/min"),
    ("email_confirm", "10/15min"),
    ("device_failure", "10/15min"),
    ("mail_address", "20/24h"),
];
