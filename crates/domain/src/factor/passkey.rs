//! Passkeys (WebAuthn Level 3): discoverable, with user verification always, so that each is two factors by itself (D-14).
//!
//! The library verifies; what it leaves to its caller is here: whose the credential is, that a challenge is for one account or for nobody's,
//! and that the counter in the store is the one that grows.

use doorward_kit::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::prove::Shown;
use super::{Factor, FactorKind, secret};
use crate::account::User;
use crate::service::{Accounts, FlowError, Work};
use crate::store::StoreError;

/// Most passkeys of an account.
pub(super) const MOST: usize = 10;
/// Longest credential id, in octets (WebAuthn Level 3 §4).
const CREDENTIAL_ID_MAX: usize = 1023;

/// What is remembered of a challenge until the answer comes.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked(DiscoverableAuthentication);

/// What is remembered of an enrolment until the authenticator has made its key.
#[derive(Serialize, Deserialize)]
pub(super) struct Wanted(PasskeyRegistration);

/// A passkey that was made for us.
pub(super) struct Made {
    pub(super) credential: Vec<u8>,
    pub(super) counter: u64,
    /// To be sealed.
    pub(super) text: Vec<u8>,
}

/// This site as authenticators know it. A site without a name, at a bare address, can have no passkeys.
fn site(accounts: &Accounts) -> Result<Webauthn, FlowError> {
    let rules = &accounts.rules;
    let origin = Url::parse(&rules.link_origin).map_err(|_| FlowError::NotConfigured)?;
    let host = origin.domain().ok_or(FlowError::NotConfigured)?;
    let builder = WebauthnBuilder::new(host, &origin).map_err(|_| FlowError::NotConfigured)?;
    builder.rp_name(&rules.site_name).build().map_err(|_| FlowError::NotConfigured)
}

/// Options that ask for a signature by one of `allowed`, or by whichever passkey there is when nobody is named.
pub(super) fn ask(accounts: &Accounts, allowed: &[Factor]) -> Result<(Asked, Value), FlowError> {
    let (challenge, state) = site(accounts)?.start_discoverable_authentication().map_err(|_| FlowError::NotConfigured)?;
    let mut options = serde_json::to_value(challenge.public_key).map_err(unwritable)?;
    let credentials = allowed.iter().filter_map(|factor| factor.credential.as_deref());
    options["allowCredentials"] = credentials.map(descriptor).collect();
    // What an authenticator says beside its signature is not asked for.
    if let Some(options) = options.as_object_mut() {
        options.remove("extensions");
    }
    Ok((Asked(state), options))
}

/// Options that ask for a new passkey. The user handle is the account's id: random, and no address.
pub(super) fn want(accounts: &Accounts, user: &User, present: &[Factor]) -> Result<(Wanted, Value), FlowError> {
    let address = &user.email.display;
    let name = if user.display_name.is_empty() { address } else { &user.display_name };
    let known = present.iter().filter_map(|factor| factor.credential.clone()).collect();
    let id = Uuid::from_bytes(*user.id.as_bytes());
    let started = site(accounts)?.start_passkey_registration(id, address, name, Some(known));
    let (CreationChallengeResponse { public_key }, state) = started.map_err(|_| FlowError::NotConfigured)?;
    let mut options = serde_json::to_value(public_key).map_err(unwritable)?;
    // It is to be found without an account's name being typed (WebAuthn Level 3 §6.2.2).
    options["authenticatorSelection"]["residentKey"] = json!("required");
    options["authenticatorSelection"]["requireResidentKey"] = json!(true);
    Ok((Wanted(state), options))
}

fn descriptor(credential: &[u8]) -> Value {
    json!({"type": "public-key", "id": base64url(credential)})
}

fn base64url(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets)
}

fn unwritable(_: serde_json::Error) -> FlowError {
    FlowError::Store(StoreError::Inconsistent { table: "ceremonies", what: "options cannot be written" })
}

const UNREADABLE: StoreError = StoreError::Inconsistent { table: "factors", what: "a new passkey has no counter" };

/// Judges what an authenticator made; the inner error is the reason for the trail.
pub(super) fn take(accounts: &Accounts, wanted: &Wanted, credential: Value) -> Result<Result<Made, &'static str>, FlowError> {
    let Ok(answer) = serde_json::from_value::<RegisterPublicKeyCredential>(credential) else { return Ok(Err("malformed")) };
    if answer.type_ != "public-key" {
        return Ok(Err("malformed"));
    }
    let passkey = match site(accounts)?.finish_passkey_registration(&answer, &wanted.0) {
        Ok(passkey) if passkey.cred_id().len() <= CREDENTIAL_ID_MAX => passkey,
        Ok(_) => return Ok(Err("malformed")),
        Err(error) => return Ok(Err(reason(&error))),
    };
    let text = serde_json::to_value(&passkey).map_err(unwritable)?;
    // The library tells its counter in this way alone.
    let counter = text["cred"]["counter"].as_u64().ok_or(UNREADABLE)?;
    Ok(Ok(Made { credential: passkey.cred_id().clone(), counter, text: text.to_string().into_bytes() }))
}

/// An answer of a passkey, as far as it can be read.
pub(super) struct Answer(PublicKeyCredential);

impl Answer {
    pub(super) fn read(credential: Value) -> Option<Self> {
        let answer: PublicKeyCredential = serde_json::from_value(credential).ok()?;
        (answer.type_ == "public-key" && !is_framed(&answer)).then_some(Self(answer))
    }

    /// By which passkey.
    pub(super) fn credential(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// Whose it says that it is.
    pub(super) fn user_handle(&self) -> Option<&[u8]> {
        self.0.get_user_unique_id()
    }

    /// Whether the account that the passkey was made for is this one, as far as the authenticator says; where nobody was named it must.
    fn is_of(&self, user: UserId) -> bool {
        self.user_handle().is_none_or(|handle| handle == user.as_bytes())
    }
}

/// Whether the browser says that another site had ours in a frame (WebAuthn Level 3 §13.4.2): none may. The library asks this of new
/// passkeys alone.
fn is_framed(answer: &PublicKeyCredential) -> bool {
    let data = serde_json::from_slice::<Value>(&answer.response.client_data_json);
    data.is_ok_and(|data| data["crossOrigin"] == json!(true) || data["topOrigin"].is_string())
}

/// Judges an answer by the passkey as it is stored, and moves its counter on. The account is locked. The inner error is the reason for the
/// trail.
pub(super) async fn judge(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    (user, asked, answer): (UserId, Asked, &Answer),
    now: Timestamp,
) -> Result<Result<Shown, &'static str>, FlowError> {
    let factor = tx.factors().find_passkey(answer.credential()).await?;
    let Some(factor) = factor.filter(|factor| factor.user_id == user) else { return Ok(Err("unknown_passkey")) };
    if !answer.is_of(user) {
        return Ok(Err("other_account"));
    }
    let Some(mut passkey) = secret::open(accounts, &factor).and_then(|text| serde_json::from_slice::<Passkey>(&text).ok()) else {
        return Ok(Err("unreadable"));
    };
    let result = match site(accounts)?.finish_discoverable_authentication_v2(&answer.0, asked.0, &passkey) {
        Ok(result) => result,
        Err(error) => return Ok(Err(reason(&error))),
    };
    let counter = u64::from(result.counter());
    if is_copied(factor.counter, counter) {
        return Ok(Err("cloned"));
    }
    passkey.update_credential(&result);
    let text = serde_json::to_vec(&passkey).map_err(unwritable)?;
    let sealed = secret::seal(accounts, factor.id, &text)?;
    if !tx.factors().advance(factor.id, factor.counter, counter, &sealed, now).await? {
        return Ok(Err("used_meanwhile"));
    }
    Ok(Ok(Shown { kind: FactorKind::Passkey.as_str(), factor: Some(factor.id) }))
}

/// A counter that does not grow is that of a copy (WebAuthn Level 3 §6.1.1), unless the authenticator has none: then both are zero.
const fn is_copied(stored: u64, shown: u64) -> bool {
    (stored > 0 || shown > 0) && shown <= stored
}

/// A word of ours for each refusal that says something to whoever reads the trail.
const fn reason(error: &WebauthnError) -> &'static str {
    match error {
        WebauthnError::MismatchedChallenge => "wrong_challenge",
        WebauthnError::InvalidRPOrigin => "wrong_origin",
        WebauthnError::InvalidRPIDHash => "wrong_site",
        WebauthnError::UserNotPresent | WebauthnError::UserNotVerified => "not_verified",
        WebauthnError::AuthenticationFailure => "bad_signature",
        WebauthnError::CredentialPossibleCompromise => "cloned",
        _ => "malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::is_copied;

    #[test]
    fn a_counter_must_grow_unless_there_is_none() {
        assert!(!is_copied(0, 0));
        assert!(!is_copied(0, 1));
        assert!(!is_copied(5, 6));
        for (stored, shown) in [(5, 5), (5, 4), (5, 0), (1, 1), (u64::MAX, u64::MAX)] {
            assert!(is_copied(stored, shown), "{stored} then {shown}");
        }
    }
}
