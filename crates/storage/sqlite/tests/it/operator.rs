//! Operators: the shorter pair of clocks, and a second factor (D-13, D-14).

use std::time::Duration;

use doorward_domain::service::{SignIn, SignedIn};
use doorward_domain::{AuditEvent, EmailAddress};

use crate::support::{House, PASSWORD, QUICK, caller, generous, proof, visitor, whole};

const ANN: &str = "ann@example.org";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn house() -> House {
    let house = House::with(generous(), QUICK, |rules| rules.operator_roles = vec!["admin".to_owned()]).await;
    house.member(ANN).await;
    house
}

async fn give(house: &House, roles: &[&str]) {
    let email: EmailAddress = ANN.parse().unwrap();
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    assert!(house.accounts.set_user_roles(&email, roles).await.unwrap());
}

async fn remembered(house: &House) -> SignedIn {
    let request = SignIn { remember: true, ..proof(ANN, PASSWORD, None) };
    whole(house.accounts.sign_in(visitor(&caller(1)), request).await).unwrap()
}

/// Uses a session every ten minutes for so long; says after how many minutes it had ended.
async fn used_for(house: &House, signed_in: &SignedIn, minutes: u32) -> Option<u32> {
    let token = signed_in.token.reveal();
    // A node that has not heard of the session yet: what one knows of an account may be a second old.
    let node = house.other_node();
    for minute in (10..=minutes).step_by(10) {
        house.clock.advance(MINUTE * 10);
        if node.lookup_session(&token).await.unwrap().is_none() {
            node.flush().await;
            return Some(minute);
        }
    }
    None
}

#[tokio::test]
async fn a_session_of_an_operator_ends_after_a_quarter_of_an_hour_unused_and_after_eight_hours() {
    let house = house().await;
    give(&house, &["admin", "editor"]).await;
    // 'Remember me' is not for operators.
    for is_asked_for in [false, true] {
        let signed_in = if is_asked_for { remembered(&house).await } else { house.sign_in(ANN, PASSWORD).await.unwrap() };
        assert!(!signed_in.active.session.is_remembered);
        let token = signed_in.token.reveal();
        house.clock.advance(MINUTE * 15 - Duration::from_secs(1));
        assert!(house.is_live(&token).await);
        house.clock.advance(MINUTE * 15);
        assert!(!house.is_live(&token).await);
    }
    let signed_in = remembered(&house).await;
    assert_eq!(used_for(&house, &signed_in, 600).await, Some(480));
    let reasons: Vec<_> =
        house.events(AuditEvent::SessionExpired).await.into_iter().filter_map(|row| row.record.reason).collect();
    assert_eq!(reasons, ["idle_timeout", "idle_timeout", "absolute_timeout"]);
}

#[tokio::test]
async fn a_role_shortens_the_clocks_of_sessions_that_are_under_way_wherever_they_are_asked_for() {
    let house = house().await;
    let (idle, used) = (remembered(&house).await, remembered(&house).await);
    assert!(idle.active.session.is_remembered);
    house.clock.advance(HOUR);
    let ids = [idle.active.session.id, used.active.session.id];
    assert_eq!(house.accounts.standing_sessions(&ids).await.unwrap().len(), 2);
    assert!(house.is_live(&used.token.reveal()).await);
    house.accounts.flush().await;
    give(&house, &["editor"]).await;
    assert!(house.other_node().lookup_session(&idle.token.reveal()).await.unwrap().is_some(), "no operator's role");
    give(&house, &["admin"]).await;
    // The last request of the other one was an hour ago: it has ended by the clock that holds now.
    house.clock.advance(MINUTE * 16);
    let node = house.other_node();
    let standing = node.standing_sessions(&ids).await.unwrap();
    assert!(!standing.contains_key(&ids[0]));
    assert!(node.lookup_session(&idle.token.reveal()).await.unwrap().is_none());
    // Its row goes with what that node has queued.
    node.flush().await;
    // One that is used lives to its eighth hour, counted from its beginning.
    let again = remembered(&house).await;
    give(&house, &[]).await;
    assert!(!again.active.session.is_remembered);
    let member = remembered(&house).await;
    house.clock.advance(MINUTE * 14);
    assert!(house.is_live(&member.token.reveal()).await);
    house.accounts.flush().await;
    give(&house, &["admin"]).await;
    assert_eq!(used_for(&house, &member, 600).await, Some(470));
    assert!(house.accounts.list_sessions(&member.active).await.unwrap().len() <= 1, "only the one that asks");
}

#[tokio::test]
async fn an_operators_clocks_are_never_longer_than_those_of_others() {
    let house = House::with(generous(), QUICK, |rules| {
        rules.operator_roles = vec!["admin".to_owned()];
        rules.session_idle = MINUTE * 5;
        rules.session_absolute = HOUR;
    })
    .await;
    house.member(ANN).await;
    give(&house, &["admin"]).await;
    let token = house.sign_in(ANN, PASSWORD).await.unwrap().token.reveal();
    house.clock.advance(MINUTE * 5);
    assert!(!house.is_live(&token).await);
    let token = house.sign_in(ANN, PASSWORD).await.unwrap().token.reveal();
    for _ in 0..15 {
        house.clock.advance(MINUTE * 4);
        house.is_live(&token).await;
    }
    assert!(!house.is_live(&token).await);
}

#[tokio::test]
async fn an_operator_has_to_show_a_second_factor_in_each_session() {
    let house = house().await;
    let before = house.sign_in(ANN, PASSWORD).await.unwrap();
    assert!(!house.accounts.needs_second_factor(&before.active));
    give(&house, &["admin"]).await;
    let needs = async |token: &str| {
        let node = house.other_node();
        node.needs_second_factor(&node.lookup_session(token).await.unwrap().unwrap())
    };
    assert!(needs(&before.token.reveal()).await, "from the moment that it has the role");
    let signed_in = house.sign_in(ANN, PASSWORD).await.unwrap();
    assert!(house.accounts.needs_second_factor(&signed_in.active));
    // It may enrol one, and then go on.
    let owner = house.owner_in(ANN, &signed_in).await;
    assert!(!house.accounts.needs_second_factor(&owner.signed_in.active));
    assert!(!house.accounts.needs_second_factor(&house.sign_in_twice(&owner).await.active));
    // A session from before has not shown it: whoever borrowed it is not let in by what its owner did elsewhere.
    assert!(needs(&before.token.reveal()).await);
    let code = owner.next_code(&house);
    let stepped_up = house.step_up(&before, &code).await.unwrap();
    assert!(!house.accounts.needs_second_factor(&stepped_up.active));
    // Nor by what its owner did here: the credential from before the proof answers what is under way, and proves nothing.
    assert!(needs(&before.token.reveal()).await);
    assert!(!needs(&stepped_up.token.reveal()).await);
    // One that was replaced for its age alone goes on as what it was.
    house.clock.advance(MINUTE);
    let rotated = house.accounts.rotate_session(visitor(&caller(1)), &stepped_up.active).await.unwrap().unwrap();
    assert!(!needs(&rotated.token.reveal()).await && !needs(&stepped_up.token.reveal()).await);
}
