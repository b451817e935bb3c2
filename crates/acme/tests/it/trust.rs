//! What may be served: chains of a staging authority, fresh or stored (TLS-07, TLS-08).

use std::time::Duration;

use doorward_acme::{AcmeEvent, TrustFault, trust};
use doorward_kit::Timestamp;

use crate::support::{Bench, DAY, PREFIX, START, Signer};

/// An order that ends with a chain which must not be served.
async fn spoiled(prepare: impl FnOnce(&Bench)) -> Bench {
    let bench = Bench::new().await;
    prepare(&bench);
    bench.issuer().turn().await;
    assert_eq!(bench.record.installed(), 0);
    assert!(bench.vault.certificate.lock().unwrap().is_none(), "it was kept");
    assert_eq!(bench.authority.orders(), 1, "it was ordered, so the judgement was reached");
    bench
}

#[tokio::test]
async fn tls_07_a_chain_under_an_issuer_that_is_not_called_staging_is_not_served() {
    let bench = spoiled(|bench| bench.authority.sign_with(Signer::Plain)).await;
    assert_eq!(bench.record.reasons(), ["issuer"]);
}

#[tokio::test]
async fn tls_07_a_chain_that_only_calls_itself_staging_is_not_served() {
    let bench = spoiled(|bench| bench.authority.sign_with(Signer::Stray)).await;
    assert_eq!(bench.record.reasons(), ["chain"]);
}

#[tokio::test]
async fn a_chain_for_other_names_is_not_served() {
    let bench = spoiled(|bench| bench.authority.issue_for(&["app.test", "other.test"])).await;
    assert_eq!(bench.record.reasons(), ["names"]);
}

#[tokio::test]
async fn a_chain_that_is_over_before_it_begins_is_not_served() {
    // Issued for a minute, but an hour ago by the clock of whoever judges.
    let bench = Bench::new().await;
    bench.authority.life(Duration::from_secs(60));
    bench.issuer().turn().await;
    let stored = bench.vault.certificate.lock().unwrap().clone().unwrap();
    let chain = trust::read_chain(&stored.chain_pem).unwrap();
    let late = Timestamp::from_second(START + 3600).unwrap();
    assert_eq!(trust::judge(&chain, &bench.directory(), late), Err(TrustFault::Time));
    let early = Timestamp::from_second(START - 3600).unwrap();
    assert_eq!(trust::judge(&chain, &bench.directory(), early), Err(TrustFault::Time));
    assert_eq!(trust::judge(&chain, &bench.directory(), bench.now()), Ok(()));
    assert!(trust::issuer_name(&chain[0]).unwrap().starts_with(PREFIX));
}

/// Makes a stored certificate a wrong one.
type Spoil = Box<dyn Fn(&mut doorward_acme::StoredCertificate)>;

#[tokio::test]
async fn what_was_put_into_the_vault_is_judged_like_what_is_fresh() {
    let bench = Bench::new().await;
    bench.issuer().turn().await;
    let good = bench.vault.certificate.lock().unwrap().clone().unwrap();
    let cases: [(&str, &str, Spoil); 4] = [
        ("directory", "of production", Box::new(|stored| stored.directory = stored.directory.replace("localhost", "other"))),
        (
            "key",
            "with another key",
            Box::new(|stored| {
                stored.key_pem = doorward_kit::Secret::new(rcgen::KeyPair::generate().unwrap().serialize_pem());
            }),
        ),
        ("unreadable", "torn", Box::new(|stored| stored.chain_pem.truncate(100))),
        (
            "time",
            "with a longer life in the table",
            Box::new(|stored| {
                stored.not_after = stored.not_after.checked_add(DAY * 365).unwrap();
            }),
        ),
    ];
    for (word, what, spoil) in cases {
        let other = Bench { authority: Bench::new().await.authority, ..Bench::new().await };
        let mut stored = good.clone();
        spoil(&mut stored);
        *other.vault.certificate.lock().unwrap() = Some(stored);
        // The bench of the good one judges it; its authority is gone, so nothing fresh hides the refusal.
        bench.authority.twist(crate::support::Twist::Gone);
        let mut issuer = bench.issuer_with(other.vault.clone(), other.record.clone());
        issuer.turn().await;
        issuer.turn().await;
        assert_eq!(other.record.installed(), 0, "{what}");
        assert_eq!(other.record.count(|event| *event == AcmeEvent::Distrusted { reason: word }), 1, "{what}: told once");
    }
}
