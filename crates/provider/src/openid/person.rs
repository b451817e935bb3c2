//! Who it is, of what the provider's claims say: everything but the subject may be missing, and nothing is believed by its form alone.

use doorward_config::ProviderKind;
use doorward_domain::federation::ProviderAccount;
use serde::Deserialize;
use serde_json::Value;

use super::id_token::Claims;
use crate::address::Address;
use crate::answer;
use crate::fault::{Fault, Word};
use crate::setup::Common;
use crate::token::{Tokens, bearing};

/// The longest address (RFC 5321 §4.5.3.1.3), in octets.
const LONGEST_ADDRESS: usize = 254;
/// The longest name that is handed on, in characters.
const LONGEST_NAME: usize = 100;

/// What the ID token says.
pub(crate) fn account(kind: ProviderKind, issuer: &str, claims: &Claims) -> ProviderAccount {
    let email = claims.email.as_ref().and_then(address);
    let is_verified = match kind {
        // Microsoft says so of a domain, not of an address, and only where the application asks for the claim.
        ProviderKind::Microsoft => claims.xms_edov.as_ref().is_some_and(is_true_in_any_spelling),
        _ => is_true(claims.email_verified.as_ref()),
    };
    ProviderAccount {
        issuer: issuer.to_owned(),
        subject: claims.sub.clone(),
        is_email_verified: email.is_some() && is_verified,
        email,
        name: claims.name.as_ref().and_then(name),
        grant: None,
    }
}

/// What the interface for claims says (OpenID Connect Core §5.3.2).
#[derive(Deserialize)]
struct Userinfo {
    sub: String,
    email: Option<Value>,
    email_verified: Option<Value>,
    name: Option<Value>,
}

/// Asks for the address, which the ID token left out. Nothing that the ID token said is replaced.
pub(crate) async fn complete(
    common: &Common,
    userinfo: &Address,
    tokens: &Tokens,
    account: &mut ProviderAccount,
) -> Result<(), Fault> {
    let answer = common.client.send(userinfo, bearing(&tokens.access_token, "application/json")).await?;
    let told: Userinfo = answer::read(&answer)?;
    // It is not signed: whose access token it was is known by nothing else.
    if told.sub != account.subject {
        return Err(Fault::of(Word::OtherSubject, answer.status(), answer.body()));
    }
    account.email = told.email.as_ref().and_then(address);
    // Microsoft's word for it stands in the ID token alone.
    let may_say = common.kind != ProviderKind::Microsoft;
    account.is_email_verified = may_say && account.email.is_some() && is_true(told.email_verified.as_ref());
    account.name = account.name.take().or_else(|| told.name.as_ref().and_then(name));
    Ok(())
}

/// `true` and nothing else: neither `"true"` nor 1.
fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

/// As [`is_true`]; Microsoft writes 1 and "1" as well.
fn is_true_in_any_spelling(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_u64() == Some(1) || matches!(value.as_str(), Some("1" | "true"))
}

/// What could be an address; the accounts judge it as they judge every other.
pub(crate) fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = (3..=LONGEST_ADDRESS).contains(&text.len()) && text.contains('@') && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

/// What to call somebody.
pub(crate) fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}
