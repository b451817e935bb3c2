//! What a provider gave to act for its account: kept only where the configuration asks for it, and then sealed in its own row (OAUTH-14).

use std::sync::Arc;

use doorward_kit::Secret;
use doorward_kit::id::IdentityId;

use super::{Identity, Provider, ProviderAccount, trip};
use crate::service::Accounts;
use crate::store::StoreError;

/// Seals what came along for the row of a link.
pub(super) fn seal(accounts: &Accounts, id: IdentityId, account: &ProviderAccount) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(grant) = &account.grant else { return Ok(None) };
    let sealed = accounts.keys.account_secret.seal(&place(id), grant.expose().as_bytes(), &*accounts.entropy);
    sealed.map(Some).map_err(|_| StoreError::Inconsistent { table: "identities", what: "grant cannot be sealed" })
}

/// Gives the grants of links that have ended back. Nobody waits for it: whether the provider answers changes nothing here.
pub(super) fn give_back(accounts: &Accounts, ended: &[Identity]) {
    for identity in ended {
        let Some(provider) = trip::find(accounts, &identity.provider) else { continue };
        let Some(grant) = open(accounts, identity) else { continue };
        tokio::spawn(revoke(Arc::clone(provider), grant));
    }
}

async fn revoke(provider: Arc<dyn Provider>, grant: Secret<String>) {
    if let Err(error) = provider.revoke(grant).await {
        tracing::warn!(message = "a provider did not take its grant back", provider = provider.name(), error = %error);
    }
}

/// What was sealed with a key that has retired cannot be given back any more; the provider's own end of it has come by then.
fn open(accounts: &Accounts, identity: &Identity) -> Option<Secret<String>> {
    let text = accounts.keys.account_secret.open(&place(identity.id), identity.grant.as_deref()?).ok()?;
    String::from_utf8(text.to_vec()).ok().map(Secret::new)
}

fn place(id: IdentityId) -> Vec<u8> {
    [b"grant\0".as_slice(), id.as_bytes()].concat()
}
