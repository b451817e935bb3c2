//! Settings of the flows.

use std::sync::Arc;
use std::time::Duration;

use doorward_policy::LimitPolicy;

use crate::account::EmailAddress;
use crate::credential::{Blocklist, policy};

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpMode {
    /// Anyone with an allowed address.
    Open,
    /// Whoever holds an invitation.
    Invitation,
    /// Nobody.
    Closed,
}

impl SignUpMode {
    /// As the configuration and the audit trail say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invitation => "invitation",
            Self::Closed => "closed",
        }
    }
}

/// What becomes of mail that waits.
#[derive(Debug, Clone, Copy)]
pub struct MailRules {
    /// Mails that may wait at once; notices that protect an account are queued beyond it (EMAIL-12).
    pub queue_max: u32,
    /// Pause before the first repetition, doubled for each further one.
    pub retry_first: Duration,
    /// A mail that has not left after this long is given up.
    pub give_up: Duration,
}

/// Settings of the flows.
#[derive(Debug, Clone)]
pub struct AccountRules {
    /// Who may sign up.
    pub sign_up: SignUpMode,
    /// Domains whose addresses may have an account, canonical; any when empty.
    pub allowed_domains: Vec<String>,
    /// D-13.
    pub session_idle: Duration,
    /// D-13.
    pub session_absolute: Duration,
    /// Idle timeout of 'remember me' (D-13).
    pub remembered_idle: Duration,
    /// Absolute timeout of 'remember me' (D-13).
    pub remembered_absolute: Duration,
    /// A session's credential is replaced this long after the last time (SES-13).
    pub session_rotation: Duration,
    /// A device is known this long after its last sign-in (D-11).
    pub device_life: Duration,
    /// Roles whose accounts need a second factor, and whose sessions have the shorter pair of clocks (D-13, D-14).
    pub operator_roles: Vec<String>,
    /// Idle timeout of an operator's session (D-13).
    pub operator_idle: Duration,
    /// Absolute timeout of an operator's session (D-13).
    pub operator_absolute: Duration,
    /// How old the last full proof may be where a fresh one is asked for (D-13).
    pub step_up_age: Duration,
    /// Where a sign-in with a provider may lead to; exact paths, the first is the usual one, never empty (OAUTH-07).
    pub provider_targets: Vec<String>,
    /// Life of a reset link.
    pub recovery_life: Duration,
    /// Life of the link that confirms a new address.
    pub email_change_life: Duration,
    /// Life of the link that undoes a change of address.
    pub email_undo_life: Duration,
    /// Life of an invitation.
    pub invitation_life: Duration,
    /// Most sessions of one account (SES-14).
    pub session_limit: u32,
    /// Life of a verification link.
    pub verification_life: Duration,
    /// Least code points (D-10).
    pub password_min: u32,
    /// Passwords that this site refuses besides the built-in list (PWD-03).
    pub blocklist: Arc<Blocklist>,
    /// Site origin, for links in mail; nothing of a request ever enters one (FORGOT-04).
    pub link_origin: String,
    /// What mails call the site.
    pub site_name: String,
    /// Mail that waits.
    pub mail: MailRules,
    /// Quotas.
    pub limits: LimitPolicy,
    /// Name of this node in audit rows.
    pub node: String,
}

impl AccountRules {
    /// The defaults of D-10 and D-13 for a site that anyone may join.
    #[must_use]
    pub fn new(link_origin: &str, site_name: &str, node: &str, limits: LimitPolicy) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            sign_up: SignUpMode::Open,
            allowed_domains: Vec::new(),
            session_idle: DAY,
            session_absolute: DAY * 7,
            remembered_idle: DAY * 14,
            remembered_absolute: DAY * 30,
            session_rotation: DAY / 2,
            device_life: DAY * 90,
            operator_roles: Vec::new(),
            operator_idle: Duration::from_secs(15 * 60),
            operator_absolute: Duration::from_secs(8 * 3600),
            step_up_age: Duration::from_secs(10 * 60),
            provider_targets: vec!["/account".to_owned()],
            recovery_life: Duration::from_secs(30 * 60),
            email_change_life: DAY,
            email_undo_life: DAY * 7,
            invitation_life: DAY * 7,
            session_limit: 20,
            verification_life: DAY,
            password_min: 15,
            blocklist: Arc::default(),
            link_origin: link_origin.to_owned(),
            site_name: site_name.to_owned(),
            mail: MailRules { queue_max: 10_000, retry_first: Duration::from_secs(30), give_up: DAY },
            limits,
            node: node.to_owned(),
        }
    }

    /// What a guesser would try for an account with this address at this site.
    pub(crate) fn guesses<'a>(&'a self, email: &'a str) -> policy::Context<'a> {
        policy::Context { site_name: &self.site_name, link_origin: &self.link_origin, email, blocklist: &self.blocklist }
    }

    /// Whether an account with these roles is an operator's.
    #[must_use]
    pub fn is_operator(&self, roles: &[String]) -> bool {
        roles.iter().any(|role| self.operator_roles.contains(role))
    }

    /// The idle and the absolute timeout of a session (D-13). For operators 'remember me' does not apply, and no clock is longer than that
    /// of others.
    pub(crate) fn clocks(&self, is_operator: bool, is_remembered: bool) -> (Duration, Duration) {
        match (is_operator, is_remembered) {
            (true, _) => (self.operator_idle.min(self.session_idle), self.operator_absolute.min(self.session_absolute)),
            (false, true) => (self.remembered_idle, self.remembered_absolute),
            (false, false) => (self.session_idle, self.session_absolute),
        }
    }

    /// Whether an account may have this address.
    #[must_use]
    pub fn allows(&self, email: &EmailAddress) -> bool {
        let domain = email.canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.allowed_domains.is_empty() || self.allowed_domains.iter().any(|allowed| allowed == domain)
    }
}
