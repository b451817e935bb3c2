//! Rate-limit counters: of this process, or of all nodes with a twin in this process.

use std::sync::Arc;

use doorward_config::{Config, Counters, Env, EnvSource, Protection, Redis};
use doorward_domain::throttle::{CountersError, FallbackCounters, MemoryCounters};
use doorward_storage_redis::{Eviction, RedisCounters, RedisSettings};

use super::StartError;

/// Counters, and the part of them that may fail.
pub(super) struct OpenedCounters {
    pub(super) counters: Arc<dyn doorward_domain::Counters>,
    pub(super) shared: Option<Arc<FallbackCounters>>,
}

/// Makes the counters; connects to nothing yet.
pub(super) fn open(config: &Config, env: &dyn EnvSource) -> Result<OpenedCounters, StartError> {
    let twin = MemoryCounters::default().monotonic();
    let Counters::Redis(redis) = &config.counters else {
        return Ok(OpenedCounters { counters: Arc::new(twin), shared: None });
    };
    let remote = RedisCounters::new(&settings(redis, config.site.env, env)?).map_err(StartError::CounterSetup)?;
    let shared = Arc::new(FallbackCounters::new(Arc::new(remote), twin));
    Ok(OpenedCounters { counters: shared.clone(), shared: Some(shared) })
}

/// Looks whether shared counters can be used. What only the operator can put right ends the start; what passes by itself does not, for
/// the twin counts until then (D-06).
pub(super) async fn check(shared: &FallbackCounters) -> Result<(), StartError> {
    match shared.check().await {
        Err(error @ (CountersError::Forgetful | CountersError::Denied | CountersError::Untrusted)) => {
            Err(StartError::Counters(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn settings(redis: &Redis, site: Env, env: &dyn EnvSource) -> Result<RedisSettings, StartError> {
    let server = &redis.server;
    let password = server.password.as_ref().map(|source| source.read(env)).transpose().map_err(StartError::CounterPassword)?;
    Ok(RedisSettings {
        host: server.host.to_string(),
        port: server.port,
        protection: match server.protection {
            Protection::Plain => doorward_storage_redis::Protection::Plain,
            Protection::Tls | Protection::StartTls => doorward_storage_redis::Protection::Tls { ca_file: server.ca_file.clone() },
        },
        user: server.user.clone(),
        password,
        database: redis.database,
        prefix: redis.prefix.clone(),
        eviction: if site == Env::Development { Eviction::Warn } else { Eviction::Refuse },
    })
}
