//! A connection on which every answer is waited for with a limit.
//!
//! The server's own limits end a statement that takes too long; they end nothing when the server is frozen or the network swallows what is
//! said. Comes in: a query. Goes out: its rows, or a fault within [`ANSWER_WITHIN`]. A connection whose answer did not come is closed and
//! never used again, since nobody can tell what it will say next.

use std::time::Duration;

use doorward_domain::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, raw_sql};
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::error::{commit_fault, fault};

/// How long an answer is waited for: longer than the server's own limit of a statement (8 s), so that a server that is merely slow says so
/// itself and the connection can be kept.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Said here, since a server may be configured to another default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// A connection of the pool; `None` once it was given up.
pub(crate) struct Link {
    connection: Option<PoolConnection<Postgres>>,
    /// A transaction was begun and is not committed.
    is_open: bool,
    /// A statement went wrong: the transaction, if there is one, cannot be committed any more.
    has_failed: bool,
}

impl Link {
    /// Takes one out of the pool, which has a limit of its own.
    pub(crate) async fn take(pool: &PgPool) -> Result<Self, StoreError> {
        let connection = pool.acquire().await.map_err(fault)?;
        Ok(Self { connection: Some(connection), is_open: false, has_failed: false })
    }

    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        // From here on, since whoever waits for the answer may go away meanwhile.
        self.is_open = true;
        let answer = timeout(ANSWER_WITHIN, raw_sql(BEGIN).execute(self.connection()?)).await;
        self.judge(answer).map(drop)
    }

    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when the server did not say how it ended: it may have been committed, or may be yet.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.has_failed {
            // The server would answer such a commit with a friendly word and roll back.
            return Err(StoreError::Unavailable("a statement of this unit of work failed before"));
        }
        match timeout(ANSWER_WITHIN, raw_sql("COMMIT").execute(self.connection()?)).await {
            Ok(Ok(_)) => {
                self.is_open = false;
                Ok(())
            }
            Ok(Err(error)) => {
                self.discard();
                Err(commit_fault(error))
            }
            Err(_) => {
                self.discard();
                Err(StoreError::OutcomeUnknown)
            }
        }
    }

    /// How many rows it touched.
    pub(crate) async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        let answer = timeout(ANSWER_WITHIN, query.execute(self.connection()?)).await;
        self.judge(answer).map(|result| result.rows_affected())
    }

    pub(crate) async fn fetch_all(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StoreError> {
        let answer = timeout(ANSWER_WITHIN, query.fetch_all(self.connection()?)).await;
        self.judge(answer)
    }

    pub(crate) async fn fetch_optional(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, StoreError> {
        let answer = timeout(ANSWER_WITHIN, query.fetch_optional(self.connection()?)).await;
        self.judge(answer)
    }

    pub(crate) async fn fetch_one(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<PgRow, StoreError> {
        let answer = timeout(ANSWER_WITHIN, query.fetch_one(self.connection()?)).await;
        self.judge(answer)
    }

    fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.connection.as_deref_mut().ok_or(StoreError::Unavailable("the server did not answer in time"))
    }

    fn judge<T>(&mut self, answer: Result<sqlx::Result<T>, Elapsed>) -> Result<T, StoreError> {
        self.has_failed |= !matches!(answer, Ok(Ok(_)));
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if !matches!(error, sqlx::Error::Database(_) | sqlx::Error::RowNotFound) {
                    self.discard();
                }
                Err(fault(error))
            }
            Err(_) => {
                self.discard();
                Err(StoreError::Unavailable("the server did not answer in time"))
            }
        }
    }

    /// Closes the socket at once, without a word to the server; the pool may open another in its place.
    fn discard(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(give_back(connection, self.is_open))),
            // The process ends.
            Err(_) => drop(connection.detach()),
        }
    }
}

/// Rolls back what was not committed and returns the connection to the pool; one that does not answer is closed.
async fn give_back(mut connection: PoolConnection<Postgres>, is_open: bool) {
    let is_well = !is_open || matches!(timeout(ANSWER_WITHIN, raw_sql("ROLLBACK").execute(&mut *connection)).await, Ok(Ok(_)));
    if is_well {
        // The pool asks for a sign of life; dropped while it waits, it lets go of the connection for good.
        let _ = timeout(ANSWER_WITHIN, connection.return_to_pool()).await;
    } else {
        drop(connection.detach());
    }
}
