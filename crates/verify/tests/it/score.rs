//! A run keeps a score of what it saw. That the rules are the scanner's is shown by the tests of the whole house.

use doorward_verify::score::Score;

use crate::house::{Act, House, Reply};

async fn scored(change: fn(Reply) -> Reply) -> Option<Score> {
    let house = House::tampered(move |asked, reply| Act::Reply(if asked.is_get("/") { change(reply) } else { reply })).await;
    house.look().await.headers.score
}

#[tokio::test]
async fn a_run_stores_the_score_of_the_root_and_what_the_public_would_see() {
    let score = scored(|reply| reply).await.expect("a score");
    assert_eq!((score.method, score.trust, score.grade), ("mdn-observatory", "staging-roots", "A+"));
    let sum: i32 = score.modifiers.iter().map(|modifier| modifier.modifier).sum();
    assert_eq!(score.value, 100 + sum, "no penalty, so all bonuses count");
    // The certificate is of the fixture's own authority: twenty for it, twenty for the redirect to it, and no bonus.
    assert_eq!((score.public_scan_expected.value, score.public_scan_expected.grade), (60, "C+"));
    assert_eq!(score.modifiers.len(), 10);
}

#[tokio::test]
async fn a_weaker_root_scores_less_and_one_that_refuses_has_no_score() {
    let good = scored(|reply| reply).await.expect("a score").value;
    let inline =
        scored(|reply| reply.set("content-security-policy", "default-src 'self' 'unsafe-inline'")).await.expect("a score");
    assert!(inline.value <= 80 && inline.value < good, "{inline:?}");
    let result = inline.modifiers.iter().find(|modifier| modifier.test == "content-security-policy");
    assert_eq!(result.map(|modifier| modifier.result), Some("csp-implemented-with-unsafe-inline"));
    assert_eq!(scored(|reply| reply.status(500)).await, None);
}
