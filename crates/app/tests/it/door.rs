//! The doorkeeper: who passes to an upstream, and with which identity.

use doorward_app::{Admit, Refused};
use doorward_domain::AuditEvent;
use http::Request;

use crate::client::{CSRF, Client, SESSION};
use crate::house::House;

fn get(client: &Client<'_>) -> Request<()> {
    Request::get("/api/notes").header("cookie", format!("{SESSION}={}", client.cookie(SESSION))).body(()).expect("a request")
}

#[tokio::test]
async fn strangers_pass_identified_routes_and_not_signed_in_ones() {
    let house = House::new().await;
    let stranger = Client::new(&house);
    let mut ended = house.member("ada@example.com").await;
    let jar = ended.jar.clone();
    ended.post_empty("/api/auth/logout").await;
    ended.jar = jar;
    for client in [&stranger, &ended] {
        assert!(matches!(house.admit(get(client), "api").await, Admit::Anonymous));
        assert!(matches!(house.admit(get(client), "members").await, Admit::Refused(Refused::NotAuthenticated)));
        let mut unsafe_one = get(client);
        *unsafe_one.method_mut() = http::Method::POST;
        assert!(matches!(house.admit(unsafe_one, "api").await, Admit::Anonymous), "no session, so nothing to forge");
    }
}

#[tokio::test]
async fn members_pass_with_their_identity() {
    let house = House::new().await;
    let mut member = house.named_member("ada@example.com", "Ada 100% Løvlace").await;
    let me = member.get("/api/auth/me").await.json();
    for route in ["api", "members"] {
        let Admit::Identified { fields, .. } = house.admit(get(&member), route).await else {
            panic!("not identified on {route}")
        };
        let field = |name: &str| {
            let hits: Vec<_> = fields.iter().filter(|(field, _)| field == name).collect();
            assert_eq!(hits.len(), 1, "{name}");
            hits[0].1.to_str().expect("ASCII").to_owned()
        };
        assert_eq!(fields.len(), 6);
        assert_eq!(field("x-doorward-user"), me["id"].as_str().expect("an id"));
        assert_eq!(field("x-doorward-email"), "ada@example.com");
        assert_eq!(field("x-doorward-name"), "Ada 100%25 L%C3%B8vlace");
        assert_eq!(field("x-doorward-roles"), "");
        let session = field("x-doorward-session");
        assert!(session.parse::<doorward_kit::SessionId>().is_ok() && session != member.cookie(SESSION));
        assert!(!fields.iter().any(|(_, value)| value.to_str().expect("ASCII").contains(member.cookie(SESSION))));
        let assertion = fields.iter().find(|(name, _)| name == "x-doorward-assertion").expect("an assertion");
        assert!(assertion.1.is_sensitive());
    }
}

#[tokio::test]
async fn csrf_17_refusals_at_the_door_are_noted_too() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let token = member.cookie(CSRF).to_owned();
    let cookie = format!("{SESSION}={}; {CSRF}={token}", member.cookie(SESSION));
    let post = |fields: &[(&str, &str)]| {
        let request = Request::post("/api/notes").header("cookie", &cookie).header("user-agent", "probe");
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).expect("a request")
    };
    for (fields, reason) in [
        (&[("sec-fetch-site", "cross-site"), ("x-csrf-token", token.as_str())][..], "fetch_site"),
        (&[("origin", "https://evil.test"), ("x-csrf-token", token.as_str())], "origin"),
        (&[("origin", "null"), ("origin", "null")], "duplicate"),
        (&[], "token_missing"),
        (&[("x-csrf-token", "x")], "token_mismatch"),
        (&[("x-csrf-token", token.as_str()), ("x-csrf-token", token.as_str())], "duplicate"),
    ] {
        let admit = house.admit(post(fields), "api").await;
        assert!(matches!(admit, Admit::Refused(Refused::Csrf)), "{fields:?}: {admit:?}");
        let noted = house.audit(AuditEvent::CsrfRejected).await;
        let last = noted.last().expect("an entry");
        assert_eq!((last.reason.as_deref(), last.route.as_deref()), (Some(reason), Some("/api")), "{fields:?}");
        assert_eq!((last.user_agent.as_deref(), last.method.as_deref()), (Some("probe"), Some("POST")));
        assert!(last.actor.is_some() && !format!("{last:?}").contains(&token));
    }
    assert!(matches!(house.admit(post(&[("x-csrf-token", token.as_str())]), "api").await, Admit::Identified { .. }));
}

#[tokio::test]
async fn refusals_by_csrf_at_the_door_use_up_the_quota_of_such_refusals_and_nothing_else_is_held_to_it() {
    let house = House::with("csrf_refusal = \"2/h\"\n").await;
    let mut member = house.member("ada@example.com").await;
    let token = member.cookie(CSRF).to_owned();
    let cookie = format!("{SESSION}={}; {CSRF}={token}", member.cookie(SESSION));
    let post =
        |token: &str| Request::post("/api/notes").header("cookie", &cookie).header("x-csrf-token", token).body(()).expect("one");
    for number in 0..4 {
        let admit = house.admit(post("x"), "api").await;
        match &admit {
            Admit::Refused(Refused::Csrf) => assert!(number < 2, "{number}"),
            Admit::Refused(Refused::Throttled { retry_after }) => assert!(number >= 2 && !retry_after.is_zero(), "{number}"),
            _ => panic!("{number}: {admit:?}"),
        }
    }
    assert!(matches!(house.admit(post(&token), "api").await, Admit::Identified { .. }));
    assert!(matches!(house.admit(get(&member), "api").await, Admit::Identified { .. }));
    assert_eq!(member.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn an_upgrade_with_a_session_must_come_from_the_site() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let upgrade = |fields: &[(&str, &str)]| {
        let cookie = format!("{SESSION}={}", member.cookie(SESSION));
        let request = Request::get("/api/live").header("upgrade", "websocket").header("cookie", cookie);
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).expect("a request")
    };
    for fields in [[("origin", "https://evil.test")], [("origin", "null")], [("sec-fetch-site", "same-site")]] {
        assert!(matches!(house.admit(upgrade(&fields), "api").await, Admit::Refused(Refused::Csrf)), "{fields:?}");
    }
    for fields in [&[("origin", "https://app.example.com"), ("sec-fetch-site", "same-origin")][..], &[]] {
        assert!(matches!(house.admit(upgrade(fields), "api").await, Admit::Identified { .. }), "{fields:?}");
    }
}

#[tokio::test]
async fn a_route_that_asks_for_a_role_takes_those_who_have_it_and_no_others() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let staff = house.member_with_roles("bea@example.com", &["press", "staff"]).await;
    assert!(matches!(house.admit(get(&Client::new(&house)), "staff").await, Admit::Refused(Refused::NotAuthenticated)));
    assert!(matches!(house.admit(get(&member), "staff").await, Admit::Refused(Refused::Forbidden)));
    let Admit::Identified { fields, .. } = house.admit(get(&staff), "staff").await else { panic!("not let in") };
    assert!(fields.iter().any(|(name, value)| name == "x-doorward-roles" && value == "press,staff"));
    let noted = house.audit(AuditEvent::AccessDenied).await;
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].reason.as_deref(), noted[0].route.as_deref()), (Some("role"), Some("/staff")));
    assert!(noted[0].actor.is_some());
}
