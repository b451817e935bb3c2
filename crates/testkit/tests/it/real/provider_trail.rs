//! What the trail says of providers (AUD-01, table (c)): each deed once, nothing of what the provider wrote.

use doorward_testkit::real::OidcMock;
use doorward_testkit::{Client, Request};
use serde_json::{Value, json};

use crate::audit_table::{GATE, REFUSED, World, narrow};
use crate::site::Site;

const START: &str = "/api/auth/oauth/mirage/start";
const CALLBACK: &str = "/api/auth/oauth/mirage/callback";

/// There and back again; the status of the callback.
#[track_caller]
fn trip(mock: &OidcMock, client: &mut Client, mode: &str) -> u16 {
    let start = Request::post(START).json(&json!({"mode": mode}));
    let start = if mode == "login" { start } else { start.csrf() };
    let url = client.send(&start).expect(200).json()["authorization_url"].as_str().unwrap().to_owned();
    let back = mock.authorize(&url);
    let end = Request::post(CALLBACK).json(&json!({"code": back.parameter("code"), "state": back.parameter("state")}));
    let end = if mode == "login" { end } else { end.csrf() };
    client.send(&end).status
}

fn person(name: &str) -> Value {
    json!({"claims": {"sub": name, "email": format!("{name}@app.test")}})
}

#[test]
fn aud_01_what_providers_say_is_told_once_in_the_words_of_table_c() {
    let mock = OidcMock::start();
    let mut world = World::new(Site::with(|builder| builder.oauth(&mock.section())));
    world.expect("the start", &["config.loaded success start config_hash=", "sys.start success"]);
    let mut client = world.house().client();
    assert_eq!(trip(&mock, &mut client, "login"), 200);
    world.expect(
        "a sign-up with a provider",
        &[
            "oauth.start success mode=sign_in next=/account provider=mirage",
            "auth.signup success provider mode=sign_in provider=mirage",
            "oauth.link success mode=sign_in provider=mirage",
            "oauth.login success mode=sign_in next=/account provider=mirage",
            "auth.login success after_failures=0 method=oauth",
            "session.created success",
        ],
    );
    assert_eq!(trip(&mock, &mut world.house().client(), "login"), 200);
    world.expect(
        "a sign-in with a provider",
        &[
            "oauth.start success mode=sign_in next=/account provider=mirage",
            "oauth.login success mode=sign_in next=/account provider=mirage",
            "auth.login success after_failures=0 method=oauth",
            "session.created success",
        ],
    );
    mock.order(&json!({"claims": {"nonce": "evil"}}));
    assert_eq!(trip(&mock, &mut world.house().client(), "login"), 400);
    world.expect(
        "a lie",
        &[
            "oauth.start success mode=sign_in next=/account provider=mirage",
            "oauth.failed failure nonce mode=sign_in provider=mirage",
        ],
    );
    mock.order(&json!({}));
    let mut ada = world.house().member("ada@app.test");
    let _ = world.lines();
    assert_eq!(trip(&mock, &mut ada, "link"), 400);
    world.expect(
        "a link that another account holds",
        &[
            "oauth.start success mode=link next=/account provider=mirage",
            "oauth.link_rejected failure held_by_other mode=link provider=mirage",
        ],
    );
    mock.order(&person("second"));
    assert_eq!(trip(&mock, &mut ada, "link"), 200);
    world.expect(
        "a link",
        &["oauth.start success mode=link next=/account provider=mirage", "oauth.link success mode=link provider=mirage"],
    );
    let body = json!({"current_password": "wrong wrong wrong wrong"});
    ada.send(&Request::new("DELETE", "/api/auth/oauth/mirage").csrf().json(&body)).expect(401);
    let body = json!({"current_password": world.house().password()});
    ada.send(&Request::new("DELETE", "/api/auth/oauth/mirage").csrf().json(&body)).expect(204);
    world.expect(
        "no link any more",
        &["oauth.unlink failure bad_password provider=mirage", "oauth.unlink success provider=mirage"],
    );
}

/// The attempts that the row names, each told; those with a provider after those without.
#[test]
fn aud_10_every_refused_attempt_is_told() {
    let mock = OidcMock::start();
    let mut world = World::new(Site::with(|builder| narrow(builder).oauth(&mock.section())));
    world.house().add_member("ada@app.test");
    let _ = world.lines();
    world.take(REFUSED);
    world.take(GATE);
    let denied = json!({"state": "A".repeat(43), "error": true});
    assert_eq!(world.house().client().post_json(CALLBACK, &denied).status, 400);
    world.expect("a state of nobody", &["oauth.failed failure no_cookie provider=mirage"]);
    let mut client = world.house().client();
    let url = client.post_json(START, &json!({})).expect(200).json()["authorization_url"].as_str().unwrap().to_owned();
    assert_eq!(client.twin().post_json(CALLBACK, &denied).status, 400);
    let said_no = json!({"state": mock.authorize(&url).parameter("state"), "error": true});
    assert_eq!(client.post_json(CALLBACK, &said_no).status, 400);
    world.expect(
        "another one's state, then a no",
        &[
            "oauth.start success mode=sign_in next=/account provider=mirage",
            "oauth.failed failure state provider=mirage",
            "oauth.failed failure denied mode=sign_in provider=mirage",
        ],
    );
    let reply = world.house().client().post_json(START, &json!({"next": "https://evil.test/"}));
    assert_eq!(reply.status, 400);
    world.expect("a way to nowhere", &["oauth.failed failure next mode=sign_in provider=mirage"]);
}
