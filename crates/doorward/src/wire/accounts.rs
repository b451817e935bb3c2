//! The accounts service, opened: store, keys, hashing threads, counters.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::available_parallelism;

use doorward_config::{Config, EnvSource, SignUp};
use doorward_domain::Accounts;
use doorward_domain::credential::{Argon2Pool, Argon2Settings, Blocklist};
use doorward_domain::federation::Provider;
use doorward_domain::service::{AccountRules, Parts, SignUpMode};
use doorward_domain::throttle::FallbackCounters;
use doorward_kit::{Entropy, KeyPurpose, SharedRing, SystemClock, SystemEntropy};
use doorward_policy::LimitPolicy;

use super::{StartError, blocklist, counters, key, node};
use crate::private_file;

/// The service and the keys that others derive theirs from.
pub struct OpenedAccounts {
    /// The flows.
    pub accounts: Arc<Accounts>,
    /// The store under the flows.
    pub store: Arc<dyn doorward_domain::Store>,
    /// Root of all keys.
    pub keys: SharedRing,
    /// Counters that nodes share, where the configuration names some.
    pub shared_counters: Option<Arc<FallbackCounters>>,
}

/// Opens everything that commands need: all but the providers, whose secrets are for the process that serves. The data folder is made when
/// it is not there.
///
/// # Errors
/// [`StartError`].
pub async fn open_accounts(config: &Config, env: &dyn EnvSource) -> Result<OpenedAccounts, StartError> {
    open_with(config, env, Vec::new()).await
}

/// As [`open_accounts`], with providers to sign in with.
pub(super) async fn open_with(
    config: &Config,
    env: &dyn EnvSource,
    providers: Vec<Arc<dyn Provider>>,
) -> Result<OpenedAccounts, StartError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let data_dir = &config.site.data_dir;
    private_file::make_dir(data_dir).map_err(|source| StartError::DataDir { path: data_dir.clone(), source })?;
    let ring = key::open(config, env, &*entropy)?;
    let keys = SharedRing::new(ring.clone(), Arc::new(SystemClock));
    if !Blocklist::is_common_list_whole() {
        return Err(StartError::CommonPasswords);
    }
    let blocklist = blocklist::load(config.accounts.blocklist_file.as_deref())?;
    if config.accounts.blocklist_file.is_some() {
        tracing::info!(entries = blocklist.len(), too_short = blocklist.ignored(), "accounts.blocklist_file read");
    }
    let opened = counters::open(config, env)?;
    let store = super::store::open(config, env).await?;
    let hasher = Argon2Pool::start(hashing(&config.accounts), keys.of(KeyPurpose::PasswordPepper), &entropy)?;
    let accounts = Arc::new(Accounts::new(Parts {
        store: store.clone(),
        hasher: Arc::new(hasher),
        counters: opened.counters,
        clock: Arc::new(SystemClock),
        entropy,
        keys: keys.clone(),
        providers,
        rules: AccountRules { blocklist: Arc::new(blocklist), ..rules(config) },
    }));
    key::refuse_old_copy(&ring, &accounts).await?;
    Ok(OpenedAccounts { accounts, store, keys, shared_counters: opened.shared })
}

fn hashing(accounts: &doorward_config::Accounts) -> Argon2Settings {
    let cores = || available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1);
    Argon2Settings {
        memory_kib: accounts.argon2_memory_kib,
        passes: accounts.argon2_passes,
        threads: accounts.hash_threads.map_or_else(cores, NonZeroU32::get),
        ..Argon2Settings::default()
    }
}

fn rules(config: &Config) -> AccountRules {
    let accounts = &config.accounts;
    let (origin, limits) = (&config.site.origin, LimitPolicy::decide(config));
    AccountRules {
        sign_up: match accounts.sign_up {
            SignUp::Open => SignUpMode::Open,
            SignUp::Invitation => SignUpMode::Invitation,
            SignUp::Closed => SignUpMode::Closed,
        },
        session_idle: accounts.session_idle,
        session_absolute: accounts.session_absolute,
        remembered_idle: accounts.remember_idle,
        remembered_absolute: accounts.remember_absolute,
        session_rotation: accounts.session_rotate,
        device_life: accounts.device,
        operator_roles: accounts.operator_roles.clone(),
        step_up_age: accounts.step_up,
        provider_targets: accounts.provider_targets.clone(),
        recovery_life: accounts.recovery,
        email_change_life: accounts.email_change,
        email_undo_life: accounts.email_undo,
        invitation_life: accounts.invitation,
        allowed_domains: accounts.allowed_domains.clone(),
        session_limit: accounts.session_limit,
        verification_life: accounts.verification,
        password_min: accounts.password_min,
        mail: super::mail::rules(config),
        ..AccountRules::new(origin.as_str(), &config.site.name, &node::name(config), limits)
    }
}
