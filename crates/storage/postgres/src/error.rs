//! PostgreSQL's errors as the domain knows them. No text of a row, statement, parameter or address gets through (LOG-06): only the five
//! letters of the state are looked at, never the message.

use doorward_domain::StoreError;

const UNTRUSTED: StoreError =
    StoreError::Unavailable("the server cannot be trusted: its certificate does not verify, or it has none");

/// What the domain is told.
pub(crate) fn fault(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => by_state(error.code().as_deref().unwrap_or("")),
        sqlx::Error::PoolTimedOut => StoreError::Unavailable("no connection was free in time"),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the database is closed"),
        // What the handshake says comes as an error of reading.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => UNTRUSTED,
        sqlx::Error::Io(_) => StoreError::Unavailable("the server cannot be reached"),
        sqlx::Error::Tls(_) => UNTRUSTED,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
            StoreError::Inconsistent { table: "(any)", what: "column of an unexpected type" }
        }
        _ => StoreError::Unavailable("the database refused"),
    }
}

/// What the domain is told of a commit that did not succeed: only what the server itself calls a lost race is known not to have happened.
pub(crate) fn commit_fault(error: sqlx::Error) -> StoreError {
    match fault(error) {
        StoreError::Conflict => StoreError::Conflict,
        _ => StoreError::OutcomeUnknown,
    }
}

/// By SQLSTATE (appendix A of PostgreSQL's manual).
fn by_state(state: &str) -> StoreError {
    match state {
        // Unique and foreign-key violations, serialization failure, deadlock.
        "23505" | "23503" | "40001" | "40P01" => StoreError::Conflict,
        "25006" => StoreError::Unavailable("the database cannot be written"),
        "28000" | "28P01" => StoreError::Unavailable("the server refuses the user or its password"),
        "3D000" => StoreError::Unavailable("there is no such database"),
        "42501" => StoreError::Unavailable("the user may not do this"),
        "53100" => StoreError::Unavailable("the disk is full"),
        "53300" => StoreError::Unavailable("the server has no connection left"),
        "55P03" => StoreError::Unavailable("a lock was not free in time"),
        "57014" => StoreError::Unavailable("a statement took too long"),
        "57P01" | "57P02" | "57P03" => StoreError::Unavailable("the server starts or stops"),
        _ => StoreError::Unavailable("the database refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_try_again_is_told_so() {
        for state in ["23505", "23503", "40001", "40P01"] {
            assert!(matches!(by_state(state), StoreError::Conflict), "{state}");
        }
        for state in ["23514", "22021", "55P03", "57014", ""] {
            assert!(matches!(by_state(state), StoreError::Unavailable(_)), "{state}");
        }
    }
}
