//! What is remembered of a browser that went to a provider, sealed in its ceremony.

use std::sync::Arc;

use doorward_kit::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Provider, ProviderWish};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::flow::Whose;
use crate::service::{Accounts, Visitor};
use crate::session::ActiveSession;

/// What it went for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    SignIn,
    Link,
    StepUp,
}

impl Mode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link => "link",
            Self::StepUp => "step_up",
        }
    }

    /// What the trail calls a failure.
    pub(super) const fn failure(self) -> AuditEvent {
        match self {
            Self::Link => AuditEvent::OauthLinkRejected,
            Self::SignIn | Self::StepUp => AuditEvent::OauthFailed,
        }
    }
}

/// The body of the ceremony.
#[derive(Serialize, Deserialize)]
pub(super) struct Trip {
    pub(super) provider: String,
    pub(super) verifier: String,
    pub(super) nonce: String,
    pub(super) next: String,
    pub(super) mode: Mode,
}

impl ProviderWish<'_> {
    pub(super) const fn mode(&self) -> Mode {
        match self {
            Self::SignIn => Mode::SignIn,
            Self::Link(_) => Mode::Link,
            Self::StepUp(_) => Mode::StepUp,
        }
    }

    pub(super) const fn active(&self) -> Option<&ActiveSession> {
        match self {
            Self::SignIn => None,
            Self::Link(active) | Self::StepUp(active) => Some(active),
        }
    }

    /// Whom the ceremony is bound to, and what it ends with (OAUTH-10).
    pub(super) fn whose(&self) -> Whose {
        let active = self.active();
        Whose { user: active.map(|active| active.user.id), session: active.map(|active| active.session.id) }
    }
}

/// The provider of a name.
pub(super) fn find<'a>(accounts: &'a Accounts, name: &str) -> Option<&'a Arc<dyn Provider>> {
    accounts.providers.iter().find(|provider| provider.name() == name)
}

/// One of the paths that a sign-in with a provider may lead to, octet by octet (OAUTH-07).
pub(super) fn target<'a>(accounts: &'a Accounts, next: Option<&str>) -> Option<&'a str> {
    let mut targets = accounts.rules.provider_targets.iter().map(String::as_str);
    match next {
        None => targets.next(),
        Some(next) => targets.find(|target| *target == next),
    }
}

/// An entry of the trail. A provider is named only where it is one of the configuration: the name in a path is a stranger's.
pub(super) fn entry(
    visitor: Visitor<'_>,
    event: AuditEvent,
    outcome: Outcome,
    provider: Option<&str>,
    now: Timestamp,
) -> AuditEntry {
    let entry = AuditEntry::of_visitor(visitor, event, outcome, now);
    match provider {
        Some(name) => entry.with(MetaKey::Provider, name),
        None => entry,
    }
}

/// Names account and session, as far as they are known.
pub(super) fn of_session(entry: AuditEntry, user: Option<UserId>, session: Option<SessionId>) -> AuditEntry {
    let entry = user.into_iter().fold(entry, AuditEntry::by);
    session.into_iter().fold(entry, AuditEntry::in_session)
}
