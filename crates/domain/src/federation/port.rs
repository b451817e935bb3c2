//! The port to providers. Whoever implements it speaks OpenID Connect or OAuth 2, and hands on nothing but what is below.

use async_trait::async_trait;
use doorward_kit::Secret;

/// What a browser is to take to the provider.
#[derive(Debug, Clone)]
pub struct Authorization<'a> {
    /// Comes back with the code (RFC 6749 §10.12).
    pub state: &'a str,
    /// Comes back in the ID token (OpenID Connect Core §3.1.2.1).
    pub nonce: &'a str,
    /// Base64url of the SHA-256 of the verifier: 43 characters (RFC 7636 §4.2).
    pub code_challenge: &'a str,
    /// Whether the provider is to ask who it is again, whatever it remembers.
    pub is_fresh: bool,
}

/// What a browser brought back.
pub struct Redemption<'a> {
    /// One use.
    pub code: Secret<String>,
    /// The `iss` parameter, if there was one (RFC 9207).
    pub issuer: Option<&'a str>,
    /// Of [`Authorization::code_challenge`]: 43 characters (RFC 7636 §4.1).
    pub verifier: Secret<String>,
    /// As in [`Authorization::nonce`].
    pub nonce: &'a str,
    /// As in [`Authorization::is_fresh`]: the browser carried the wish and may have dropped it, so that the answer has to show that it
    /// was heeded.
    pub is_fresh: bool,
}

/// Who somebody is, as a provider says it.
#[derive(Clone)]
pub struct ProviderAccount {
    /// Who vouches for it.
    pub issuer: String,
    /// 1 to 255 octets, opaque.
    pub subject: String,
    /// The address, if the provider told one.
    pub email: Option<String>,
    /// Whether the provider says that it has proved the address.
    pub is_email_verified: bool,
    /// What to call the person.
    pub name: Option<String>,
    /// What lets us act for the account there; only where the configuration asks to keep it.
    pub grant: Option<Secret<String>>,
}

/// Why a provider did not say who somebody is. The word is one of a closed set; nothing that a provider wrote is in it (OAUTH-13, LOG-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be asked now: not reached, too slow, broken.
    #[error("provider is not available: {0}")]
    Unavailable(&'static str),
    /// It answered, and the answer does not hold.
    #[error("provider's answer is refused: {0}")]
    Refused(&'static str),
}

/// One configured provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Its name in the configuration and in paths: lower-case letters, digits and `-`.
    fn name(&self) -> &str;

    /// What people call it.
    fn label(&self) -> &str;

    /// Whether an account here whose address the provider has proved too is linked at the first sign-in (OAUTH-09).
    fn links_by_address(&self) -> bool;

    /// Where the browser is to go.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider's own description cannot be had.
    async fn authorization_url(&self, authorization: Authorization<'_>) -> Result<String, ProviderError>;

    /// Turns a code into an account.
    ///
    /// # Errors
    /// [`ProviderError`] for every cause.
    async fn redeem(&self, redemption: Redemption<'_>) -> Result<ProviderAccount, ProviderError>;

    /// Gives a kept grant back, as far as the provider has a way for it (RFC 7009).
    ///
    /// # Errors
    /// [`ProviderError`].
    async fn revoke(&self, grant: Secret<String>) -> Result<(), ProviderError>;
}
