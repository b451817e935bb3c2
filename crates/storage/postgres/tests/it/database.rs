//! A database of one test, as the flows' support sees it.

use std::sync::Arc;

use doorward_kit::Secret;
use doorward_storage_postgres::{PostgresSettings, PostgresStore, PostgresTls};
use doorward_testkit::real::{POSTGRES_PASSWORD, POSTGRES_USER, Postgres};

/// What a test keeps alive, and looks at beside the store.
pub(crate) struct Database {
    server: Postgres,
    name: String,
}

/// The store that a house of these tests has.
pub(crate) type TestStore = PostgresStore;

pub(crate) fn settings(server: &Postgres, database: &str) -> PostgresSettings {
    PostgresSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: POSTGRES_USER.to_owned(),
        password: Some(Secret::new(POSTGRES_PASSWORD.to_owned())),
        database: database.to_owned(),
        tls: PostgresTls::Plain,
        max_connections: 16,
    }
}

/// Tables as the migrations make them; the server may have outlived an earlier build.
fn template() -> String {
    let text = include_bytes!("../../migrations/0001_accounts_and_audit.sql");
    let sum = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, octet| (sum ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3));
    format!("doorward_{sum:x}")
}

impl Database {
    pub(crate) async fn fresh() -> (Arc<TestStore>, Self) {
        let server = Postgres::start();
        let migrate = async |name: String| PostgresStore::open(&settings(&server, &name)).await.unwrap().close().await;
        let name = server.database_like(&template(), migrate).await;
        let store = PostgresStore::open(&settings(&server, &name)).await.unwrap();
        (Arc::new(store), Self { server, name })
    }

    /// Another process over the same rows.
    #[expect(dead_code, reason = "for tests to come")]
    pub(crate) async fn reopen(&self) -> Arc<TestStore> {
        Arc::new(PostgresStore::open(&settings(&self.server, &self.name)).await.unwrap())
    }

    /// Every octet that is on the disk.
    pub(crate) fn octets(&self) -> Vec<u8> {
        self.server.octets_of(&self.name)
    }

    /// Runs a statement beside the store; what it returns, columns separated by `|`.
    #[expect(clippy::unused_async, reason = "another database's is")]
    pub(crate) async fn ask(&self, statement: &str) -> String {
        self.server.ask(&self.name, statement).unwrap()
    }

    /// Makes every write of a kind fail, such as `DELETE ON sessions`.
    pub(crate) async fn obstruct(&self, write: &str) {
        self.ask("CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fault'; END; $$").await;
        self.ask(&format!("CREATE TRIGGER fault BEFORE {write} FOR EACH ROW EXECUTE FUNCTION fault()")).await;
    }

    /// Undoes [`Self::obstruct`].
    pub(crate) async fn clear(&self) {
        self.ask("DROP FUNCTION fault CASCADE").await;
    }
}
