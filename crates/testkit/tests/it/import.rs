//! Accounts of another system, through the command line and then through the door.

use std::path::PathBuf;

use doorward_testkit::House;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

/// Made by Django 5.2, Python's bcrypt and argon2-cffi for [`PASSWORD`].
const DJANGO: &str = "username,email,password,first_name,last_name\n\
u0,ann0@app.test,pbkdf2_sha256$20000$qoYkbPzRZf1n7Kt3$pcYFr2csxb11lB1Wc+jCu5ZcFSFvlmUDyeQDrty/9yE=,Ann,Nr 0\n\
u1,ann1@app.test,\"argon2$argon2id$v=19$m=8192,t=1,p=1$c21oT09tZkZRVmdaS256Z2hxR3VYeg$0hFnSDk96ipfhQ5OMWkyQ0rcNZLPVYrhAKW59L/h7zo\",Ann,Nr 1\n\
u2,ann2@app.test,bcrypt_sha256$$2b$05$G2uDrd7q0FAMOM7Xk/PpyOM2e.ghePmO0NHBZ9b63djM22rYCHPQ6,Ann,Nr 2\n\
u3,ann3@app.test,bcrypt$$2b$05$QvIxdIdTsrfvVGe4xQ9xyODrrUs4XhenG/Dl9mxpwyXbWTejwyy3O,Ann,Nr 3\n";

fn file(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn import(house: &House, path: &std::path::Path, format: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let words = [&["import", "users", path.to_str().unwrap(), "--format", format], more].concat();
    let output = house.command(&words);
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn sign_in(house: &House, address: &str, password: &str) -> u16 {
    house.client().post_json("/api/auth/login", &json!({"email": address, "password": password})).status
}

#[test]
fn people_of_a_django_site_sign_in_with_their_old_passwords_and_are_rehashed() {
    let house = House::builder().unlimited().start();
    let path = file(&house, "users.csv", DJANGO);
    let (code, out, talk) = import(&house, &path, "django-csv", &["--dry-run"]);
    assert_eq!((code, out.as_str()), (Some(0), "4 accounts can be imported\n"), "{talk}");
    assert_eq!(sign_in(&house, "ann0@app.test", PASSWORD), 401, "a dry run writes nothing");
    let (code, out, talk) = import(&house, &path, "django-csv", &[]);
    assert_eq!((code, out.as_str()), (Some(0), "4 accounts added, 0 had one before\n"), "{talk}");
    for number in 0..4 {
        let address = format!("ann{number}@app.test");
        assert_eq!(sign_in(&house, &address, "correct horse battery stapl"), 401, "{address}");
        assert_eq!(sign_in(&house, &address, PASSWORD), 200, "{address}");
        assert_eq!(sign_in(&house, &address, PASSWORD), 200, "{address}: with the new hash");
    }
    let rehashed = house.command(&["audit", "search", "--event", "password.rehashed", "--json"]).stdout;
    assert_eq!(String::from_utf8(rehashed).unwrap().lines().count(), 4);
    let (code, out, _) = import(&house, &path, "django-csv", &[]);
    assert_eq!((code, out.as_str()), (Some(0), "0 accounts added, 4 had one before\n"));
}

#[test]
fn one_wrong_line_is_named_and_nothing_is_written() {
    let house = House::builder().start();
    let good = r#"{"email":"ann@app.test","hash":"$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW","name":"Ann"}"#;
    let bad = [
        (r#"{"email":"bea","hash":"$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW"}"#, "the address is not one"),
        (r#"{"email":"bea@app.test","hash":"plain-secret"}"#, "the hash is of no kind that can be checked here"),
        (r#"{"email":"bea@app.test","password":"plain-secret"}"#, "not an object"),
        (r#"{"email":"Ann@APP.test","hash":"$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW"}"#, "that of line 1"),
        ("[[[[", "not an object"),
    ];
    for (line, fault) in bad {
        let path = file(&house, "users.jsonl", &format!("{good}\n\n{line}\n"));
        let (code, out, talk) = import(&house, &path, "phc-jsonl", &[]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{talk}");
        assert!(talk.contains("line 3: ") && talk.contains(fault) && !talk.contains("plain-secret"), "{talk}");
        assert_eq!(sign_in(&house, "ann@app.test", PASSWORD), 401);
    }
    let path =
        file(&house, "users.csv", "ann@app.test,$2b$05$SeHQVrkMpN01Q3rtwmyHS.htuiYkQViKSsBz/Pb/v1jlZ8Ax6UQPW,\"Ann, A.\"\n");
    assert_eq!(import(&house, &path, "bcrypt-csv", &[]).0, Some(0));
    assert_eq!(sign_in(&house, "ann@app.test", PASSWORD), 200);
    let missing = house.folder().join("nowhere.csv");
    assert_eq!(import(&house, &missing, "bcrypt-csv", &[]).0, Some(3));
}
