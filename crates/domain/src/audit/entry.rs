//! What a room says happened.

use doorward_kit::{ClientAddr, PeerAddr, RequestId, SessionId, Timestamp, UserId};

use super::AuditEvent;
use crate::service::Visitor;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Success,
    /// Tried and wrong.
    Failure,
    /// Stopped by a rule.
    Denied,
    /// Stopped by a fault of ours.
    Error,
}

impl Outcome {
    /// As stored and exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Error => "error",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Failure, Self::Denied, Self::Error].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// One entry. Every text that a stranger chose is capped and escaped when it is written (AUD-03, AUD-04).
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, if known.
    pub actor: Option<UserId>,
    /// Keyed hash of the identifier tried, hexadecimal (AUD-12).
    pub subject_hash: Option<String>,
    /// Derived caller.
    pub client: Option<ClientAddr>,
    /// Socket.
    pub peer: Option<PeerAddr>,
    /// Joins the access log.
    pub request_id: Option<RequestId>,
    /// As sent, capped.
    pub user_agent: Option<String>,
    /// Canonical host.
    pub host: Option<String>,
    /// Method.
    pub method: Option<String>,
    /// Route template.
    pub route: Option<String>,
    /// Reference to the session.
    pub session: Option<SessionId>,
    /// A word from a closed set; never shown outside.
    pub reason: Option<&'static str>,
    /// What else there is to say, under names from a closed set.
    pub meta: Vec<(MetaKey, String)>,
    /// How many events the entry stands for, when whoever says it has counted them; `None` for one.
    pub count: Option<u64>,
}

macro_rules! meta_keys {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Names of what else an entry may say (table (c), `meta`). There is none for anything secret.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MetaKey {
            $($(#[$doc])* $variant,)*
        }

        impl MetaKey {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As stored and exported.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

meta_keys! {
    /// How many failures came before.
    AfterFailures = "after_failures",
    /// Names of the fields that changed, never their values (PROF-06).
    Fields = "fields",
    /// Keyed hash of the address after a change.
    NewHash = "new_hash",
    /// Keyed hash of the address before a change.
    OldHash = "old_hash",
    /// What was proven with: `password`, `totp`, `passkey`, `recovery_code`, `provider`.
    Method = "method",
    /// Which provider, by its name in the configuration.
    Provider = "provider",
    /// What kind of factor: `totp`, `passkey`, `recovery_code`.
    Kind = "kind",
    /// Where a sign-in was to lead; a path of the site that the redirect rules let through.
    Next = "next",
    /// What a token was for.
    Purpose = "purpose",
    /// Roles after a change.
    Roles = "roles",
    /// The limit that was exceeded.
    Scope = "scope",
    /// How many sessions it concerned.
    Sessions = "sessions",
    /// Whether a mail was held back.
    Suppressed = "suppressed",
    /// The account that an operator dealt with.
    TargetUser = "target_user_id",
    /// First position of a range of the trail.
    FromSeq = "from_seq",
    /// Last position of a range of the trail.
    ToSeq = "to_seq",
    /// Which text a mail was.
    MailKind = "mail_kind",
    /// SHA-256 of the configuration.
    ConfigHash = "config_hash",
    /// Version of a key.
    KeyVersion = "key_version",
    /// Whether every session ended with this one.
    All = "all",
    /// The certification authority's host.
    DirectoryHost = "directory_host",
    /// The first name of an order.
    Name = "name",
    /// Who ended a session: `owner`, `house`.
    By = "by",
    /// What was wrong with a request that the door refused.
    Class = "class",
    /// Whether the address had an account already.
    Duplicate = "duplicate",
    /// Names of the probes that did not find what the guide asks for.
    FailedChecks = "failed_checks",
    /// Which limit: `edge` or `app`.
    Layer = "layer",
    /// Who may sign up: `open`, `invitation`.
    Mode = "mode",
    /// Which run of the deploy verification.
    RunId = "run_id",
    /// Name of a gated UI.
    Ui = "ui",
    /// Who passed a gate, by the name in its users file; only where it was proved (GATE-22).
    User = "user",
}

impl MetaKey {
    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.as_str() == name)
    }
}

impl AuditEntry {
    /// An entry about the house itself: no caller.
    #[must_use]
    pub fn of_house(event: AuditEvent, outcome: Outcome, at: Timestamp) -> Self {
        Self {
            at,
            event,
            outcome,
            actor: None,
            subject_hash: None,
            client: None,
            peer: None,
            request_id: None,
            user_agent: None,
            host: None,
            method: None,
            route: None,
            session: None,
            reason: None,
            meta: Vec::new(),
            count: None,
        }
    }

    /// An entry about what a visitor did.
    #[must_use]
    pub fn of_visitor(visitor: Visitor<'_>, event: AuditEvent, outcome: Outcome, at: Timestamp) -> Self {
        Self {
            client: Some(visitor.context.client),
            peer: Some(visitor.context.peer),
            request_id: Some(visitor.context.request_id),
            user_agent: visitor.user_agent.map(str::to_owned),
            host: Some(visitor.host.to_owned()),
            method: Some(visitor.method.to_owned()),
            route: Some(visitor.route.to_owned()),
            ..Self::of_house(event, outcome, at)
        }
    }

    /// Names who did it.
    #[must_use]
    pub fn by(mut self, actor: UserId) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Names whom it was about, as a keyed hash.
    #[must_use]
    pub fn about(mut self, subject_hash: &str) -> Self {
        self.subject_hash = Some(subject_hash.to_owned());
        self
    }

    /// Names the session.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Says more.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and words are what is said")]
    pub fn with(mut self, key: MetaKey, value: impl ToString) -> Self {
        self.meta.push((key, value.to_string()));
        self
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }
}
