//! A page form as the body of a request: `application/x-www-form-urlencoded`, read strictly, its hidden token checked.

use std::borrow::Cow;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use zeroize::Zeroize as _;

use super::body;
use crate::app::AppState;
use crate::cookie::{Cookies, Found};
use crate::csrf;
use crate::guard::Caller;
use crate::problem::Problem;

/// Name of the hidden field.
pub(crate) const TOKEN_FIELD: &str = "csrf_token";
/// Most fields of a form.
const FIELDS_MAX: usize = 16;

/// Fields of a form whose token was right. No `Debug`: one of them may be a password. Values are wiped on drop.
pub(crate) struct Form {
    pub(crate) caller: Caller,
    /// The token, for the form that is shown again.
    pub(crate) token: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The value of a field, if it was sent.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }

    /// The value of a field, or the empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        find(&self.fields, name).unwrap_or_default()
    }
}

impl FromRequest<AppState> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let read = body::read(body, app.policy.sizes.auth_body).await;
        let fields = match read.and_then(|bytes| parse(&bytes).ok_or(Problem::INVALID_REQUEST)) {
            Ok(fields) => fields,
            Err(problem) => return Err(caller.charge_unread(app, problem).await),
        };
        let mut form = Self { caller, token: String::new(), fields };
        match form.check_token(app, &parts.headers) {
            Ok(()) => Ok(form),
            Err(refusal) => Err(form.caller.csrf_failed(app, refusal.reason()).await),
        }
    }
}

impl Form {
    fn check_token(&mut self, app: &AppState, headers: &HeaderMap) -> Result<(), csrf::TokenRefusal> {
        let cookies = Cookies::read(headers, &app.policy.cookies);
        let sent_back = find(&self.fields, TOKEN_FIELD).map_or(Found::Absent, |text| Found::Once(text.as_bytes()));
        csrf::check(app.accounts.csrf(), csrf::binding(self.caller.session.as_deref()), cookies.csrf, sent_back)?;
        self.token = self.text(TOKEN_FIELD).to_owned();
        Ok(())
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        for (_, value) in &mut self.fields {
            value.zeroize();
        }
    }
}

fn find<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// Splits and decodes once; `None` for a broken escape, bad UTF-8, a field that comes twice, or too many.
pub(crate) fn parse(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut fields = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        if fields.len() == FIELDS_MAX || find(&fields, &name).is_some() {
            return None;
        }
        fields.push((name, decode(value)?));
    }
    Some(fields)
}

fn decode(text: &str) -> Option<String> {
    let broken =
        text.split('%').skip(1).any(|rest| !rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)));
    if broken {
        return None;
    }
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}
