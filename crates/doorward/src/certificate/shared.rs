//! The vault of several nodes: rows of their database, sealed with the site's keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_acme::{Challenge, Ledger, StoredAccount, StoredCertificate, Vault, VaultFault};
use doorward_domain::{Store, StoreError, store};
use doorward_kit::{Clock, Entropy, Seal, Timestamp};
use zeroize::Zeroizing;

use super::text;

const ACCOUNT: &str = "acme/account";
const CERTIFICATE: &str = "acme/certificate";
const ATTEMPTS: &str = "acme/attempts";
const CHALLENGE: &str = "acme/challenge/";
const LEASE: &str = "acme/order";

/// How often each node looks for challenges of the others.
pub(super) const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// How long a challenge is kept before the authority is told of it: each node has looked by then.
const KNOWN_AFTER: Duration = Duration::from_millis(1500);

/// Rows of a store that nodes share.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) seal: Seal,
    /// Names this process among the nodes; drawn anew at every start.
    pub(super) holder: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by value")]
fn fault(error: StoreError) -> VaultFault {
    VaultFault(error.to_string())
}

impl Shared {
    fn rows(&self) -> Result<&dyn store::Vault, VaultFault> {
        self.store.vault().ok_or_else(|| VaultFault("the store is not one that nodes share".into()))
    }

    async fn keep(&self, name: &str, content: &[u8], until: Option<Timestamp>) -> Result<(), VaultFault> {
        let sealed = self.seal.seal(name.as_bytes(), content, &*self.entropy);
        let sealed = sealed.map_err(|error| VaultFault(error.to_string()))?;
        self.rows()?.keep(name, &sealed, until).await.map_err(fault)
    }

    async fn find<T>(&self, name: &str, parse: impl FnOnce(&[u8]) -> Option<T> + Send) -> Result<Option<T>, VaultFault> {
        let Some(sealed) = self.rows()?.find(name, self.clock.now()).await.map_err(fault)? else { return Ok(None) };
        Ok(self.open(name, &sealed).and_then(|content| parse(&content)))
    }

    /// What cannot be opened is as good as absent: its key has retired, or somebody else wrote it. Another one is ordered.
    fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let opened = self.seal.open(name.as_bytes(), sealed);
        opened.inspect_err(|error| tracing::warn!(%error, name, "a row of the vault is not used")).ok()
    }
}

#[async_trait]
impl Vault for Shared {
    async fn account(&self) -> Result<Option<StoredAccount>, VaultFault> {
        self.find(ACCOUNT, text::account).await
    }

    async fn save_account(&self, account: &StoredAccount) -> Result<(), VaultFault> {
        self.keep(ACCOUNT, &text::of_account(account), None).await
    }

    async fn certificate(&self) -> Result<Option<StoredCertificate>, VaultFault> {
        self.find(CERTIFICATE, text::certificate).await
    }

    async fn save_certificate(&self, certificate: &StoredCertificate) -> Result<(), VaultFault> {
        self.keep(CERTIFICATE, &text::of_certificate(certificate), None).await
    }

    /// A row that cannot be opened is nothing, as for the others: who can write one can as well remove it.
    async fn attempts(&self) -> Result<Ledger, VaultFault> {
        Ok(self.find(ATTEMPTS, text::attempts).await?.unwrap_or_default())
    }

    async fn save_attempts(&self, ledger: &Ledger) -> Result<(), VaultFault> {
        self.keep(ATTEMPTS, &text::of_attempts(ledger), None).await
    }

    async fn lease(&self, now: Timestamp, until: Timestamp) -> Result<bool, VaultFault> {
        self.rows()?.lease(LEASE, &self.holder, now, until).await.map_err(fault)
    }

    async fn release(&self) -> Result<(), VaultFault> {
        self.rows()?.release(LEASE, &self.holder).await.map_err(fault)
    }

    /// Returns once every node can answer: the authority may ask any of them.
    async fn save_challenge(&self, challenge: &Challenge) -> Result<(), VaultFault> {
        let name = format!("{CHALLENGE}{}", challenge.token);
        self.keep(&name, &text::of_challenge(challenge), Some(challenge.expires_at)).await?;
        tokio::time::sleep(KNOWN_AFTER).await;
        Ok(())
    }

    async fn challenges(&self, now: Timestamp) -> Result<Vec<Challenge>, VaultFault> {
        let rows = self.rows()?.list(CHALLENGE, now).await.map_err(fault)?;
        Ok(rows.iter().filter_map(|(name, sealed)| text::challenge(&self.open(name, sealed)?)).collect())
    }

    async fn remove_challenge(&self, token: &str) -> Result<(), VaultFault> {
        self.rows()?.remove(&format!("{CHALLENGE}{token}"), self.clock.now()).await.map_err(fault)
    }
}
