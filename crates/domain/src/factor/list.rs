//! What second factors an account has.

use doorward_kit::UserId;

use super::{Factor, FactorKind, FactorList, FactorSummary};
use crate::service::{Accounts, FlowError, Work};
use crate::session::ActiveSession;
use crate::store::StoreError;

/// Recovery codes by name, beside the kinds of [`FactorKind`].
pub(super) const RECOVERY_CODE: &str = "recovery_code";

/// For their owner.
pub(crate) async fn list(accounts: &Accounts, active: &ActiveSession) -> Result<FactorList, FlowError> {
    let mut tx = accounts.begin().await?;
    let factors = tx.factors().list(active.user.id).await?.into_iter().map(summary).collect();
    let recovery_codes = tx.factors().count_recovery_codes(active.user.id).await?;
    Ok(FactorList { factors, recovery_codes })
}

fn summary(factor: Factor) -> FactorSummary {
    let Factor { id, kind, name, created_at, last_used_at, .. } = factor;
    FactorSummary { id, kind, name, created_at, last_used_at }
}

/// What may be shown of an account, for pages and answers: `passkey`, `totp`, `recovery_code`, in this order.
pub(crate) async fn kinds(tx: &mut Work<'_>, user: UserId) -> Result<Vec<&'static str>, StoreError> {
    let factors = tx.factors().list(user).await?;
    let of = |kind: FactorKind| factors.iter().any(|factor| factor.kind == kind).then_some(kind.as_str());
    let codes = tx.factors().count_recovery_codes(user).await? > 0;
    let code = (codes && !factors.is_empty()).then_some(RECOVERY_CODE);
    Ok([of(FactorKind::Passkey), of(FactorKind::Totp), code].into_iter().flatten().collect())
}
