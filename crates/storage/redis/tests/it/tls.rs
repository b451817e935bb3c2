//! `rediss://`: certificate and name are verified, or nothing is said.

use doorward_domain::throttle::{CountersError, RemoteCounters as _};
use doorward_storage_redis::{Protection, RedisCounters, RedisSettings, SetupError};
use doorward_testkit::TestCa;
use doorward_testkit::real::Redis;

use crate::support::settings;

#[tokio::test]
async fn only_a_server_that_the_authority_vouches_for_is_talked_to() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, key) = TestCa::new().write(folder.path(), &["localhost".to_owned()]);
    TestCa::new().write(elsewhere.path(), &["localhost".to_owned()]);
    let redis = Redis::start_with_tls(&chain, &key);
    let with = |host: &str, port: u16, ca: std::path::PathBuf| {
        let protection = Protection::Tls { ca_file: Some(ca) };
        RedisCounters::new(&RedisSettings { host: host.to_owned(), port, protection, ..settings(&redis) }).unwrap()
    };
    let ca = || folder.path().join("ca.pem");
    let sound = with("localhost", redis.tls_port(), ca());
    let mut said = sound.probe().await;
    for _ in 0..20 {
        if said == Err(CountersError::Late) {
            said = sound.probe().await;
        }
    }
    assert_eq!(said, Ok(()));
    for (host, port, ca) in [
        ("127.0.0.1", redis.tls_port(), ca()),
        ("localhost", redis.tls_port(), elsewhere.path().join("ca.pem")),
        ("localhost", redis.port(), ca()),
    ] {
        let said = with(host, port, ca).probe().await;
        assert!(matches!(said, Err(CountersError::Untrusted | CountersError::Late)), "{host}: {said:?}");
    }
}

#[test]
fn authorities_that_are_not_there_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for file in [empty, folder.path().join("missing.pem")] {
        let settings = RedisSettings {
            host: "localhost".to_owned(),
            port: 1,
            protection: Protection::Tls { ca_file: Some(file) },
            user: None,
            password: None,
            database: 0,
            prefix: String::new(),
            eviction: doorward_storage_redis::Eviction::Refuse,
        };
        assert!(matches!(RedisCounters::new(&settings), Err(SetupError::CaFile(_))));
    }
}
