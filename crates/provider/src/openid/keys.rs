//! The keys that an issuer signs with (RFC 7517), from the one address that its description names.

use ::http::Request;
use ::http::header::{ACCEPT, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::Full;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use openidconnect::{JsonWebKey as _, JsonWebKeySet};
use serde::Deserialize;
use serde_json::Value;

use crate::address::Address;
use crate::answer;
use crate::fault::{Fault, Word};
use crate::setup::Common;

/// More keys than any provider has.
const MOST: usize = 64;
/// Octets of an RSA modulus: 2048 bits (NIST SP 800-131A).
const RSA_LEAST: usize = 256;

/// Public keys that may sign.
pub(crate) struct Keys(Vec<CoreJsonWebKey>);

#[derive(Deserialize)]
struct Written {
    keys: Vec<Value>,
}

pub(crate) async fn fetch(common: &Common, at: &Address) -> Result<Keys, Fault> {
    let mut request = Request::new(Full::default());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json, application/jwk-set+json"));
    let answer = common.client.send(at, request).await?;
    let written: Written = answer::read(&answer)?;
    Ok(Keys::of(written.keys))
}

impl Keys {
    /// Those that can be understood; others, of kinds that come one day, do no harm.
    pub(crate) fn of(written: Vec<Value>) -> Self {
        let sound = written.into_iter().take(MOST).filter(is_sound);
        Self(sound.filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    /// Whether one has this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|key| key.key_id().is_some_and(|id| id.as_str() == name))
    }

    pub(crate) fn as_set(&self) -> CoreJsonWebKeySet {
        JsonWebKeySet::new(self.0.clone())
    }
}

/// No shared secret, no key whose private half the whole world has read, no modulus that can be taken apart.
fn is_sound(key: &Value) -> bool {
    let is_public = key.get("d").is_none() && key.get("k").is_none();
    let is_strong = match key.get("kty").and_then(Value::as_str) {
        Some("RSA") => modulus(key).is_some_and(|octets| octets >= RSA_LEAST),
        Some("EC" | "OKP") => true,
        _ => false,
    };
    is_public && is_strong
}

fn modulus(key: &Value) -> Option<usize> {
    let octets = URL_SAFE_NO_PAD.decode(key.get("n")?.as_str()?).ok()?;
    Some(octets.iter().skip_while(|octet| **octet == 0).count())
}

/// A name that no key has is asked for again; a token without one is tried with the only key there is.
pub(crate) fn judge_name(keys: &Keys, name: Option<&str>) -> Result<(), Word> {
    if name.is_none_or(|name| keys.knows(name)) { Ok(()) } else { Err(Word::UnknownKey) }
}
