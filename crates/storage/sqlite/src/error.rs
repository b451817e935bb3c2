//! SQLite's errors as the domain knows them. No text of a row, statement or parameter gets through (LOG-06).

use doorward_domain::StoreError;
use sqlx::error::ErrorKind;

/// Primary result codes (sqlite.org/rescode.html); the extended code carries them in its low octet.
const BUSY: u32 = 5;
const READ_ONLY: u32 = 8;
const IO: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;

/// What the domain is told.
pub(crate) fn fault(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation => StoreError::Conflict,
            _ => StoreError::Unavailable(by_code(error.code().and_then(|code| code.parse().ok()))),
        },
        sqlx::Error::PoolTimedOut => StoreError::Unavailable("no connection was free in time"),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the database is closed"),
        sqlx::Error::Io(_) => StoreError::Unavailable("input or output failed"),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
            StoreError::Inconsistent { table: "(any)", what: "column of an unexpected type" }
        }
        _ => StoreError::Unavailable("the database refused"),
    }
}

fn by_code(code: Option<u32>) -> &'static str {
    match code.map(|code| code & 0xff) {
        Some(BUSY) => "the database is locked by another process",
        Some(READ_ONLY) => "the database cannot be written",
        Some(IO) => "input or output failed",
        Some(CORRUPT) => "the database file is damaged",
        Some(FULL) => "the disk is full",
        _ => "the database refused",
    }
}
