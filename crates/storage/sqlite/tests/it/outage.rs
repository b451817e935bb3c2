//! What the trail cannot take did not happen: the effect and the entry are one transaction (AUD-06).

use std::sync::Arc;

use doorward_domain::account::ProfileChanges;
use doorward_domain::service::{FlowError, Invitation};
use doorward_domain::{ActiveSession, AuditEntry, AuditEvent, Outcome, StoreError};
use doorward_kit::Clock as _;

use crate::support::{House, PASSWORD, caller, secret, visitor};

const ANN: &str = "ann@example.org";
const NEW: &str = "a wholly different passphrase";
const WRONG: &str = "a wrong but long password";

/// Somebody with two sessions, and one link of every kind that is good.
struct Place {
    house: House,
    ann: Arc<ActiveSession>,
    other: Arc<ActiveSession>,
    verify: String,
    reset: String,
    confirm: String,
    undo: String,
}

async fn place() -> Place {
    let house = House::new().await;
    for email in [ANN, "bea@example.org"] {
        house.member(email).await;
    }
    let bea = house.sign_in("bea@example.org", PASSWORD).await.unwrap().active;
    let move_bea = async |active: &ActiveSession, to: &str| {
        house.accounts.request_email_change(visitor(&caller(1)), active, to, secret(PASSWORD)).await.unwrap();
        house.mailed_token(to).await
    };
    let confirm = move_bea(&bea, "bee@example.org").await;
    house.accounts.confirm_email_change(visitor(&caller(1)), &confirm).await.unwrap();
    let undo = house.mailed_token("bea@example.org").await;
    let bee = house.sign_in("bee@example.org", PASSWORD).await.unwrap().active;
    let confirm = move_bea(&bee, "bay@example.org").await;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let verify = house.mailed_token("bob@example.org").await;
    let ann = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let other = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let reset = house.recovery_token(ANN).await;
    house.accounts.flush().await;
    Place { house, ann, other, verify, reset, confirm, undo }
}

#[track_caller]
fn down<T>(what: &str, outcome: Result<T, FlowError>) {
    assert!(matches!(outcome, Err(FlowError::Store(_))), "{what}: {:?}", outcome.err());
}

#[track_caller]
fn undone<T>(what: &str, outcome: &Result<T, StoreError>) {
    assert!(outcome.is_err(), "{what} was done");
}

/// What strangers and holders of links ask for.
async fn ask(place: &Place) {
    let (house, context) = (&place.house, caller(1));
    let (accounts, who) = (&house.accounts, || visitor(&context));
    down("sign-up", house.sign_up("eve@example.org", PASSWORD).await);
    down("sign-up of a known address", house.sign_up(ANN, PASSWORD).await);
    down("verification", house.verify(&place.verify).await);
    down("the mail again", accounts.resend_verification(who(), "bob@example.org").await);
    down("sign-in", house.sign_in(ANN, PASSWORD).await);
    down("a wrong password", house.sign_in(ANN, WRONG).await);
    down("an unknown address", house.sign_in("nobody@example.org", PASSWORD).await);
    down("a reset link", accounts.forgot_password(who(), Some(ANN)).await);
    down("a reset link for nobody", accounts.forgot_password(who(), Some("nobody@example.org")).await);
    down("reset", house.reset(&place.reset, NEW).await);
    down("a made-up reset", house.reset(&"A".repeat(43), NEW).await);
    down("reset against the rules", house.reset(&place.reset, "x").await);
    down("confirmation", accounts.confirm_email_change(who(), &place.confirm).await);
    down("undoing", accounts.undo_email_change(who(), &place.undo).await);
}

/// What somebody who is signed in asks for.
async fn own(place: &Place) {
    let Place { house, ann, other, .. } = place;
    let (accounts, context) = (&house.accounts, caller(1));
    let who = || visitor(&context);
    let bio = |text: &str| ProfileChanges { bio: Some(Some(text.to_owned())), ..ProfileChanges::default() };
    down("profile", accounts.update_profile(who(), ann, bio("planted")).await);
    down("profile against the rules", accounts.update_profile(who(), ann, bio(&"x".repeat(5000))).await);
    down("password", accounts.change_password(who(), ann, secret(PASSWORD), secret(NEW)).await);
    down("password with a wrong one", accounts.change_password(who(), ann, secret(WRONG), secret(NEW)).await);
    down("address", accounts.request_email_change(who(), ann, "next@example.org", secret(PASSWORD)).await);
    down("address with a wrong password", accounts.request_email_change(who(), ann, "next@example.org", secret(WRONG)).await);
    down("export", accounts.export_account(who(), ann).await);
    down("the end of a session", accounts.revoke_session(who(), ann, other.session.id).await);
    down("the end of the others", accounts.revoke_other_sessions(who(), ann).await);
    down("a new credential", accounts.rotate_session(who(), ann).await);
    down("deletion", accounts.delete_account(who(), ann, secret(PASSWORD)).await);
    down("deletion with a wrong password", accounts.delete_account(who(), ann, secret(WRONG)).await);
    down("sign-out", accounts.sign_out(who(), ann).await);
}

/// What an operator does.
async fn operate(place: &Place) {
    let accounts = &place.house.accounts;
    let ann = ANN.parse().unwrap();
    undone("disabling", &accounts.disable_user(&ann).await);
    undone("enabling", &accounts.enable_user(&ann).await);
    undone("roles", &accounts.set_user_roles(&ann, vec!["staff".to_owned()]).await);
    undone("a link", &accounts.recovery_link(&ann).await);
    undone("the end of one session", &accounts.end_session(place.ann.session.id).await);
    undone("the end of all", &accounts.end_sessions_of(&ann).await);
    undone("an invitation", &accounts.invite(Invitation { email: None, roles: Vec::new(), by: None }).await);
    undone("deletion", &accounts.delete_user(&ann).await);
    let hash = "$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW";
    let newcomer = accounts.judge_import("old@example.org", "Old", hash).unwrap();
    undone("import", &accounts.import_users(&[newcomer]).await);
    let entry = AuditEntry::of_house(AuditEvent::TrailExported, Outcome::Success, place.house.clock.now());
    undone("a copy of the trail", &accounts.record_now(entry).await);
}

#[tokio::test]
async fn aud_06_nothing_changes_while_the_trail_takes_no_entry() {
    let place = place().await;
    let house = &place.house;
    // Of a refusal the entry alone is written: it waits for the trail and is there once.
    let refusal = || AuditEntry::of_house(AuditEvent::AccessDenied, Outcome::Failure, house.clock.now());
    let (accounts, heads) = (house.account_count().await, house.accounts.audit_heads().await.unwrap());
    house.database.obstruct("INSERT ON audit").await;
    ask(&place).await;
    own(&place).await;
    operate(&place).await;
    house.accounts.record(refusal());
    assert_eq!(house.accounts.audit_heads().await.unwrap(), heads);
    assert!(house.take_mail().await.is_empty(), "no mail of what did not happen");
    assert_eq!(house.account_count().await, accounts);
    house.database.clear().await;
    assert_eq!(house.events(AuditEvent::AccessDenied).await.len(), 1, "replayed once");
    for session in [&place.ann, &place.other] {
        let live = house.accounts.list_sessions(&place.ann).await.unwrap();
        assert!(live.iter().any(|live| live.id == session.session.id), "nobody was signed out");
    }
    let user = house.accounts.find_user(&ANN.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((user.bio, user.roles, user.disabled_at), (None, Vec::new(), None));
    house.sign_in(ANN, PASSWORD).await.unwrap();
    // Every link that was tried in vain is as good as before.
    let context = caller(1);
    house.verify(&place.verify).await.unwrap();
    house.accounts.confirm_email_change(visitor(&context), &place.confirm).await.unwrap();
    house.accounts.undo_email_change(visitor(&context), &place.undo).await.unwrap();
    house.reset(&place.reset, NEW).await.unwrap();
    house.sign_in(ANN, NEW).await.unwrap();
}
