//! A vault in memory, which may be shared by two issuers and may fail.

use std::sync::Mutex;

use async_trait::async_trait;
use doorward_acme::{Challenge, Ledger, StoredAccount, StoredCertificate, Vault, VaultFault};
use doorward_kit::Timestamp;

#[derive(Default)]
pub(crate) struct MemoryVault {
    pub(crate) account: Mutex<Option<StoredAccount>>,
    pub(crate) certificate: Mutex<Option<StoredCertificate>>,
    pub(crate) attempts: Mutex<Ledger>,
    /// Takes no note of an attempt.
    pub(crate) forgetful: Mutex<bool>,
    pub(crate) challenges: Mutex<Vec<Challenge>>,
    /// Somebody else orders until then.
    pub(crate) leased_until: Mutex<Option<Timestamp>>,
    /// Takes no certificate.
    pub(crate) full: Mutex<bool>,
    pub(crate) releases: Mutex<usize>,
}

#[async_trait]
impl Vault for MemoryVault {
    async fn account(&self) -> Result<Option<StoredAccount>, VaultFault> {
        Ok(self.account.lock().unwrap().clone())
    }

    async fn save_account(&self, account: &StoredAccount) -> Result<(), VaultFault> {
        *self.account.lock().unwrap() = Some(account.clone());
        Ok(())
    }

    async fn certificate(&self) -> Result<Option<StoredCertificate>, VaultFault> {
        Ok(self.certificate.lock().unwrap().clone())
    }

    async fn save_certificate(&self, certificate: &StoredCertificate) -> Result<(), VaultFault> {
        if *self.full.lock().unwrap() {
            return Err(VaultFault("full".to_owned()));
        }
        *self.certificate.lock().unwrap() = Some(certificate.clone());
        Ok(())
    }

    async fn attempts(&self) -> Result<Ledger, VaultFault> {
        Ok(self.attempts.lock().unwrap().clone())
    }

    async fn save_attempts(&self, ledger: &Ledger) -> Result<(), VaultFault> {
        if *self.forgetful.lock().unwrap() {
            return Err(VaultFault("no".to_owned()));
        }
        *self.attempts.lock().unwrap() = ledger.clone();
        Ok(())
    }

    async fn lease(&self, now: Timestamp, _until: Timestamp) -> Result<bool, VaultFault> {
        Ok(self.leased_until.lock().unwrap().is_none_or(|until| until <= now))
    }

    async fn release(&self) -> Result<(), VaultFault> {
        *self.releases.lock().unwrap() += 1;
        Ok(())
    }

    async fn save_challenge(&self, challenge: &Challenge) -> Result<(), VaultFault> {
        self.challenges.lock().unwrap().push(challenge.clone());
        Ok(())
    }

    async fn challenges(&self, _now: Timestamp) -> Result<Vec<Challenge>, VaultFault> {
        Ok(self.challenges.lock().unwrap().clone())
    }

    async fn remove_challenge(&self, token: &str) -> Result<(), VaultFault> {
        self.challenges.lock().unwrap().retain(|challenge| challenge.token != token);
        Ok(())
    }
}
