//! One connection for everybody, made anew when it broke.

use std::time::Duration;

use doorward_domain::throttle::{CountersError, REMOTE_BUDGET, within};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::error::{is_answer, told};
use crate::settings::{Eviction, Protection, RedisSettings, SetupError};
use crate::tls::{Stream, Verifier};

/// What one exchange may take, a connection included: a little less than the caller's patience, so that a connection on which nothing
/// comes is noticed here and not used again.
const ANSWER_WITHIN: Duration = REMOTE_BUDGET.saturating_sub(Duration::from_millis(15));

/// Questions that may wait for the connection at once; further callers wait for a place, within their budget.
const PIPELINE: usize = 1024;

/// The way to the server.
pub(crate) struct Link {
    host: String,
    port: u16,
    verifier: Option<Verifier>,
    info: RedisConnectionInfo,
    eviction: Eviction,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that one that broke is thrown away once and not its successor.
    number: u64,
}

impl Link {
    /// Connects to nothing yet.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, SetupError> {
        let verifier = match &settings.protection {
            Protection::Plain => None,
            Protection::Tls { ca_file } => Some(Verifier::new(&settings.host, ca_file.as_deref())?),
        };
        let mut info = RedisConnectionInfo::default().set_db(i64::from(settings.database)).set_skip_set_lib_name();
        if let Some(user) = &settings.user {
            info = info.set_username(user);
        }
        if let Some(password) = &settings.password {
            info = info.set_password(password.expose());
        }
        let host = settings.host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: settings.port, verifier, info, eviction: settings.eviction, current: Mutex::default() })
    }

    /// Asks something. A connection that did not answer in time is thrown away: what comes late belongs to nobody.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> redis::RedisResult<T>,
    ) -> Result<T, CountersError> {
        let mut used = None;
        let asked = within(ANSWER_WITHIN, async {
            let (mut connection, number) = self.connection().await?;
            used = Some(number);
            question(&mut connection).await.map_err(|error| told(&error))
        });
        let outcome = asked.await.unwrap_or(Err(CountersError::Late));
        if let (Err(error), Some(number)) = (&outcome, used)
            && !is_answer(*error)
        {
            self.throw_away(number).await;
        }
        outcome
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), CountersError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let connection = self.connect().await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    async fn throw_away(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, CountersError> {
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(PIPELINE);
        let opened = MultiplexedConnection::new_with_config(&self.info, self.open().await?, config).await;
        let (mut connection, driver) = opened.map_err(|error| told(&error))?;
        // It ends with the last handle of the connection.
        tokio::spawn(driver);
        self.refuse_eviction(&mut connection).await?;
        Ok(connection)
    }

    /// A connection on which nobody has signed in.
    pub(crate) async fn open(&self) -> Result<Box<dyn Stream>, CountersError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|_| CountersError::Unreachable)?;
        let _ = stream.set_nodelay(true);
        match &self.verifier {
            None => Ok(Box::new(stream)),
            Some(verifier) => verifier.connect(stream).await.map_err(|_| CountersError::Untrusted),
        }
    }

    /// Every connection may lead to another server, so each is looked at (APP-RL-16).
    async fn refuse_eviction(&self, connection: &mut MultiplexedConnection) -> Result<(), CountersError> {
        // INFO is allowed where CONFIG is not, on hosted servers.
        let memory: String = redis::cmd("INFO").arg("memory").query_async(connection).await.map_err(|error| told(&error))?;
        match (may_evict(&memory), self.eviction) {
            (false, _) => Ok(()),
            (true, Eviction::Refuse) => Err(CountersError::Forgetful),
            (true, Eviction::Warn) => {
                tracing::warn!(reason = %CountersError::Forgetful, "the counters of this Redis can be reset by filling its memory");
                Ok(())
            }
        }
    }
}

/// Whether `INFO memory` tells of a bound and of keys that may go when it is reached. A server that does not say is one that may.
fn may_evict(memory: &str) -> bool {
    let field = |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end);
    field("maxmemory_policy") != Some("noeviction") && field("maxmemory") != Some("0")
}

#[cfg(test)]
mod tests {
    use super::may_evict;

    #[test]
    fn only_a_bound_with_a_policy_that_evicts_is_refused() {
        assert!(!may_evict("# Memory\r\nmaxmemory:1048576\r\nmaxmemory_policy:noeviction\r\n"));
        assert!(!may_evict("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"), "without a bound nothing is evicted");
        assert!(may_evict("maxmemory:1048576\r\nmaxmemory_policy:volatile-ttl\r\n"));
        assert!(may_evict("maxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n"));
        assert!(may_evict(""), "one that does not say");
    }
}
