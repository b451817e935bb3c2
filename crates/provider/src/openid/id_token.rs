//! Whether an ID token is the issuer's, for this site, for this sign-in, and of now (OpenID Connect Core §3.1.3.7).
//!
//! The library checks the signature against the issuer's keys, and issuer, audience, expiry and nonce. It lets pass what the standard
//! leaves open: other audiences with an authorized party, old tokens, headers that bring a key along. That is judged here, and what the
//! library judged is judged once more, on the octets that were signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use doorward_config::ProviderKind;
use doorward_kit::constant_time_eq;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreJwsSigningAlgorithm as Alg};
use openidconnect::{ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde_json::Value;

use super::keys::{Keys, judge_name};
use crate::fault::Word;

/// Seconds by which an issuer's clock may be ahead of ours.
const SKEW: i64 = 60;
/// Seconds that a token may have been on its way.
const OLDEST: i64 = 600;
/// The longest token that is looked at, in octets; Microsoft's with many groups have about 8 KiB.
const LONGEST: usize = 64 * 1024;

/// What the token has to say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) freshness: Freshness,
}

/// How recently the person must have proved something to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It does not matter.
    Any,
    /// Recently, as far as the provider says when it was.
    IfTold,
    /// Recently, and the provider has to say so.
    Told,
}

impl Freshness {
    /// `auth_time` has to be there when `max_age` was (§2); Google and Microsoft leave it out all the same.
    pub(crate) fn wanted(is_fresh: bool, kind: ProviderKind) -> Self {
        match (is_fresh, kind) {
            (false, _) => Self::Any,
            (true, ProviderKind::Google | ProviderKind::Microsoft | ProviderKind::GitHub) => Self::IfTold,
            (true, ProviderKind::GitLab | ProviderKind::Oidc) => Self::Told,
        }
    }
}

/// Algorithms that are taken. None is symmetric, so that no public key is ever somebody's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Algorithm {
    RS256,
    ES256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The header. Keys come from the issuer's own address and from nowhere else: a token that brings one along, or says where one lies, is
/// refused instead of being read past (RFC 8725 §3.10).
#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    #[serde(default, rename = "jku", deserialize_with = "never")]
    _jku: (),
    #[serde(default, rename = "jwk", deserialize_with = "never")]
    _jwk: (),
    #[serde(default, rename = "x5u", deserialize_with = "never")]
    _x5u: (),
    #[serde(default, rename = "x5c", deserialize_with = "never")]
    _x5c: (),
    #[serde(default, rename = "crit", deserialize_with = "never")]
    _crit: (),
    #[serde(default, rename = "b64", deserialize_with = "never")]
    _b64: (),
}

fn never<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(deserializer)?;
    Err(D::Error::custom("must not be there"))
}

/// What a token says, once it holds. A member that is there twice makes the whole token unreadable.
#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: String,
    pub(crate) sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: Seconds,
    iat: Seconds,
    auth_time: Option<Seconds>,
    nonce: String,
    pub(crate) email: Option<Value>,
    pub(crate) email_verified: Option<Value>,
    pub(crate) xms_edov: Option<Value>,
    pub(crate) name: Option<Value>,
}

/// One, as text or as a list of one. Several are refused: whoever else a token is for could bring it here, and nobody else is trusted.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List(Vec<String>),
}

impl Audience {
    fn is_only(&self, client_id: &str) -> bool {
        match self {
            Self::One(one) => one == client_id,
            Self::List(list) => matches!(list.as_slice(), [one] if one == client_id),
        }
    }
}

/// `NumericDate` of RFC 7519 §2; a fraction is dropped.
#[derive(Clone, Copy)]
struct Seconds(i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
        let whole = number.as_i64().or_else(|| number.as_f64().filter(|n| n.abs() < 1e12).map(|n| n as i64));
        whole.map(Self).ok_or_else(|| D::Error::custom("no time"))
    }
}

/// Judges a token; [`Word::UnknownKey`] alone is worth another look at the keys.
pub(crate) fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Word> {
    let (header, payload) = parts(token)?;
    judge_name(keys, header.kid.as_deref())?;
    let subject = verify_by_library(token, keys, expected, header.alg)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Word::Malformed)?;
    judge(&claims, expected)?;
    // Two readers of one text have to have read the same.
    if claims.sub == subject { Ok(claims) } else { Err(Word::Subject) }
}

/// Header and payload of a compact token (RFC 7515 §3.1).
fn parts(token: &str) -> Result<(Header, Vec<u8>), Word> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, _] = parts.as_slice() else { return Err(Word::Malformed) };
    if token.len() > LONGEST {
        return Err(Word::TooLarge);
    }
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Word::Malformed);
    let header = decoded(header)?;
    let alg: Option<Value> = serde_json::from_slice(&header).ok().and_then(|header: Value| header.get("alg").cloned());
    if alg.is_some_and(|alg| Algorithm::deserialize(alg).is_err()) {
        return Err(Word::Algorithm);
    }
    Ok((serde_json::from_slice(&header).map_err(|_| Word::TokenHeader)?, decoded(payload)?))
}

fn verify_by_library(token: &str, keys: &Keys, expected: &Expected<'_>, alg: Algorithm) -> Result<String, Word> {
    let alg = match alg {
        Algorithm::RS256 => Alg::RsaSsaPkcs1V15Sha256,
        Algorithm::ES256 => Alg::EcdsaP256Sha256,
        Algorithm::EdDsa => Alg::EdDsa,
    };
    let token: CoreIdToken = token.parse().map_err(|_| Word::Malformed)?;
    let verifier = verifier(keys, expected, alg)?;
    let nonce = Nonce::new(expected.nonce.to_owned());
    match token.claims(&verifier, &nonce) {
        Ok(claims) => Ok(claims.subject().as_str().to_owned()),
        Err(error) => Err(word_of(&error)),
    }
}

fn verifier<'a>(keys: &Keys, expected: &Expected<'_>, alg: CoreJwsSigningAlgorithm) -> Result<CoreIdTokenVerifier<'a>, Word> {
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(|_| Word::TokenIssuer)?;
    let now: DateTime<Utc> = DateTime::from_timestamp(expected.now, 0).ok_or(Word::Expired)?;
    // Without the client's secret there is nothing that a symmetric signature could be checked against.
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(expected.client_id.to_owned()), issuer, keys.as_set());
    Ok(verifier.set_allowed_algs([alg]).set_time_fn(move || now))
}

/// The library's words may repeat what the token says; only their kind is kept.
fn word_of(error: &ClaimsVerificationError) -> Word {
    match error {
        ClaimsVerificationError::Expired(_) => Word::Expired,
        ClaimsVerificationError::InvalidAudience(_) => Word::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => Word::TokenIssuer,
        ClaimsVerificationError::InvalidNonce(_) => Word::Nonce,
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => Word::UnknownKey,
        _ => Word::TokenUnverified,
    }
}

fn judge(claims: &Claims, expected: &Expected<'_>) -> Result<(), Word> {
    let Expected { issuer, client_id, nonce, now, freshness } = *expected;
    let is_recent = |Seconds(at): Seconds| (now - OLDEST..=now + SKEW).contains(&at);
    let auth_time_fits = match (freshness, claims.auth_time) {
        (Freshness::Any, _) | (Freshness::IfTold, None) => true,
        (Freshness::Told, None) => false,
        (_, Some(at)) => is_recent(at),
    };
    let rules = [
        (claims.iss == issuer, Word::TokenIssuer),
        (claims.aud.is_only(client_id), Word::Audience),
        (claims.azp.as_deref().is_none_or(|azp| azp == client_id), Word::AuthorizedParty),
        (claims.exp.0 > now, Word::Expired),
        (is_recent(claims.iat), Word::IssuedAt),
        (constant_time_eq(claims.nonce.as_bytes(), nonce.as_bytes()), Word::Nonce),
        (is_subject(&claims.sub), Word::Subject),
        (auth_time_fits, Word::NotFresh),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, word)| Err(word))
}

/// 1 to 255 octets (§2), none of which a database or a line of a log would take for an end.
pub(crate) fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.contains(char::is_control)
}
