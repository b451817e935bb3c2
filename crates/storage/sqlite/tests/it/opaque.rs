//! What cookie values look like in bulk: a matter of chance and no database's, so it is looked at over the quickest one.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, QUICK, generous, quota};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ses_05_ten_thousand_sign_ins_give_ten_thousand_opaque_values() {
    let limits = generous().into_iter().map(|(scope, _)| (scope, quota(1_000_000, 1))).collect();
    let house = Arc::new(House::with(limits, QUICK, |rules| rules.session_limit = 2).await);
    house.member("ann@example.org").await;
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let house = Arc::clone(&house);
        workers.spawn(async move {
            let mut values = Vec::new();
            for _ in 0..1250 {
                values.push(house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal());
            }
            values
        });
    }
    let values: HashSet<String> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(values.len(), 10_000, "no value came twice");
    let mut ones = [0_u32; 256];
    for value in &values {
        assert_eq!(value.len(), 43);
        let octets = URL_SAFE_NO_PAD.decode(value).unwrap();
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(octets[bit / 8] >> (bit % 8) & 1);
        }
    }
    // Of 10 000 fair coins 5 000 ± 300 heads is six standard deviations: no bit is fixed, counted or part of a time.
    assert!(ones.iter().all(|count| (4_700..=5_300).contains(count)), "{ones:?}");
}
