//! What a factor has to be read for again: sealed for its own row, and opened for good, since a factor outlives every key (CFG-02).

use doorward_kit::id::FactorId;
use zeroize::Zeroizing;

use super::Factor;
use crate::service::Accounts;
use crate::store::StoreError;

/// Under the key that is current now, whichever it was before.
pub(super) fn seal(accounts: &Accounts, id: FactorId, text: &[u8]) -> Result<Vec<u8>, StoreError> {
    let sealed = accounts.keys.account_secret.seal(&place(id), text, &*accounts.entropy);
    sealed.map_err(|_| StoreError::Inconsistent { table: "factors", what: "secret cannot be sealed" })
}

/// `None` when its key is in the ring no more, or the row was tampered with: then the factor proves nothing.
pub(super) fn open(accounts: &Accounts, factor: &Factor) -> Option<Zeroizing<Vec<u8>>> {
    let opened = accounts.keys.account_secret.open_for_good(&place(factor.id), &factor.secret);
    opened.inspect_err(|_| tracing::error!(user_id = ?factor.user_id, "stored second factor cannot be opened")).ok()
}

/// A secret opens in its own row alone.
fn place(id: FactorId) -> Vec<u8> {
    [b"factor\0".as_slice(), id.as_bytes()].concat()
}
