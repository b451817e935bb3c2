//! Cookies that look like ours and are not.

use doorward_domain::AuditEvent;
use http::{Method, Request, StatusCode};

use crate::client::{CSRF, Client, SESSION};
use crate::house::House;

/// Cookie fields around a live credential that must not sign anybody in.
fn look_alikes(value: &str) -> Vec<Vec<u8>> {
    let texts = [
        format!("\u{2000}{SESSION}={value}"),
        format!("a=b; \u{2000}{SESSION}={value}"),
        format!("\u{a0}{SESSION}={value}"),
        format!("\u{feff}{SESSION}={value}"),
        format!("{}={value}", SESSION.to_ascii_uppercase()),
        format!("__host-doorward_session={value}"),
        format!("={SESSION}={value}"),
        format!("; ={SESSION}={value}"),
        SESSION.to_owned(),
        format!("{SESSION} ={value}"),
        format!("{SESSION}\t={value}"),
        format!("{SESSION}= {value}"),
        format!("{SESSION}=\"{value}\""),
        format!("$Version=1; {SESSION}=\"{value}\"; $Path=/"),
        format!("$Version=1; ${SESSION}={value}"),
        format!("a=\"x; {SESSION}={value}\""),
        format!("{SESSION}={value}\u{2000}"),
        format!("{SESSION}={value}=",),
        format!("{SESSION}={value},a=b"),
        format!("a=b, {SESSION}={value}"),
        format!("{SESSION}:{value}"),
        format!("doorward_session={value}"),
        format!("__Secure-doorward_session={value}"),
        format!("%5F%5FHost-doorward_session={value}"),
        format!("{SESSION}={}", value.replacen(&value[..1], &format!("%{:02X}", value.as_bytes()[0]), 1)),
        format!("{SESSION}={}", &value[..42]),
        format!("{SESSION}={value}A"),
    ];
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    // Raw octets that Latin-1 readers take for blanks.
    for blank in [b"\x85".as_slice(), b"\xa0", b"\x0b", b"\x0c"] {
        let field = [blank, SESSION.as_bytes(), b"=", value.as_bytes()].concat();
        // Controls do not get past the framing; where HTTP itself refuses them there is nothing to test.
        if http::HeaderValue::from_bytes(&field).is_ok() {
            all.push(field);
        }
    }
    all
}

/// `a="x; name=value"` is two pairs to whoever reads octets: the second one is ours, with a stray quote at its end.
#[tokio::test]
async fn ses_03_cookies_are_read_as_octets_and_nothing_is_guessed() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let value = member.cookie(SESSION).to_owned();
    for field in look_alikes(&value) {
        let shown = String::from_utf8_lossy(&field).into_owned();
        let mut client = Client::new(&house);
        let answer = client.ask(Method::GET, "/api/auth/me").octets("cookie", &field).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{shown}");
        let request = Request::get("/api/notes").header("cookie", field.as_slice()).body(()).expect("a request");
        let admit = house.admit(request, "api").await;
        assert!(matches!(admit, doorward_app::Admit::Anonymous), "{shown} at the door: {admit:?}");
    }
    for field in [
        format!("{SESSION}={value}"),
        format!("a=b;{SESSION}={value};c=d"),
        format!("\t {SESSION}={value} \t"),
        format!("=x; ; a; {SESSION}={value}"),
        format!("__host-doorward_session=evil; {SESSION}={value}"),
    ] {
        let mut client = Client::new(&house);
        let answer = client.ask(Method::GET, "/api/auth/me").field("cookie", &field).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{field}");
    }
}

#[tokio::test]
async fn ses_04_a_session_cookie_that_comes_twice_is_refused_and_noted() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let (value, token) = (member.cookie(SESSION).to_owned(), member.cookie(CSRF).to_owned());
    let pair = format!("{SESSION}={value}");
    let (junk, csrf) = (format!("{SESSION}=junk"), format!("{CSRF}={token}"));
    let doubled: Vec<Vec<String>> = vec![
        vec![format!("{pair}; {pair}; {csrf}")],
        vec![format!("{pair}; {junk}; {csrf}")],
        vec![format!("{junk}; {pair}; {csrf}")],
        vec![format!("{pair}; {csrf}"), pair.clone()],
        vec![junk.clone(), csrf.clone(), pair.clone()],
        vec![format!("{SESSION}=; {pair}; {csrf}")],
    ];
    let routes = [
        (Method::GET, "/api/auth/me"),
        (Method::GET, "/api/auth/csrf"),
        (Method::POST, "/api/auth/logout"),
        (Method::POST, "/api/auth/login"),
        (Method::POST, "/api/auth/register"),
        (Method::GET, "/account"),
        (Method::POST, "/account/sign-out"),
    ];
    for fields in &doubled {
        for (method, path) in &routes {
            let before = house.audit(AuditEvent::SessionCookieDuplicate).await.len();
            let mut raw = Client::new(&house);
            let ask = raw.ask(method.clone(), path).own().field("x-csrf-token", &token);
            let answer = fields.iter().fold(ask, |ask, field| ask.field("cookie", field)).send().await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{method} {path} {fields:?}");
            assert!(answer.set_cookies().is_empty());
            assert_eq!(house.audit(AuditEvent::SessionCookieDuplicate).await.len(), before + 1, "{method} {path}");
        }
        let before = house.audit(AuditEvent::SessionCookieDuplicate).await.len();
        let request = fields.iter().fold(Request::get("/api/notes"), |request, field| request.header("cookie", field));
        let admit = house.admit(request.body(()).expect("a request"), "api").await;
        assert!(matches!(admit, doorward_app::Admit::Refused(doorward_app::Refused::DuplicateCookie)), "{admit:?}");
        assert_eq!(house.audit(AuditEvent::SessionCookieDuplicate).await.len(), before + 1, "at the door");
    }
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::OK, "no state was changed");
}
