//! Beginning, trying and taking a ceremony. The token is the caller's to deliver: a cookie, or a member of an answer that only the asking
//! script can read.

use doorward_kit::{SealError, SessionId, Timestamp, Token, TokenDigest, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Ceremony, CeremonyKind};
use crate::instant::later;
use crate::service::{Accounts, Work};
use crate::store::StoreError;

/// Whose ceremony it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whose {
    pub(crate) user: Option<UserId>,
    pub(crate) session: Option<SessionId>,
}

/// Writes the row; returns what its holder is to bring back.
pub(crate) async fn begin(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    kind: CeremonyKind,
    whose: Whose,
    body: &impl Serialize,
    now: Timestamp,
) -> Result<Token, StoreError> {
    let token = Token::random(&*accounts.entropy);
    begin_with(accounts, tx, kind, whose, body, &token, now).await?;
    Ok(token)
}

/// As [`begin`], with a token that the body depends on.
pub(crate) async fn begin_with(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    kind: CeremonyKind,
    whose: Whose,
    body: &impl Serialize,
    token: &Token,
    now: Timestamp,
) -> Result<(), StoreError> {
    let digest = accounts.keys.ceremony_digest(kind, token);
    let text = serde_json::to_vec(body).map_err(|_| unreadable("body cannot be written"))?;
    let sealed = accounts.keys.account_secret.seal(&place(&digest), &text, &*accounts.entropy);
    let body = sealed.map_err(|SealError| unreadable("body cannot be sealed"))?;
    let ceremony = Ceremony {
        digest,
        kind,
        user_id: whose.user,
        session_id: whose.session,
        body,
        attempts: 0,
        created_at: now,
        expires_at: later(now, kind.life()),
    };
    tx.ceremonies().add(&ceremony).await
}

/// Takes it, once; `None` for whatever is not there any more, or was never. Takes effect with the unit of work.
pub(crate) async fn take<T: DeserializeOwned>(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    kind: CeremonyKind,
    token: &Token,
    now: Timestamp,
) -> Result<Option<(Ceremony, T)>, StoreError> {
    for digest in accounts.keys.ceremony_digests(kind, token) {
        if let Some(ceremony) = tx.ceremonies().consume(kind, &digest, now).await? {
            return read(accounts, ceremony);
        }
    }
    Ok(None)
}

/// Counts one more attempt and leaves it where it is; `None` as for [`take`], and when it was tried `most` times before.
pub(crate) async fn attempt<T: DeserializeOwned>(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    kind: CeremonyKind,
    token: &Token,
    most: u32,
    now: Timestamp,
) -> Result<Option<(Ceremony, T)>, StoreError> {
    for digest in accounts.keys.ceremony_digests(kind, token) {
        if let Some(ceremony) = tx.ceremonies().attempt(kind, &digest, most, now).await? {
            return read(accounts, ceremony);
        }
    }
    Ok(None)
}

/// Looks at it: counts nothing, takes nothing, reads nothing of what it remembers.
pub(crate) async fn look(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    kind: CeremonyKind,
    token: &Token,
    now: Timestamp,
) -> Result<Option<Ceremony>, StoreError> {
    for digest in accounts.keys.ceremony_digests(kind, token) {
        if let Some(ceremony) = tx.ceremonies().lookup(kind, &digest, now).await? {
            return Ok(Some(ceremony));
        }
    }
    Ok(None)
}

/// What was sealed with a key that has retired is as gone as what has expired.
fn read<T: DeserializeOwned>(accounts: &Accounts, ceremony: Ceremony) -> Result<Option<(Ceremony, T)>, StoreError> {
    let Ok(text) = accounts.keys.account_secret.open(&place(&ceremony.digest), &ceremony.body) else { return Ok(None) };
    let body = serde_json::from_slice(&text).map_err(|_| unreadable("body cannot be read"))?;
    Ok(Some((ceremony, body)))
}

/// A body opens in its own row alone.
fn place(digest: &TokenDigest) -> Vec<u8> {
    [b"ceremony\0".as_slice(), &digest.0].concat()
}

const fn unreadable(what: &'static str) -> StoreError {
    StoreError::Inconsistent { table: "ceremonies", what }
}
