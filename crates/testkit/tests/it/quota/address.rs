//! Known and unknown addresses: counted alike, and mailed as often.

use doorward_testkit::{House, INSIDE, Reply};
use serde_json::json;

use super::{ADA, LONG_ENOUGH, caller};

/// Name and value of every field, but for what differs from one answer to the next.
fn fields(reply: &Reply) -> Vec<(String, String)> {
    let varies = ["date", "x-request-id", "retry-after"];
    let blank = |(name, value): &(String, String)| match varies.contains(&name.to_ascii_lowercase().as_str()) {
        true => (name.clone(), String::new()),
        false => (name.clone(), value.clone()),
    };
    reply.headers.iter().map(blank).collect()
}

#[test]
fn app_rl_07_unknown_addresses_are_counted_like_known_ones() {
    let paths = ["/api/auth/login", "/api/auth/forgot-password", "/api/auth/register", "/api/auth/verify-email/resend"];
    let by_caller = ["auth_login", "forgot_password", "auth_register", "verify_email_resend"];
    let by_address = ["auth_login_account", "forgot_password_address", "verify_email_resend_address"];
    for (run, scopes) in [&by_caller[..], &by_address[..]].iter().enumerate() {
        let builder = scopes.iter().fold(House::builder(), |builder, scope| builder.limit(scope, "5/h"));
        let house = builder.start();
        house.add_member(ADA);
        for (number, path) in paths.iter().enumerate() {
            // Both sides in turn, so that both waits are told within the same second or two.
            let mut sides = [1, 2].map(|side| house.client_from(caller(number, side)));
            let bodies = [ADA, "eve@app.test"].map(|email| json!({"email": email, "password": "wrong wrong wrong wrong"}));
            let mut stopped = 0;
            for n in 0..9 {
                let [known, unknown] = [0, 1].map(|side| sides[side].post_json(path, &bodies[side]));
                assert_eq!(known.status, unknown.status, "{path}, request {n} of run {run}");
                assert_eq!(
                    (fields(&known), known.text()),
                    (fields(&unknown), unknown.text()),
                    "{path}, request {n} of run {run}"
                );
                let waits = [&known, &unknown].map(|reply| reply.header("retry-after").map(|wait| wait.parse::<i64>().unwrap()));
                if let [Some(of_known), Some(of_unknown)] = waits {
                    assert!((of_known - of_unknown).abs() <= 30 && of_known > 60, "{path}: {waits:?}");
                }
                stopped += usize::from(known.status == 429);
            }
            let expected = match (run, *path) {
                (0, _) | (1, "/api/auth/login") => 4,
                _ => 0,
            };
            assert_eq!(stopped, expected, "{path} in run {run}");
        }
    }
}

#[test]
fn enum_03_a_known_address_gets_a_notice_where_a_new_one_gets_a_link() {
    let house = House::builder().limit("verify_email_resend_address", "5/h").limit("auth_register", "500/min").start();
    house.add_member(ADA);
    let mailbox = house.mailbox();
    let before = mailbox.all().len();
    let sign_up = |email: &str| {
        let reply = house
            .client_from(INSIDE)
            .post_json("/api/auth/register", &json!({"email": email, "password": LONG_ENOUGH}))
            .expect(202);
        (reply.text(), fields(&reply))
    };
    for spelling in ["ADA@app.test", "ada@APP.test"] {
        assert_eq!(sign_up(spelling), sign_up("eve@app.test"));
    }
    let _ = mailbox.wait_for_nth(ADA, 1 + 2);
    let _ = mailbox.wait_for_nth("eve@app.test", 2);
    // The files are named after the instant of the request: one mail for each, in the order of the requests.
    let mails = mailbox.all().split_off(before);
    let order: Vec<_> = mails.iter().map(|mail| mail.field("to").unwrap().contains("ada")).collect();
    assert_eq!(order, [true, false, true, false], "as many, and none sooner or later than its request");
    for mail in &mails {
        let is_known = mail.field("to").unwrap() == ADA;
        let (subject, body) = (mail.field("subject").unwrap(), mail.body());
        assert_eq!(subject.contains("already have an account"), is_known, "{subject}");
        assert_eq!(body.contains("#token="), !is_known, "{body}");
        assert!(!body.contains(LONG_ENOUGH) && is_known == body.contains("has an account already"), "{body}");
    }
    // Nobody's mailbox is filled: three a day, the link of the own sign-up being one, or as many links as the configuration says.
    for n in 0..6 {
        assert_eq!(sign_up(ADA), sign_up("eve@app.test"), "{n}");
    }
    sign_up("last@app.test");
    let _ = mailbox.wait_for("last@app.test");
    assert_eq!((mailbox.to(ADA).len(), mailbox.to("eve@app.test").len()), (3, 5));
}
