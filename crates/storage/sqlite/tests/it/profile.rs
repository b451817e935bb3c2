//! What an account shows of itself.

use std::sync::Arc;

use doorward_domain::account::ProfileChanges;
use doorward_domain::service::FlowError;
use doorward_domain::{ActiveSession, AuditEvent, Store as _, User};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, caller, visitor};

const ANN: &str = "ann@example.org";
const FIELDS: [&str; 3] = ["display_name", "avatar_url", "bio"];

fn change(field: &str, value: Option<&str>) -> ProfileChanges {
    let value = Some(value.map(str::to_owned));
    let mut changes = ProfileChanges::default();
    match field {
        "display_name" => changes.display_name = value,
        "avatar_url" => changes.avatar_url = value,
        _ => changes.bio = value,
    }
    changes
}

async fn ann() -> (House, Arc<ActiveSession>) {
    let house = House::new().await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    (house, active)
}

async fn update(house: &House, active: &ActiveSession, changes: ProfileChanges) -> Result<User, FlowError> {
    house.accounts.update_profile(visitor(&caller(1)), active, changes).await
}

async fn stored(house: &House) -> User {
    house.store.find_user_by_email(ANN).await.unwrap().unwrap()
}

#[tokio::test]
async fn prof_02_what_is_too_long_or_disturbs_the_page_is_refused_and_not_stored() {
    let (house, active) = ann().await;
    let (name, bio) = ("é".repeat(150), "é".repeat(2000));
    let url = format!("https://img.example/{}", "a".repeat(2048 - 20));
    for (field, value) in [("display_name", name.as_str()), ("bio", &bio), ("avatar_url", &url)] {
        assert!(update(&house, &active, change(field, Some(value))).await.is_ok(), "{field}");
        let longer = format!("{value}a");
        assert!(matches!(update(&house, &active, change(field, Some(&longer))).await, Err(FlowError::Invalid(_))), "{field}");
    }
    let before = stored(&house).await;
    let urls = [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://img.example/a",
        "https://u:p@img.example/",
        "https://img.example/\u{202e}",
        "https://img.example/\0",
    ];
    let texts = ["a\u{202e}b", "a\0b", "a\u{2066}b", "a\u{1b}[2Jb", "a\u{85}b", "a\u{2028}b", "a\u{200f}b", "a\u{7f}b"];
    let all = texts.iter().flat_map(|text| [("display_name", *text), ("bio", *text)]);
    for (field, value) in all.chain(urls.map(|url| ("avatar_url", url))) {
        let Err(FlowError::Invalid(faults)) = update(&house, &active, change(field, Some(value))).await else {
            panic!("{field} {value:?}")
        };
        assert_eq!(faults[0].field, field);
        assert!(!faults[0].detail.contains(value));
    }
    for name in ["two\nlines", "a\ttab"] {
        assert!(update(&house, &active, change("display_name", Some(name))).await.is_err(), "{name:?}");
    }
    let after = stored(&house).await;
    assert_eq!((before.display_name, before.avatar_url, before.bio), (after.display_name, after.avatar_url, after.bio));
    update(&house, &active, change("bio", Some("two\r\nlines"))).await.unwrap();
}

#[tokio::test]
async fn absent_keeps_and_none_clears() {
    let (house, active) = ann().await;
    update(&house, &active, change("bio", Some("words"))).await.unwrap();
    update(&house, &active, change("avatar_url", Some("https://img.example/a"))).await.unwrap();
    let user = update(&house, &active, change("bio", None)).await.unwrap();
    assert_eq!((user.display_name.as_str(), user.avatar_url.as_deref(), user.bio), ("Ann", Some("https://img.example/a"), None));
    assert!(user.password_hash.is_none(), "what is handed out knows no hash");
    let user = update(&house, &active, change("display_name", None)).await.unwrap();
    assert_eq!(user.display_name, "");
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok(), "and the stored hash is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prof_05_of_parallel_changes_none_is_lost_and_no_row_is_mixed() {
    let (house, active) = ann().await;
    let house = Arc::new(house);
    let mut racers = JoinSet::new();
    for number in 0..30 {
        let (house, active) = (Arc::clone(&house), Arc::clone(&active));
        racers.spawn(async move {
            let changes = match number % 3 {
                // Two fields of one request belong together.
                0 => ProfileChanges {
                    bio: Some(Some(format!("bio {number}"))),
                    ..change("display_name", Some(&format!("name {number}")))
                },
                1 => change("avatar_url", Some("https://img.example/kept")),
                _ => ProfileChanges::default(),
            };
            update(&house, &active, changes).await.unwrap();
        });
    }
    racers.join_all().await;
    let user = stored(&house).await;
    assert_eq!(user.avatar_url.as_deref(), Some("https://img.example/kept"), "no other request wrote over it");
    assert_eq!(user.bio.unwrap().strip_prefix("bio "), user.display_name.strip_prefix("name "), "from one request");
    // `None` clears, absence keeps.
    update(&house, &active, change("bio", None)).await.unwrap();
    let user = stored(&house).await;
    assert!(user.bio.is_none() && user.avatar_url.is_some());
}

#[tokio::test]
async fn prof_06_the_trail_names_the_fields_and_never_what_they_hold() {
    let (house, active) = ann().await;
    let canaries =
        [("bio", "canary-bio-4711"), ("avatar_url", "https://canary.example/4711"), ("display_name", "canary-name-4711")];
    for (field, value) in canaries {
        update(&house, &active, change(field, Some(value))).await.unwrap();
    }
    update(&house, &active, change("bio", Some("canary-bio-4711"))).await.unwrap();
    let rows = house.events(AuditEvent::ProfileUpdated).await;
    let fields: Vec<_> =
        rows.iter().map(|row| row.record.meta.iter().map(|(_, value)| value.as_str()).collect::<String>()).collect();
    assert_eq!(fields, ["bio", "avatar_url", "display_name", ""], "of {FIELDS:?}, those that are different now");
    assert!(rows.iter().all(|row| !format!("{:?}", row.record).contains("canary")));
    assert!(rows.iter().all(|row| row.record.actor == Some(active.user.id) && row.record.session == Some(active.session.id)));
}
