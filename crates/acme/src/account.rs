//! The account at the authority: kept, judged, made when there is none.
//!
//! Comes in: the vault. Goes out: an account that belongs to this directory.
//! Must never know: files, SQL.

use doorward_kit::Secret;
use instant_acme::{Account, AccountCredentials, NewAccount};
use serde_json::Value;

use crate::client::Client;
use crate::directory::Directory;
use crate::fault::Fault;
use crate::port::{AcmeEvent, Events, StoredAccount, UrlClass, Vault};

/// Why a stored account was refused (TLS-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Not the JSON that was stored.
    #[error("the stored account cannot be read")]
    Unreadable,
    /// It belongs to another authority, in whole or in one of its addresses.
    #[error("the stored account belongs to another authority ({0})")]
    Foreign(UrlClass),
}

/// May this stored account be used with this directory? Every address in it is judged, not only the one beside it.
///
/// # Errors
/// See [`AccountFault`].
pub fn judge(stored: &StoredAccount, directory: &Directory) -> Result<(), AccountFault> {
    let credentials: Value = serde_json::from_str(stored.credentials_json.expose()).map_err(|_| AccountFault::Unreadable)?;
    let inside = credentials.get("directory").and_then(Value::as_str).ok_or(AccountFault::Unreadable)?;
    if stored.directory != directory.url() || inside != directory.url() {
        return Err(AccountFault::Foreign(UrlClass::Host));
    }
    // Addresses that would be used instead of those the directory names today.
    if credentials.get("urls").is_some_and(|urls| !urls.is_null()) {
        return Err(AccountFault::Foreign(UrlClass::Path));
    }
    let id = credentials.get("id").and_then(Value::as_str).ok_or(AccountFault::Unreadable)?;
    directory.permits(id).map_err(AccountFault::Foreign)
}

/// The account of the vault, or a new one that is kept before it is used.
pub(crate) async fn open(
    client: &Client,
    directory: &Directory,
    email: Option<&str>,
    vault: &dyn Vault,
    events: &dyn Events,
) -> Result<Account, Fault> {
    let Some(stored) = vault.account().await? else { return create(client, directory, email, vault).await };
    if let Err(fault) = judge(&stored, directory) {
        tracing::error!(%fault, "a new account is made");
        events.record(AcmeEvent::Distrusted { reason: "account" });
        return create(client, directory, email, vault).await;
    }
    let credentials: AccountCredentials = serde_json::from_str(stored.credentials_json.expose()).map_err(|_| Fault::Crypto)?;
    builder(client).from_credentials(credentials).await.map_err(|error| Fault::from_library(&error))
}

/// A new account.
pub(crate) async fn create(
    client: &Client,
    directory: &Directory,
    email: Option<&str>,
    vault: &dyn Vault,
) -> Result<Account, Fault> {
    let contact = email.map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let mut tries = 0;
    let (account, credentials) = loop {
        match builder(client).create(&wanted, directory.url().to_owned(), None).await {
            Ok(made) => break made,
            Err(error) if crate::order::is_bad_nonce(&error) && tries < crate::order::NONCE_TRIES => tries += 1,
            Err(error) => return Err(Fault::from_library(&error)),
        }
    };
    let credentials_json = Secret::new(serde_json::to_string(&credentials).map_err(|_| Fault::Crypto)?);
    vault.save_account(&StoredAccount { directory: directory.url().to_owned(), credentials_json }).await?;
    Ok(account)
}

fn builder(client: &Client) -> instant_acme::AccountBuilder {
    Account::builder_with_http(Box::new(client.clone()))
}
