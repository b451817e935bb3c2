//! How a real PostgreSQL goes about the statements that run often: none reads a whole table.

use doorward_kit::Secret;
use doorward_testkit::real::{POSTGRES_PASSWORD, POSTGRES_USER, Postgres};

use crate::{
    PostgresSettings, PostgresStore, PostgresTls, ceremony, device, factor, failure, gate_pass, identity, one_time, outbox,
    session, sign_up, user,
};

/// So many rows that reading all of them is the dearer way, most of them of no concern to any statement.
const FILL: &str = "
    INSERT INTO users SELECT substring(sha256(n::text::bytea) FOR 16), 'a', 'a' || n, 'name', NULL, NULL, NULL, '[]', NULL, 1, n
        FROM generate_series(1, 5000) AS n;
    INSERT INTO sessions SELECT substring(sha256(('s' || n)::bytea) FOR 16), substring(sha256((1 + n % 5000)::text::bytea) FOR 16),
        sha256(('d' || n)::bytea), sha256(('p' || n)::bytea), n, n, n, n % 2 = 0, n, n, n, 'agent', '192.0.2.1'
        FROM generate_series(1, 20000) AS n;
    INSERT INTO sign_ups (id, email, email_canonical, display_name, roles, password_hash, digest, created_at, expires_at)
        SELECT substring(sha256(n::text::bytea) FOR 16), 'a', 'a' || n, 'name', '[]', 'hash', sha256(n::text::bytea), n, n
        FROM generate_series(1, 5000) AS n;
    INSERT INTO one_times SELECT substring(sha256(n::text::bytea) FOR 16), sha256(n::text::bytea), 'recovery',
        substring(sha256(n::text::bytea) FOR 16), 'a', 1, NULL, NULL, '[]', n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO devices SELECT substring(sha256(n::text::bytea) FOR 16), substring(sha256(n::text::bytea) FOR 16),
        sha256(n::text::bytea), n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO identities SELECT substring(sha256(n::text::bytea) FOR 16), substring(sha256(n::text::bytea) FOR 16), 'provider',
        'issuer', 's' || n, 'label', NULL, n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO factors SELECT substring(sha256(n::text::bytea) FOR 16), substring(sha256(n::text::bytea) FOR 16), 'passkey', 'name',
        sha256(n::text::bytea), '', n, n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO recovery_codes SELECT substring(sha256((1 + n % 5000)::text::bytea) FOR 16), sha256(n::text::bytea)
        FROM generate_series(1, 20000) AS n;
    INSERT INTO ceremonies SELECT sha256(n::text::bytea), 'provider', substring(sha256(n::text::bytea) FOR 16),
        substring(sha256(('s' || n)::bytea) FOR 16), '', 0, n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO gate_passes SELECT sha256(n::text::bytea), 'gate', substring(sha256(('s' || n)::bytea) FOR 16), n
        FROM generate_series(1, 5000) AS n;
    INSERT INTO sign_in_failures SELECT sha256(n::text::bytea), 1, n FROM generate_series(1, 5000) AS n;
    INSERT INTO outbox (id, kind, recipient, subject, body, queued_at, next_at, attempts)
        SELECT substring(sha256(n::text::bytea) FOR 16), 'recovery', 'a', 's', '', n, CASE WHEN n > 4900 THEN n END, 0
        FROM generate_series(1, 5000) AS n;
    ANALYZE";

/// The steps of a statement of which the server knows no parameter yet.
fn plan(server: &Postgres, database: &str, types: &str, statement: &str) -> String {
    let parameters = vec!["NULL"; types.split(',').count()].join(", ");
    let explain = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE it ({types}) AS {statement}; EXPLAIN (COSTS OFF) EXECUTE it ({parameters})"
    );
    server.ask(database, &explain).expect("a plan")
}

#[tokio::test]
async fn no_statement_of_the_daily_round_reads_a_whole_table() {
    let server = Postgres::start();
    let database = server.database();
    let settings = PostgresSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: POSTGRES_USER.to_owned(),
        password: Some(Secret::new(POSTGRES_PASSWORD.to_owned())),
        database: database.clone(),
        tls: PostgresTls::Plain,
        max_connections: 2,
    };
    PostgresStore::open(&settings).await.expect("a store").close().await;
    server.ask(&database, FILL).expect("rows");
    let statements = [
        ("bytea", session::FIND_WITH_USER, "sessions_previous_digest"),
        ("bytea[]", session::FIND_ALL_WITH_USER, "sessions_pkey"),
        ("bytea, bigint, bigint, bytea, bigint", session::LIST_OF_USER, "sessions_user"),
        ("bigint, bigint", session::SWEEP_EXPIRED, "sessions_expires_at"),
        ("bigint, bigint", session::SWEEP_IDLE, "sessions_idle"),
        ("bigint, bigint", session::SWEEP_REMEMBERED, "sessions_remembered_idle"),
        ("text", user::FIND_BY_EMAIL, "users_email_canonical"),
        ("bytea, bytea, bigint", failure::FIND_HINDRANCE, "devices_digest"),
        ("bigint, bigint", failure::SWEEP, "sign_in_failures_last_at"),
        ("bytea", sign_up::LOCK_ADDRESS, "sign_ups_email"),
        ("bigint, bigint", sign_up::SWEEP, "sign_ups_expires_at"),
        ("bytea, text", one_time::LOCK_OWNER, "one_times_digest"),
        ("bigint, bigint", one_time::SWEEP, "one_times_expires_at"),
        ("bytea, text", ceremony::LOCK_OWNER, "ceremonies_pkey"),
        ("bytea, text", ceremony::LOCK_SESSION, "ceremonies_pkey"),
        ("bigint, bigint", ceremony::SWEEP, "ceremonies_expires_at"),
        ("bytea", factor::LIST, "factors_user"),
        ("bytea", factor::FIND_PASSKEY, "factors_credential"),
        ("text, text", identity::FIND, "identities_subject"),
        ("bytea", identity::LIST, "identities_user"),
        ("bytea", gate_pass::FIND_WITH_SESSION, "gate_passes_pkey"),
        ("bytea", device::LIST, "devices_user"),
        ("bigint, bigint", device::SWEEP, "devices_expires_at"),
        ("bigint, bigint, bigint", outbox::CLAIM, "outbox_next_at"),
        ("bigint, bigint, bigint", outbox::SWEEP, "outbox_queued_at"),
    ];
    for (types, statement, index) in statements {
        let plan = plan(&server, &database, types, statement);
        assert!(!plan.contains("Seq Scan"), "{statement}\n{plan}");
        assert!(plan.contains(index), "{statement}\n{plan}");
    }
}
