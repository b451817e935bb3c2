//! Servers that ask nobody for a password are not used outside development (EXPO-02).
//!
//! That the configuration names a password says nothing about the server: one that takes any, or none, hands every account to whoever
//! reaches it. So each is asked once, at the start, as a stranger would.

use doorward_config::{Config, Counters, Env, EnvSource, Store};
use doorward_kit::{Entropy, Secret};
use doorward_storage_postgres::lets_in_whoever_comes;
use doorward_storage_redis::answers_without_password;

use super::{StartError, counters, store};

/// Asks store and counters; one that cannot be reached is not judged here.
pub(super) async fn refuse_open_servers(config: &Config, env: &dyn EnvSource, entropy: &dyn Entropy) -> Result<(), StartError> {
    if config.site.env == Env::Development {
        return Ok(());
    }
    if let Store::Postgres(postgres) = &config.store {
        let mut octets = [0; 16];
        entropy.fill(&mut octets);
        let wrong: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        if lets_in_whoever_comes(&store::settings(postgres, env)?, &Secret::new(wrong)).await? {
            return Err(StartError::OpenStore);
        }
    }
    if let Counters::Redis(redis) = &config.counters {
        let settings = counters::settings(redis, config.site.env, env)?;
        if answers_without_password(&settings).await.map_err(StartError::CounterSetup)? {
            return Err(StartError::OpenCounters);
        }
    }
    Ok(())
}
