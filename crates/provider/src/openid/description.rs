//! What a provider says of itself (OpenID Connect Discovery 1.0 §3). Every address in it is judged here, at once.

use ::http::Request;
use ::http::header::{ACCEPT, HeaderValue};
use doorward_config::Issuer;
use http_body_util::Full;
use serde::Deserialize;

use crate::address::Address;
use crate::answer;
use crate::fault::{Fault, Word};
use crate::setup::Common;
use crate::token::Proof;

/// A description that was judged.
pub(crate) struct Description {
    pub(crate) authorization: Address,
    pub(crate) token: Address,
    pub(crate) keys: Address,
    pub(crate) userinfo: Option<Address>,
    pub(crate) revocation: Option<Address>,
    pub(crate) proof: Proof,
    /// The `iss` parameter comes with every answer (RFC 9207 §3).
    pub(crate) promises_issuer: bool,
}

#[derive(Deserialize)]
struct Written {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

pub(crate) async fn fetch(common: &Common, issuer: &Issuer) -> Result<Description, Fault> {
    let mut request = Request::new(Full::default());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    let answer = common.client.send(&common.pins.description(issuer)?, request).await?;
    let written: Written = answer::read(&answer)?;
    judge(common, issuer, written).map_err(|word| Fault::of(word, answer.status(), answer.body()))
}

fn judge(common: &Common, issuer: &Issuer, written: Written) -> Result<Description, Word> {
    // Whoever described another issuer could answer for it (§4.3).
    if written.issuer != issuer.as_str() {
        return Err(Word::DescribesAnother);
    }
    if written.code_challenge_methods_supported.is_some_and(|methods| methods.iter().all(|method| method != "S256")) {
        return Err(Word::NoPkce);
    }
    let judged = |url: Option<String>| url.map(|url| common.pins.judge(&url)).transpose();
    Ok(Description {
        authorization: common.pins.judge(&written.authorization_endpoint)?,
        token: common.pins.judge(&written.token_endpoint)?,
        keys: common.pins.judge(&written.jwks_uri)?,
        userinfo: judged(written.userinfo_endpoint)?,
        revocation: judged(written.revocation_endpoint)?,
        proof: proof(written.token_endpoint_auth_methods_supported.as_deref())?,
        promises_issuer: written.authorization_response_iss_parameter_supported,
    })
}

/// Without a word it is `client_secret_basic`; where both are known too.
fn proof(methods: Option<&[String]>) -> Result<Proof, Word> {
    let Some(methods) = methods else { return Ok(Proof::Basic) };
    let knows = |name: &str| methods.iter().any(|method| method == name);
    if knows("client_secret_basic") {
        Ok(Proof::Basic)
    } else if knows("client_secret_post") {
        Ok(Proof::Post)
    } else {
        Err(Word::NoClientAuthentication)
    }
}
