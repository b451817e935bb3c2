//! One order, from the first question to the chain.
//!
//! Comes in: an account, configured names, the kind of challenge to answer. Goes out: a chain with its key, not yet judged.
//! Must never know: when to order, whether the chain may be served.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Clock, Host, Secret};
use instant_acme::{Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy};

use crate::backoff::later;
use crate::fault::Fault;
use crate::port::{Challenge, Challenges, Vault};

/// A challenge that was not withdrawn, since the process ended, is dead after this.
const CHALLENGE_LIVES: Duration = Duration::from_secs(15 * 60);
/// The library tries three times for itself; at an authority that rejects every second nonce that fails one time in eight.
pub(crate) const NONCE_TRIES: u32 = 8;

/// How the authority sees that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// A file at port 80 (RFC 8555 §8.3).
    Http01,
    /// A certificate at port 443 (RFC 8737).
    TlsAlpn01,
}

impl Method {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Http01 => Self::TlsAlpn01,
            Self::TlsAlpn01 => Self::Http01,
        }
    }

    fn kind(self) -> ChallengeType {
        match self {
            Self::Http01 => ChallengeType::Http01,
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }
}

/// What was issued.
pub(crate) struct Issued {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: Secret<String>,
}

/// What an order needs.
pub(crate) struct Desk<'a> {
    pub(crate) account: &'a Account,
    pub(crate) names: &'a [Host],
    pub(crate) method: Method,
    pub(crate) vault: &'a dyn Vault,
    pub(crate) challenges: &'a dyn Challenges,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// What this node answers for as long as an order is under way, and no longer: an order may be cut off at any point, by its deadline or
/// by a reload (TLS-11).
struct Presented<'a> {
    challenges: &'a dyn Challenges,
    tokens: Vec<String>,
}

impl Drop for Presented<'_> {
    fn drop(&mut self) {
        self.tokens.iter().for_each(|token| self.challenges.withdraw(token));
    }
}

/// Does the authority want the same again with another nonce? Then nothing happened (RFC 8555 §6.5).
pub(crate) fn is_bad_nonce(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce"))
}

/// Says it again while the authority rejects nothing but the nonce, a bounded number of times.
macro_rules! insist {
    ($step:expr) => {{
        let mut tries = 0;
        loop {
            match $step {
                Err(error) if is_bad_nonce(&error) && tries < NONCE_TRIES => tries += 1,
                other => break other.map_err(|error| Fault::from_library(&error)),
            }
        }
    }};
}

impl Desk<'_> {
    /// Orders; whatever happens, the challenges that were presented are withdrawn. Of an order that is cut off, what other nodes know
    /// stays in the vault until it expires.
    pub(crate) async fn order(&self) -> Result<Issued, Fault> {
        let identifiers: Vec<_> = self.names.iter().map(|name| Identifier::Dns(name.as_str().to_owned())).collect();
        let wanted = NewOrder::new(&identifiers);
        let mut order = insist!(self.account.new_order(&wanted).await)?;
        let mut presented = Presented { challenges: self.challenges, tokens: Vec::new() };
        let proved = self.prove(&mut order, &mut presented.tokens).await;
        for token in &presented.tokens {
            if let Err(fault) = self.vault.remove_challenge(token).await {
                tracing::warn!(%fault, "a challenge stays in the vault until it expires");
            }
        }
        drop(presented);
        proved?;
        finish(self.names, &mut order).await
    }

    async fn prove(&self, order: &mut Order, presented: &mut Vec<String>) -> Result<(), Fault> {
        self.answer_all(order, presented).await?;
        match insist!(order.poll_ready(&patience()).await) {
            Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
            // The order's own error, when it has one, says less than its state: a proof that was not found.
            Ok(_) => Err(Fault::Validation),
            Err(fault) => Err(fault),
        }
    }

    /// Walks over the authorizations; a rejected nonce begins the walk again, and what was answered is not answered twice.
    async fn answer_all(&self, order: &mut Order, presented: &mut Vec<String>) -> Result<(), Fault> {
        if order.state().authorizations.len() > self.names.len() {
            return Err(Fault::Offer);
        }
        let mut tries = 0;
        let mut answered = 0;
        while let Err(error) = self.walk(order, presented, &mut answered).await? {
            if !is_bad_nonce(&error) || tries == NONCE_TRIES * 4 {
                return Err(Fault::from_library(&error));
            }
            tries += 1;
        }
        Ok(())
    }

    /// One walk. The outer result is ours, the inner one the library's.
    async fn walk(
        &self,
        order: &mut Order,
        presented: &mut Vec<String>,
        answered: &mut usize,
    ) -> Result<Result<(), Error>, Fault> {
        let mut authorizations = order.authorizations();
        let mut at = 0;
        while let Some(next) = authorizations.next().await {
            let mut authorization = match next {
                Ok(authorization) => authorization,
                Err(error) => return Ok(Err(error)),
            };
            at += 1;
            if at <= *answered {
                continue;
            }
            let name = self.ours(authorization.identifier().identifier)?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => {
                    *answered = at;
                    continue;
                }
                _ => return Err(Fault::Validation),
            }
            let mut challenge = authorization.challenge(self.method.kind()).ok_or(Fault::Offer)?;
            let answer = self.answer_to(&challenge, name)?;
            if !presented.contains(&answer.token) {
                presented.push(answer.token.clone());
                self.vault.save_challenge(&answer).await?;
                self.challenges.present(answer);
            }
            if let Err(error) = challenge.set_ready().await {
                return Ok(Err(error));
            }
            *answered = at;
        }
        Ok(Ok(()))
    }

    /// The authority may ask for a proof of names that were ordered, and of no others (TLS-13).
    fn ours(&self, identifier: &Identifier) -> Result<&Host, Fault> {
        let Identifier::Dns(asked) = identifier else { return Err(Fault::Offer) };
        self.names.iter().find(|name| name.as_str() == asked).ok_or(Fault::Offer)
    }

    fn answer_to(&self, challenge: &instant_acme::ChallengeHandle<'_>, name: &Host) -> Result<Challenge, Fault> {
        let token = challenge.token.clone();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.is_empty() || token.len() > 128 || !token.bytes().all(plain) {
            return Err(Fault::Answer);
        }
        let authorization = challenge.key_authorization();
        let digest = authorization.digest().as_ref().try_into().map_err(|_| Fault::Crypto)?;
        Ok(Challenge {
            token,
            key_authorization: authorization.as_str().to_owned(),
            host: name.clone(),
            digest,
            expires_at: later(self.clock.now(), CHALLENGE_LIVES),
        })
    }
}

/// A key and a request for exactly the configured names, whatever the authority wrote into the order.
async fn finish(names: &[Host], order: &mut Order) -> Result<Issued, Fault> {
    let key = rcgen::KeyPair::generate().map_err(|_| Fault::Crypto)?;
    let names: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).map_err(|_| Fault::Crypto)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(|_| Fault::Crypto)?;
    insist!(order.finalize_csr(request.der()).await)?;
    let chain_pem = insist!(order.poll_certificate(&patience()).await)?;
    Ok(Issued { chain_pem, key_pem: Secret::new(key.serialize_pem()) })
}

/// How often and how long the authority is asked whether it is done.
fn patience() -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(200)).backoff(1.5).timeout(Duration::from_secs(90))
}
