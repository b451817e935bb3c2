//! Mail files.

use std::os::unix::fs::PermissionsExt as _;

use doorward_domain::store::{MailFilter, MailState, PageLimit, Store as _};

use crate::house::House;

#[tokio::test]
async fn a_mail_is_one_private_file_with_fixed_fields_and_one_recipient() {
    let house = House::new().await;
    house.sign_up("ada@example.com").await;
    house.deliver().await;
    let folder = house.data_dir().join("mail");
    assert_eq!(std::fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let [file] = files.as_slice() else { panic!("one file and no leftovers: {files:?}") };
    assert_eq!(file.extension().and_then(|end| end.to_str()), Some("eml"));
    assert_eq!(std::fs::metadata(file).expect("a file").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(file).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
    let names: Vec<_> =
        head.split("\r\n").filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once(':')).collect();
    let field = |name: &str| {
        let hits: Vec<_> = names.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).collect();
        assert_eq!(hits.len(), 1, "{name} in {head}");
        hits[0].1.trim()
    };
    assert_eq!(field("To"), "ada@example.com");
    assert_eq!(field("From"), "\"Test Site\" <no-reply@example.com>");
    assert_eq!(field("MIME-Version"), "1.0");
    assert_eq!(field("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(field("Auto-Submitted"), "auto-generated");
    assert!(field("Message-ID").ends_with("@app.example.com>"));
    assert!(field("Date").ends_with("+0000"));
    assert!(field("Subject").contains("Test Site"));
    assert!(body.contains("https://app.example.com/account/verify#"));
    assert_eq!(house.deliver().await, 0, "and it is sent once");
}

#[tokio::test]
async fn email_08_text_of_a_stranger_reaches_no_mail() {
    let house = House::new().await;
    for (email, name) in [
        ("ada@example.com", "Eve\r\nBcc: evil@example.com"),
        ("bea@example.com", "=?utf-8?q?Bcc:_evil@example.com?="),
        ("cat@example.com", "<a href=https://evil.test>win</a>"),
    ] {
        house.register(email, name).await;
    }
    assert!(house.deliver().await >= 1);
    for mail in house.mails() {
        assert!(mail.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n") && !mail.contains("multipart"));
        assert!(mail.contains("\r\nSubject: Confirm your address for Test Site\r\n"));
        for canary in ["evil", "Bcc", "href"] {
            assert!(!mail.contains(canary), "{canary} in {mail}");
        }
    }
}

#[tokio::test]
async fn a_mail_that_cannot_be_written_waits() {
    let house = House::new().await;
    house.sign_up("ada@example.com").await;
    let folder = house.data_dir().join("mail");
    std::fs::write(&folder, "in the way").expect("a file");
    assert_eq!(house.deliver().await, 0);
    std::fs::remove_file(&folder).expect("removed");
    assert_eq!(house.deliver().await, 0, "not before the pause is over");
    house.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(house.deliver().await, 1);
}

#[tokio::test]
async fn the_jobs_deliver_by_themselves_and_end_when_told() {
    let house = House::new().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let jobs = house.app.spawn_jobs(stopped);
    house.sign_up("ada@example.com").await;
    while house.mails().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.send(true).expect("jobs listen");
    assert_eq!(jobs.join_all().await.len(), 3);
}

#[tokio::test]
async fn mail_to_a_name_that_never_exists_is_given_up_before_anybody_is_asked_to_deliver_it() {
    let house = House::new().await;
    house.sign_up("ada@doorward-verify.invalid").await;
    house.sign_up("bea@invalid.example.com").await;
    assert_eq!(house.deliver().await, 1, "the reserved name is the last label");
    assert_eq!(house.mails().len(), 1);
    let mut tx = house.store.begin().await.expect("a store");
    let filter = MailFilter { state: Some(MailState::Dead), before: None };
    let mails = tx.outbox().list(filter, PageLimit::new(9)).await.expect("a store");
    assert_eq!(mails.iter().map(|row| row.last_error.as_deref()).collect::<Vec<_>>(), [Some("no_such_domain")]);
}
