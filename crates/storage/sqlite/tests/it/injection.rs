//! What breaks out of a statement that was glued together, typed into every field of every flow.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::account::ProfileChanges;
use doorward_domain::factor::SignInOutcome;
use doorward_domain::service::{FlowError, Invitation, SignIn, SignUp};
use doorward_domain::store::{AuditCursor, AuditFilter, PageLimit};
use doorward_domain::{ActiveSession, EmailAddress, Store as _, User, Visitor};
use doorward_kit::Timestamp;

use crate::support::{House, PASSWORD, caller, secret, visitor};

const ANN: &str = "ann@example.org";

/// Quotes of all kinds, comments, stacked statements, unions, delays, placeholders, operators of JSON, and what no text column takes.
const CORPUS: [&str; 22] = [
    "'",
    "''",
    "\"",
    "\\'",
    "\\",
    "`",
    "' OR '1'='1",
    "' OR 1=1 --",
    "\" OR \"\"=\"",
    "admin'--",
    "'; DROP TABLE users; --",
    "'; DELETE FROM sessions; --",
    "x'; UPDATE users SET password_hash = NULL; COMMIT; --",
    "' UNION SELECT password_hash FROM users --",
    "'||(SELECT pg_sleep(60))||'",
    "'; SELECT pg_sleep(60); --",
    "' AND 1=randomblob(1000000000) --",
    "$1",
    "?1 $$ ; $$",
    "' ->> 'a' @> '{}' ::jsonb",
    "%' ESCAPE '%",
    "a\0b",
];

/// Long before a statement that was talked into sleeping wakes up.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Whatever the answer is, it is no fault of the store.
async fn judge<T>(field: &str, text: &str, flow: impl Future<Output = Result<T, FlowError>>) -> Option<T> {
    match tokio::time::timeout(AT_ONCE, flow).await.unwrap_or_else(|_| panic!("{field} {text:?} delays")) {
        Ok(done) => Some(done),
        Err(FlowError::Store(error)) => panic!("{field} {text:?}: {error}"),
        Err(_) => None,
    }
}

async fn ann(house: &House) -> Arc<ActiveSession> {
    house.sign_in(ANN, PASSWORD).await.unwrap().active
}

async fn by_strangers(house: &House, text: &str) {
    let (accounts, context) = (&house.accounts, caller(1));
    let visitor = visitor(&context);
    let address = format!("{text}@example.org");
    let sign_up = |email, password, name, invitation| {
        accounts.sign_up(visitor, SignUp { email, password: secret(password), name, invitation })
    };
    for email in [text, &address] {
        judge("sign-up email", text, sign_up(email, PASSWORD, None, None)).await;
        judge("resend email", text, accounts.resend_verification(visitor, email)).await;
        judge("forgot email", text, accounts.forgot_password(visitor, Some(email))).await;
        assert!(judge("sign-in email", text, house.sign_in(email, PASSWORD)).await.is_none());
    }
    judge("sign-up password", text, sign_up("new@example.org", text, None, None)).await;
    judge("sign-up name", text, sign_up("new@example.org", PASSWORD, Some(text), None)).await;
    judge("sign-up invitation", text, sign_up("new@example.org", PASSWORD, None, Some(text))).await;
    assert!(judge("verify token", text, accounts.verify_email(visitor, text, None)).await.is_none());
    assert!(judge("verify password", text, accounts.verify_email(visitor, text, Some(secret(text)))).await.is_none());
    assert!(
        judge("reset token", text, accounts.reset_password(visitor, text, secret("a new and long passphrase"))).await.is_none()
    );
    assert!(judge("confirm token", text, accounts.confirm_email_change(visitor, text)).await.is_none());
    assert!(judge("undo token", text, accounts.undo_email_change(visitor, text)).await.is_none());
    assert!(judge("sign-in password", text, house.sign_in(ANN, text)).await.is_none());
    let proof = SignIn { identifier: ANN, password: secret(PASSWORD), presented: Some(text), device: Some(text), remember: true };
    assert!(judge("cookies", text, accounts.sign_in(visitor, proof)).await.is_some(), "they are ignored");
    assert!(accounts.lookup_session(text).await.expect("the store answers").is_none());
}

/// What a request says of itself goes into the session and the trail.
async fn by_its_looks(house: &House, text: &str) {
    let context = caller(1);
    let looks = Visitor { user_agent: Some(text), host: text, method: text, route: text, ..visitor(&context) };
    let proof = || SignIn { identifier: ANN, password: secret(PASSWORD), presented: None, device: None, remember: false };
    let outcome = judge("user agent", text, house.accounts.sign_in(looks, proof())).await;
    let signed_in = outcome.and_then(SignInOutcome::done).expect("signed in");
    judge("sign-out", text, house.accounts.sign_out(looks, &signed_in.active)).await.expect("signed out");
}

async fn by_ann(house: &House, text: &str) {
    let (accounts, context) = (&house.accounts, caller(1));
    let (active, visitor) = (ann(house).await, visitor(&context));
    let some = || Some(Some(text.to_owned()));
    let changes = [
        ProfileChanges { display_name: some(), ..ProfileChanges::default() },
        ProfileChanges { avatar_url: some(), ..ProfileChanges::default() },
        ProfileChanges { bio: some(), ..ProfileChanges::default() },
    ];
    for change in changes {
        let (name, bio) = (change.display_name.clone().flatten(), change.bio.clone().flatten());
        if judge("profile", text, accounts.update_profile(visitor, &active, change)).await.is_some() {
            let read = stored(house).await;
            assert!(name.is_none_or(|name| read.display_name == name.trim()), "{text:?} is kept as it was typed");
            assert!(bio.is_none_or(|bio| read.bio == Some(bio)), "{text:?} is kept as it was typed");
        }
    }
    let new = secret("a new and long passphrase");
    assert!(judge("current password", text, accounts.change_password(visitor, &active, secret(text), new)).await.is_none());
    assert!(judge("password of deletion", text, accounts.delete_account(visitor, &active, secret(text))).await.is_none());
    let wish = accounts.request_email_change(visitor, &active, ANN, secret(text));
    assert!(judge("password of a change of address", text, wish).await.is_none());
    judge("new address", text, accounts.request_email_change(visitor, &active, text, secret(PASSWORD))).await;
    judge("export", text, accounts.export_account(visitor, &active)).await.expect("what is stored can be read");
}

/// Operators are people who paste.
async fn by_operators(house: &House, text: &str) {
    let accounts = &house.accounts;
    if let Ok(address) = format!("{text}@example.org").parse::<EmailAddress>() {
        assert!(accounts.find_user(&address).await.unwrap().is_none());
        assert!(!accounts.disable_user(&address).await.unwrap());
        assert!(!accounts.delete_user(&address).await.unwrap());
    }
    if !text.contains('\0') {
        let roles = vec![text.to_owned()];
        accounts.set_user_roles(&ANN.parse().unwrap(), roles.clone()).await.unwrap();
        assert_eq!(stored(house).await.roles, roles);
        accounts.invite(Invitation { email: None, roles, by: None }).await.unwrap();
        let cursor = AuditCursor { at: Timestamp::from_second(4_000_000_000).unwrap(), node: text.to_owned(), seq: 9 };
        let mut tx = house.store.begin().await.unwrap();
        tx.audit().search(&AuditFilter::default(), Some(&cursor), PageLimit::new(1000)).await.unwrap();
        assert!(tx.audit().list(text, 0, PageLimit::new(10)).await.unwrap().is_empty());
    }
    let _ = accounts.judge_import(&format!("{text}@example.org"), text, text);
}

async fn stored(house: &House) -> User {
    house.store.find_user_by_email(ANN).await.unwrap().expect("the account is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_04_statements_typed_into_any_field_have_no_effect_and_no_fault() {
    let house = House::new().await;
    house.member(ANN).await;
    let before = stored(&house).await;
    for text in CORPUS {
        by_strangers(&house, text).await;
        by_its_looks(&house, text).await;
        by_ann(&house, text).await;
        by_operators(&house, text).await;
        // Slowed down by so many wrong passwords, and not by a statement.
        house.clock.advance(Duration::from_secs(24 * 3600));
        house.accounts.sweep().await.unwrap();
    }
    let after = stored(&house).await;
    assert_eq!((after.id, after.password_hash, after.disabled_at), (before.id, before.password_hash, before.disabled_at));
    assert_eq!(house.account_count().await, 1, "nobody was added or removed");
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
    // What was written is read again, page after page: second-order statements would be made here.
    assert!(!house.whole_audit().await.is_empty());
}

#[test]
fn input_04_no_statement_is_made_of_text() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for file in std::fs::read_dir(sources).unwrap() {
        let path = file.unwrap().path();
        // How the database would go about a statement is asked for in tests only.
        if path.ends_with("plan.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["format!", "AssertSqlSafe", "push_str", "write!(", "concat(", ".replace("] {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
        // What a builder of statements is given besides its bound values is written out here, too.
        if text.contains("QueryBuilder") {
            assert!(text.split(".push(").skip(1).all(|rest| rest.starts_with('"')), "{} pushes a value", path.display());
        }
        seen += text.matches("sqlx::query(").count();
    }
    assert!(seen > 30, "{seen} statements were seen");
}
