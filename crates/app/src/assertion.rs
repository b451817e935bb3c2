//! The signed half of an identity: a short-lived JWT (RFC 7519, RFC 8037), so that an upstream that is reached round the door can tell.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::ActiveSession;
use doorward_kit::ring::{RING_MAX_KEYS, VersionedKey};
use doorward_kit::{Entropy, PurposeRing, SubKey, Timestamp, TokenDigest};
use doorward_policy::UpstreamPolicy;
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use quick_cache::sync::Cache;
use serde::Serialize;

use crate::identity;

/// How long an assertion is good for, in seconds.
const LIFE_SECONDS: i64 = 60;
/// How long one is handed out again, in seconds; so what leaves is good for at least half its life.
const REUSE_SECONDS: i64 = 30;
/// How many (session, upstream) pairs are remembered.
const CACHED: usize = 10_000;

/// Fields that go to an upstream.
pub(crate) type IdentityFields = Arc<[(HeaderName, HeaderValue)]>;

/// Why signing is not possible.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The seed was not taken.
    #[error("the assertion key cannot be used")]
    Key,
    /// The JWT could not be written.
    #[error("the assertion could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// An identity does not fit into a header field.
    #[error("the identity does not fit into header fields")]
    Field,
}

/// Claims, all registered names but `email` and `sid` (OpenID Connect Core §5.1, Back-Channel Logout §2.4).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    email: &'a str,
    sid: String,
    iat: i64,
    exp: i64,
    /// Names the assertion, not the request: it is handed out for [`REUSE_SECONDS`].
    jti: String,
}

/// Signs assertions and remembers them for a moment.
pub(crate) struct Signer {
    keys: PurposeRing,
    /// By version: a version is never given another key.
    pairs: Cache<u32, Arc<Pair>>,
    issuer: Box<str>,
    made: Cache<Slot, Made>,
}

/// One version's key, ready to sign.
struct Pair {
    key: EncodingKey,
    header: Header,
    /// The public half as a JWK (RFC 7517 §4, RFC 8037 §2).
    jwk: serde_json::Value,
}

impl Pair {
    fn of(seed: &SubKey) -> Result<Self, SignerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_bytes()).map_err(|_| SignerError::Key)?;
        let document = pair.to_pkcs8().map_err(|_| SignerError::Key)?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let key_id = thumbprint(&public);
        Ok(Self {
            key: EncodingKey::from_ed_der(document.as_ref()),
            header: Header { kid: Some(key_id.clone()), ..Header::new(Algorithm::EdDSA) },
            jwk: serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id, "x": public
            }),
        })
    }
}

/// Which assertion: whose session, for which upstream. Upstreams are told apart by name, since the name is the audience.
struct Slot {
    session: TokenDigest,
    upstream: Arc<UpstreamPolicy>,
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.session == other.session && self.upstream.name == other.upstream.name
    }
}

impl Eq for Slot {}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.session.hash(state);
        self.upstream.name.hash(state);
    }
}

#[derive(Clone)]
struct Made {
    at: Timestamp,
    /// Version of the key that it was signed with.
    version: u32,
    active: Arc<ActiveSession>,
    fields: IdentityFields,
}

impl Signer {
    pub(crate) fn new(keys: PurposeRing, issuer: &str) -> Result<Self, SignerError> {
        let this = Self { keys, pairs: Cache::new(RING_MAX_KEYS), issuer: issuer.into(), made: Cache::new(CACHED) };
        this.pair(this.keys.now().current())?;
        Ok(this)
    }

    /// The public keys, as a JWK set (RFC 7517 §5): the one that signs, the one that soon will, and those that did until a moment ago and
    /// have not retired, so that an upstream that keeps the set for a while never meets a key that it lacks.
    pub(crate) fn jwks(&self) -> String {
        let keys = self.keys.now();
        let jwks: Vec<_> = keys.alive().filter_map(|key| self.pair(key).ok()).map(|pair| pair.jwk.clone()).collect();
        serde_json::json!({ "keys": jwks }).to_string()
    }

    /// The identity fields for one upstream. Signs at most once in [`REUSE_SECONDS`] for a session that does not change.
    pub(crate) fn fields(
        &self,
        active: &Arc<ActiveSession>,
        upstream: &Arc<UpstreamPolicy>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<IdentityFields, SignerError> {
        let keys = self.keys.now();
        let key = keys.current();
        let slot = Slot { session: active.session.digest, upstream: upstream.clone() };
        if let Some(made) = self.made.get(&slot).filter(|made| made.version == key.version && made.is_fresh(active, now)) {
            return Ok(made.fields);
        }
        let assertion = self.sign(key, active, &upstream.name, now, entropy)?;
        let fields: IdentityFields = Arc::new(identity::fields(&active.identity(), &assertion).ok_or(SignerError::Field)?);
        self.made.insert(slot, Made { at: now, version: key.version, active: active.clone(), fields: fields.clone() });
        Ok(fields)
    }

    fn pair(&self, key: &VersionedKey) -> Result<Arc<Pair>, SignerError> {
        self.pairs.get_or_insert_with(&key.version, || Pair::of(&key.key).map(Arc::new))
    }

    fn sign(
        &self,
        key: &VersionedKey,
        active: &ActiveSession,
        upstream: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<String, SignerError> {
        let mut nonce = [0; 16];
        entropy.fill(&mut nonce);
        let claims = Claims {
            iss: &self.issuer,
            aud: upstream,
            sub: active.user.id.to_string(),
            email: &active.user.email.display,
            sid: active.session.id.to_string(),
            iat: now.as_second(),
            exp: now.as_second() + LIFE_SECONDS,
            jti: URL_SAFE_NO_PAD.encode(nonce),
        };
        let pair = self.pair(key)?;
        Ok(jsonwebtoken::encode(&pair.header, &claims, &pair.key)?)
    }
}

impl Made {
    fn is_fresh(&self, active: &Arc<ActiveSession>, now: Timestamp) -> bool {
        let age = now.as_second() - self.at.as_second();
        (0..REUSE_SECONDS).contains(&age) && (Arc::ptr_eq(&self.active, active) || self.active.identity() == active.identity())
    }
}

/// RFC 7638: the hash of the required members in their one order names the key.
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}
