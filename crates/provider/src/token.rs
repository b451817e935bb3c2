//! The token endpoint: a code becomes tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ::http::{Method, Request, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use doorward_domain::federation::Redemption;
use doorward_kit::Secret;
use http_body_util::Full;
use serde::Deserialize;

use crate::address::Address;
use crate::answer;
use crate::fault::{Fault, Word};
use crate::form::{encoded, form};
use crate::setup::Common;

/// How we prove who we are (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// What a code was good for.
pub(crate) struct Tokens {
    pub(crate) access_token: Secret<String>,
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) id_token: Option<Secret<String>>,
}

/// As it is written; members that are not named are not read.
#[derive(Deserialize)]
struct Written {
    access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
}

impl Common {
    /// Exchanges the code.
    pub(crate) async fn exchange(&self, at: &Address, proof: Proof, redemption: &Redemption<'_>) -> Result<Tokens, Fault> {
        let code = Self::judge_code(&redemption.code)?;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", redemption.verifier.expose()),
        ];
        let answer = self.client.send(at, self.proved(proof, &pairs)).await?;
        read(&answer)
    }

    /// A form that proves who sends it.
    pub(crate) fn proved(&self, proof: Proof, pairs: &[(&str, &str)]) -> Request<Full<Bytes>> {
        let mut pairs = pairs.to_vec();
        if proof == Proof::Post {
            pairs.extend([("client_id", self.client_id.as_str()), ("client_secret", self.secret.expose())]);
        }
        let mut request = Request::new(Full::from(form(&pairs)));
        *request.method_mut() = Method::POST;
        let fields = request.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        fields.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if proof == Proof::Basic {
            fields.extend(self.basic().map(|basic| (AUTHORIZATION, basic)));
        }
        request
    }

    /// Each half is form-encoded before the colon joins them.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let pair = Secret::new(format!("{}:{}", encoded(&self.client_id), encoded(self.secret.expose())));
        sensitive(&format!("Basic {}", STANDARD.encode(pair.expose())))
    }
}

/// A value that no layer prints.
pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A request with a bearer token (RFC 6750 §2.1).
pub(crate) fn bearing(token: &Secret<String>, accept: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    request.headers_mut().extend(sensitive(&format!("Bearer {}", token.expose())).map(|bearer| (AUTHORIZATION, bearer)));
    request
}

fn read(answer: &Response<Bytes>) -> Result<Tokens, Fault> {
    let fault = |word| Fault::of(word, answer.status(), answer.body());
    // A refusal is JSON as well, and says one of a few words (RFC 6749 §5.2).
    if matches!(answer.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) && answer::is_json(answer) {
        let refusal: Option<Written> = serde_json::from_slice(answer.body()).ok();
        let error = refusal.and_then(|refusal| refusal.error).unwrap_or_default();
        return Err(fault(Word::of_token_error(&error)));
    }
    let written: Written = answer::read(answer)?;
    if let Some(error) = written.error {
        return Err(fault(Word::of_token_error(&error)));
    }
    if !written.token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(fault(Word::TokenType));
    }
    let access_token = written.access_token.filter(|token| is_b64token(token)).ok_or_else(|| fault(Word::Malformed))?;
    Ok(Tokens {
        access_token: Secret::new(access_token),
        refresh_token: written.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
        id_token: written.id_token.map(Secret::new),
    })
}

/// What may stand after `Bearer` (RFC 6750 §2.1), and nothing that would end the line.
fn is_b64token(token: &str) -> bool {
    (1..=16_384).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
}
