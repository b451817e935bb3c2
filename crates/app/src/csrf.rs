//! The token half of the CSRF decision: header or form field, cookie and session must all agree (CSRF-01 … CSRF-04).

use doorward_domain::{ActiveSession, CsrfBinding, CsrfKey};
use doorward_kit::constant_time_eq;
use http::HeaderName;

use crate::cookie::Found;

/// Where script sends the token back.
pub(crate) const CSRF_FIELD: HeaderName = HeaderName::from_static("x-csrf-token");

/// The longest token that is looked at, in octets (CSRF-03).
const TOKEN_MAX_BYTES: usize = 512;

/// Why a token was refused: reasons of `csrf.rejected` (requirements, table (c)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    Missing,
    Mismatch,
    Duplicate,
}

impl TokenRefusal {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Mismatch => "token_mismatch",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What tokens of this caller are bound to.
pub(crate) fn binding(session: Option<&ActiveSession>) -> CsrfBinding {
    session.map_or(CsrfBinding::PreSession, |active| CsrfBinding::Session(active.presented))
}

/// Compares the cookie with what was sent back, then asks whether we made it for this binding.
pub(crate) fn check(
    key: &CsrfKey,
    binding: CsrfBinding,
    cookie: Found<&[u8]>,
    sent_back: Found<&[u8]>,
) -> Result<(), TokenRefusal> {
    let cookie = sole(cookie)?;
    let sent_back = sole(sent_back)?;
    if sent_back.len() > TOKEN_MAX_BYTES || !constant_time_eq(cookie, sent_back) {
        return Err(TokenRefusal::Mismatch);
    }
    let text = std::str::from_utf8(sent_back).map_err(|_| TokenRefusal::Mismatch)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) && key.verify(binding, text) {
        Ok(())
    } else {
        Err(TokenRefusal::Mismatch)
    }
}

/// Whether the cookie alone is a token of ours for this binding, so that it may stay.
pub(crate) fn is_cookie_valid(key: &CsrfKey, binding: CsrfBinding, cookie: Found<&[u8]>) -> bool {
    check(key, binding, cookie, cookie).is_ok()
}

fn sole(found: Found<&[u8]>) -> Result<&[u8], TokenRefusal> {
    match found {
        Found::Absent | Found::Once(b"") => Err(TokenRefusal::Missing),
        Found::Once(value) => Ok(value),
        Found::Many => Err(TokenRefusal::Duplicate),
    }
}
