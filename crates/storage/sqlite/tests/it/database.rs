//! A database of one test, as the flows' support sees it.

use std::path::PathBuf;
use std::sync::Arc;

use doorward_storage_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;

/// What a test keeps alive, and looks at beside the store.
pub(crate) struct Database {
    dir: TempDir,
}

/// The store that a house of these tests has.
pub(crate) type TestStore = SqliteStore;

impl Database {
    pub(crate) async fn fresh() -> (Arc<TestStore>, Self) {
        // In memory where there is such a place: these tests ask what is written, not how long a disk takes to say so.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = SqliteStore::open(&dir.path().join("doorward.db")).await.unwrap();
        (Arc::new(store), Self { dir })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("doorward.db")
    }

    /// Every octet that is on the disk: database, log and all.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// Runs a statement beside the store; what it returns, columns separated by `|`. Columns are numbers or texts.
    pub(crate) async fn ask(&self, statement: &str) -> String {
        let options = SqliteConnectOptions::new().filename(self.path());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(statement.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let column = |row: &sqlx::sqlite::SqliteRow, index: usize| {
            row.try_get::<i64, _>(index).map_or_else(|_| row.get::<String, _>(index), |number| number.to_string())
        };
        let line = |row: &sqlx::sqlite::SqliteRow| (0..row.len()).map(|index| column(row, index)).collect::<Vec<_>>().join("|");
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Makes every write of a kind fail, such as `DELETE ON sessions`.
    pub(crate) async fn obstruct(&self, write: &str) {
        self.ask(&format!("CREATE TRIGGER fault BEFORE {write} BEGIN SELECT RAISE(ABORT, 'fault'); END")).await;
    }

    /// Undoes [`Self::obstruct`].
    pub(crate) async fn clear(&self) {
        self.ask("DROP TRIGGER fault").await;
    }
}

impl crate::support::House {
    pub(crate) fn path(&self) -> PathBuf {
        self.database.path()
    }
}
