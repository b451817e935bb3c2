//! Pages, as a browser without script uses them.

use doorward_app::route::{Endpoint, ROUTES, Route};
use http::{Method, StatusCode};

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION};
use crate::house::House;
use crate::table::{concrete, is_member_page};

/// Every `<input …>` of a page, as its attributes.
fn inputs(page: &Answer) -> Vec<String> {
    page.text().split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap_or_default().to_owned()).collect()
}

fn input<'a>(inputs: &'a [String], name: &str) -> &'a str {
    let mark = format!("name=\"{name}\"");
    inputs.iter().find(|input| input.contains(&mark)).unwrap_or_else(|| panic!("no {name} in {inputs:?}"))
}

/// The hidden token of the page's form.
pub(crate) fn hidden_token(page: &Answer) -> String {
    let input = input(&inputs(page), "csrf_token").to_owned();
    input.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a value").to_owned()
}

#[tokio::test]
async fn somebody_without_script_signs_up_verifies_signs_in_and_out() {
    let house = House::new().await;
    let mut browser = Client::new(&house);
    let page = browser.get("/account/sign-up").await;
    let token = hidden_token(&page);
    assert_eq!(token, browser.cookie(CSRF));
    let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("username", "Ada <b>"), ("password", PASSWORD)];
    let done = browser.post_form("/account/sign-up", &fields).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/check-mail"));
    assert_eq!(browser.get("/account/check-mail").await.status, StatusCode::OK);
    let code = house.token_for("ada@example.com").await;
    let page = browser.get("/account/verify").await;
    let done = browser.post_form("/account/verify", &[("csrf_token", &hidden_token(&page)), ("token", &code)]).await;
    assert_eq!(done.status, StatusCode::OK);
    let page = browser.get("/account/sign-in?next=%2Faccount").await;
    let token = hidden_token(&page);
    let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", PASSWORD), ("next", "/account")];
    let done = browser.post_form("/account/sign-in", &fields).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account"));
    let page = browser.get("/account").await;
    assert!(page.text().contains("ada@example.com") && page.text().contains("Ada &#60;b&#62;"), "{}", page.text());
    let done = browser.post_form("/account/sign-out", &[("csrf_token", &hidden_token(&page))]).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/sign-in"));
    assert_eq!((browser.cookie(SESSION), browser.cookie(CSRF)), ("", ""));
    let page = browser.get("/account").await;
    assert_eq!((page.status, page.field("location")), (StatusCode::SEE_OTHER, "/account/sign-in"));
}

fn assert_welcome(password: &str, autocomplete: &str) {
    assert!(password.contains("type=\"password\""), "{password}");
    assert!(password.contains(&format!("autocomplete=\"{autocomplete}\"")), "{password}");
    assert!(!password.contains("value=") && !password.contains("maxlength"), "{password}");
    assert!(!password.contains("autocomplete=\"off\""), "{password}");
}

fn assert_unblocked(page: &Answer) {
    for blocked in ["onpaste", "oncopy", "oninput", "readonly", "data-lpignore"] {
        assert!(!page.text().contains(blocked), "{blocked}");
    }
}

#[tokio::test]
async fn pwd_10_password_fields_welcome_managers_and_paste_and_are_never_filled() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    for (path, fields) in [
        ("/account/password", &[("current_password", "current-password"), ("new_password", "new-password")][..]),
        ("/account/reset", &[("password", "new-password")]),
        ("/account/email", &[("current_password", "current-password")]),
        ("/account/delete", &[("current_password", "current-password")]),
    ] {
        let mut browser = house.signed_in("ada@example.com").await;
        let first = browser.get(path).await;
        let token = hidden_token(&first);
        let sent: Vec<_> = fields.iter().map(|(name, _)| (*name, "wrong")).chain([("csrf_token", token.as_str())]).collect();
        let again = browser.post_form(path, &sent).await;
        assert!(again.status.is_client_error(), "{path} {}", again.status);
        for page in [&first, &again] {
            let inputs = inputs(page);
            for (name, autocomplete) in fields {
                assert_welcome(input(&inputs, name), autocomplete);
            }
            assert_unblocked(page);
            assert_eq!(inputs.iter().filter(|input| input.contains("type=\"password\"")).count(), fields.len());
        }
        assert!(!again.text().contains("wrong"), "{path}");
    }
    for (path, name, autocomplete) in
        [("/account/sign-in", "username webauthn", "current-password"), ("/account/sign-up", "username", "new-password")]
    {
        let mut browser = Client::new(&house);
        let first = browser.get(path).await;
        let token = hidden_token(&first);
        let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", "wrong")];
        let again = browser.post_form(path, &fields).await;
        assert!(again.status.is_client_error());
        for page in [&first, &again] {
            let inputs = inputs(page);
            assert_welcome(input(&inputs, "password"), autocomplete);
            assert_unblocked(page);
            assert!(input(&inputs, "email").contains(&format!("autocomplete=\"{name}\"")));
        }
        assert!(input(&inputs(&again), "email").contains("value=\"ada@example.com\""), "the address stays");
        assert!(!again.text().contains("wrong"));
        assert_eq!(inputs(&first).iter().filter(|input| input.contains("type=\"password\"")).count(), 1, "no repetition to type");
    }
}

#[tokio::test]
async fn pages_need_nothing_inline_and_name_their_assets_by_hash() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut browser = Client::new(&house);
    let mut pages = vec![member.get("/account").await, browser.get("/account/nope").await];
    // A gate's route draws nothing but refusals.
    let is_page =
        |route: &&Route| route.method == Method::GET && route.path.starts_with("/account") && route.endpoint != Endpoint::Gate;
    for route in ROUTES.iter().filter(is_page) {
        let reader = if is_member_page(route) { &mut member } else { &mut browser };
        let page = reader.get(&concrete(route)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", route.path);
        pages.push(page);
    }
    for page in &pages {
        let text = page.text();
        assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">"));
        for inline in ["<style", " style=", " onclick", " onload", "javascript:", "http://", "https://"] {
            assert!(!text.contains(inline), "{inline}");
        }
        assert_eq!(text.matches("<script").count(), 1);
        assert_eq!(text.matches("integrity=\"sha384-").count(), 2, "script and stylesheet");
        assert!(text.contains("<h1>") && text.contains("<title>") && text.contains("class=\"skip\""));
        assert_eq!(page.field("cache-control"), "no-store");
    }
    let paths: Vec<_> = pages[0].text().split('"').filter(|part| part.starts_with("/assets/doorward/")).collect();
    assert!(paths.len() >= 3);
    for path in paths {
        let asset = browser.get(path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(asset.field("cache-control").contains("immutable"));
        assert!(!asset.field("content-type").is_empty());
    }
}

#[tokio::test]
async fn errors_of_fields_are_named_and_stale_forms_say_so() {
    let house = House::new().await;
    let mut browser = Client::new(&house);
    let token = hidden_token(&browser.get("/account/sign-up").await);
    let fields = [("csrf_token", token.as_str()), ("email", "not an address"), ("password", "short")];
    let page = browser.post_form("/account/sign-up", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("role=\"alert\"") && page.text().contains("href=\"#password\""), "{}", page.text());
    assert_eq!(page.text().matches("aria-invalid=\"true\"").count(), 2);
    assert_eq!(hidden_token(&page), token, "and the form can be sent again");
    house.member("ada@example.com").await;
    house.sign_in(&mut browser, "ada@example.com").await;
    let stale = browser.post_form("/account/sign-up", &fields).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN, "a token from before sign-in");
    assert!(stale.text().contains("no longer valid"));
}

#[tokio::test]
async fn too_many_sign_ins_say_how_long_to_wait() {
    let house = House::with("auth_login = \"2/min\"").await;
    let mut browser = Client::new(&house);
    let token = hidden_token(&browser.get("/account/sign-in").await);
    let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", "wrong")];
    for expected in [401, 401, 429] {
        let page = browser.post_form("/account/sign-in", &fields).await;
        assert_eq!(page.status.as_u16(), expected);
        assert_eq!(page.field("retry-after").is_empty(), expected == 401);
    }
}

#[tokio::test]
async fn closed_sign_up_is_closed_for_everybody() {
    let house = House::with_accounts("sign_up = \"closed\"").await;
    let mut browser = Client::new(&house);
    let page = browser.get("/account/sign-up").await;
    assert!(page.text().contains("cannot be made") && !page.text().contains("type=\"password\""));
    let body = serde_json::json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(browser.post_json("/api/auth/register", &body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.ask(Method::HEAD, "/account/sign-up").send().await.text(), "");
}
