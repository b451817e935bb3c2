//! What opens a session, however somebody proved who it is: with a password, a passkey, or a provider's word.
//!
//! Everything happens within the caller's unit of work, and the account is locked there before. What must only be told once it is true (the
//! caches, the answer) is in what comes back, and is the caller's to tell after the commit.

use std::sync::Arc;

use doorward_kit::{SessionId, Timestamp, Token};
use serde::{Deserialize, Serialize};

use super::{Session, lookup, pending};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::device::remember::{is_news, remember};
use crate::factor::{PendingSignIn, SignInOutcome};
use crate::instant::later;
use crate::notice::{self, Notice};
use crate::service::{Accounts, FlowError, SignedIn, Visitor, Work};
use crate::store::{PageLimit, SessionFilter};

/// Longest `User-Agent` kept with a session, in octets.
const USER_AGENT_MAX: usize = 512;

/// What the first step of a sign-in was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    Password,
    Passkey,
    Oauth,
}

impl Method {
    /// As the trail says it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Oauth => "oauth",
        }
    }
}

/// A sign-in whose proof was right.
pub(crate) struct Opening<'a> {
    pub(crate) visitor: Visitor<'a>,
    /// What was proven with.
    pub(crate) method: Method,
    /// The identifier as the trail sees it.
    pub(crate) subject_hash: String,
    /// How many failures came before; the trail says so.
    pub(crate) after_failures: u32,
    /// The value of the session cookie that came along.
    pub(crate) presented: Option<&'a str>,
    /// The device cookie that came along; whose it is, the store knows.
    pub(crate) device: Option<Token>,
    /// Whether the longer pair of clocks is wanted (D-13).
    pub(crate) is_remembered: bool,
}

/// What a first step led to; see [`First::tell`].
pub(crate) enum First {
    Opened(Box<Opened>),
    Pending(PendingSignIn),
}

impl First {
    /// To be called after the commit.
    pub(crate) fn tell(self, accounts: &Accounts) -> SignInOutcome {
        match self {
            Self::Opened(opened) => SignInOutcome::Done(opened.tell(accounts)),
            Self::Pending(pending) => SignInOutcome::Pending(pending),
        }
    }
}

/// A session that is there once the unit of work is.
pub(crate) struct Opened {
    token: Token,
    device: Token,
    session: Session,
    user: User,
    ended: Vec<Session>,
}

impl Opened {
    /// To be called after the commit: forgets the sessions that ended, and says what is to be answered.
    pub(crate) fn tell(self, accounts: &Accounts) -> SignedIn {
        let Self { token, device, session, user, ended } = self;
        accounts.sessions.evict(ended.iter().flat_map(Session::digests));
        let presented = session.digest;
        SignedIn { token, device: Some(device), active: Arc::new(lookup::active(session, user, presented)) }
    }
}

/// What follows a first step that was right: a session, or, for an account with a second factor, the question for it. The presented
/// session ends with the sign-in, not with half of one.
pub(crate) async fn after_first(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    opening: Opening<'_>,
    user: User,
    now: Timestamp,
) -> Result<First, FlowError> {
    if user.has_second_factor {
        return Ok(First::Pending(pending::begin(accounts, tx, &opening, &user, now).await?));
    }
    Ok(First::Opened(Box::new(open(accounts, tx, opening, user, None, now).await?)))
}

/// Everything that a sign-in changes. `second` is the kind of factor that made it two-factor, if one did.
pub(crate) async fn open(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    opening: Opening<'_>,
    user: User,
    second: Option<&'static str>,
    now: Timestamp,
) -> Result<Opened, FlowError> {
    let Opening { visitor, presented, .. } = opening;
    let token = Token::random(&*accounts.entropy);
    let session = Session { is_two_factor: second.is_some(), ..new_session(accounts, &opening, &user, &token, now) };
    let is_news = is_news(accounts, tx, &user, opening.device.as_ref(), now).await?;
    let mut ended = Vec::new();
    ended.extend(end_presented(accounts, tx, visitor, presented, now).await?);
    ended.extend(make_room(accounts, tx, visitor, &user, now).await?);
    tx.sessions().add(&session).await?;
    write_entries(tx, &opening, &session, second);
    let device = remember(accounts, tx, user.id, visitor, opening.device, now).await?;
    if is_news {
        notice::tell(accounts, tx, &user, Notice::NewDevice(visitor), now).await?;
    }
    Ok(Opened { token, device, session, user, ended })
}

fn write_entries(tx: &mut Work<'_>, opening: &Opening<'_>, session: &Session, second: Option<&'static str>) {
    let entry = |event| {
        let entry = AuditEntry::of_visitor(opening.visitor, event, Outcome::Success, session.created_at);
        entry.by(session.user_id).about(&opening.subject_hash).in_session(session.id)
    };
    let signed_in = entry(AuditEvent::SignIn).with(MetaKey::Method, opening.method.as_str());
    let signed_in = signed_in.with(MetaKey::AfterFailures, opening.after_failures);
    tx.note(match second {
        Some(kind) => signed_in.with(MetaKey::Kind, kind),
        None => signed_in,
    });
    tx.note(entry(AuditEvent::SessionCreated));
}

fn new_session(accounts: &Accounts, opening: &Opening<'_>, user: &User, token: &Token, now: Timestamp) -> Session {
    let rules = &accounts.rules;
    let is_operator = rules.is_operator(&user.roles);
    // An operator's session is never a remembered one (D-13).
    let is_remembered = opening.is_remembered && !is_operator;
    let (_, absolute) = rules.clocks(is_operator, is_remembered);
    Session {
        id: SessionId::random(&*accounts.entropy),
        user_id: user.id,
        digest: accounts.keys.session_digest(token),
        previous: None,
        rotated_at: now,
        authenticated_at: now,
        is_two_factor: false,
        is_remembered,
        created_at: now,
        last_seen_at: now,
        expires_at: later(now, absolute),
        user_agent: crate::audit::escaped(opening.visitor.user_agent.unwrap_or_default(), USER_AGENT_MAX),
        client: opening.visitor.context.client,
    }
}

/// Ends the session whose cookie came along, whoever's it is: what somebody planted dies here (SES-07).
async fn end_presented(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    presented: Option<&str>,
    now: Timestamp,
) -> Result<Option<Session>, FlowError> {
    let Some(token) = presented.and_then(Token::parse) else { return Ok(None) };
    for digest in accounts.keys.session_digests(&token) {
        if let Some(session) = tx.sessions().find_by_digest(&digest).await? {
            revoke(tx, visitor, &session, "replaced", now).await?;
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Ends the oldest sessions until one more fits (SES-14).
async fn make_room(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    user: &User,
    now: Timestamp,
) -> Result<Vec<Session>, FlowError> {
    let limit = usize::try_from(accounts.rules.session_limit.max(1)).unwrap_or(usize::MAX);
    let filter = SessionFilter::new().for_user(user.id);
    // A limit is at most a thousand, and so is a page: one page holds all there can be.
    let page = tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?;
    let surplus = (page.items.len() + 1).saturating_sub(limit);
    let mut ended = page.items;
    ended.truncate(surplus);
    for session in &ended {
        revoke(tx, visitor, session, "session_limit", now).await?;
    }
    Ok(ended)
}

async fn revoke(
    tx: &mut Work<'_>,
    visitor: Visitor<'_>,
    session: &Session,
    reason: &'static str,
    now: Timestamp,
) -> Result<(), FlowError> {
    tx.sessions().revoke(session.id).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SessionRevoked, Outcome::Success, now)
        .by(session.user_id)
        .in_session(session.id)
        .because(reason)
        .with(MetaKey::By, "house");
    tx.note(entry);
    Ok(())
}
