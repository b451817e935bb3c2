//! Every route is spoken for: what the table says of a route is what the route does.

use doorward_app::route::{CsrfClass, Endpoint, ROUTES, Scope, SessionUse};
use doorward_policy::{BuiltIn, CanonicalPath, Target};
use http::{Method, StatusCode};

use crate::client::Client;
use crate::house::House;
use crate::table::{body_for, caller, concrete, is_member_page, send, target};

fn methods_of(path: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = ROUTES.iter().filter(|route| route.path == path).map(|route| route.method.clone()).collect();
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods
}

#[tokio::test]
async fn every_route_answers_its_methods_and_no_other() {
    let house = House::new().await;
    for route in &ROUTES {
        let allowed = methods_of(route.path);
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let answer = Client::new(&house).ask(method.clone(), &concrete(route)).send().await;
            let is_allowed = answer.status != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(is_allowed, allowed.contains(&method), "{method} {}", route.path);
            if !is_allowed {
                let mut named: Vec<_> = answer.field("allow").split(',').map(str::trim).collect();
                let mut expected: Vec<_> = allowed.iter().map(Method::as_str).collect();
                named.sort_unstable();
                expected.sort_unstable();
                assert_eq!(named, expected, "{}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn every_unsafe_route_but_reports_refuses_cross_site_requests() {
    let house = House::new().await;
    for route in ROUTES.iter().filter(|route| route.method != Method::GET) {
        let mut client = Client::new(&house);
        let answer = client.ask(route.method.clone(), &concrete(route)).field("sec-fetch-site", "cross-site").send().await;
        let expected = if route.csrf == CsrfClass::Open { StatusCode::UNSUPPORTED_MEDIA_TYPE } else { StatusCode::FORBIDDEN };
        assert_eq!(answer.status, expected, "{}", route.path);
        assert_eq!(route.csrf == CsrfClass::Open, route.endpoint == Endpoint::CspReport);
    }
}

#[tokio::test]
async fn who_gets_in_is_what_the_table_says() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
        let stranger = Client::new(&house).get(&target(route)).await.status;
        let known = member.get(&target(route)).await.status;
        let (for_stranger, for_member) = match route.endpoint {
            Endpoint::Asset => (404, 404),
            // For operators alone.
            Endpoint::Gate => (303, 403),
            _ if is_member_page(route) => (303, 200),
            Endpoint::SignInForm | Endpoint::SignUpForm => (200, 303),
            _ if route.session == SessionUse::Required => (401, 200),
            _ => (200, 200),
        };
        assert_eq!((stranger.as_u16(), known.as_u16()), (for_stranger, for_member), "{}", route.path);
    }
}

#[tokio::test]
async fn every_scope_of_the_table_can_run_out() {
    for route in &ROUTES {
        let (Scope::Before(scope) | Scope::Flow(scope)) = route.scope else { continue };
        let house = House::with(&format!("{scope} = \"1/min\"")).await;
        let mut client = caller(&house, route, "ada@example.com").await;
        let mut last = StatusCode::OK;
        for _ in 0..2 {
            last = match route.csrf {
                CsrfClass::Open => client.ask(Method::POST, route.path).body("application/json", "{}").send().await.status,
                _ => send(&mut client, route, &body_for(route)).await.status,
            };
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{} with {scope}", route.path);
    }
}

/// What the edge reserves and what the application answers are the same paths.
#[test]
fn every_route_lies_under_a_reserved_prefix() {
    let policy = crate::house::policy("");
    let host = policy.routes.find("app.example.com").expect("the site");
    for route in &ROUTES {
        let path = concrete(route);
        let path = CanonicalPath::parse(&path).expect("canonical");
        let Target::BuiltIn(part) = host.resolve(&path) else { panic!("{} is not reserved", route.path) };
        let expected = match route.endpoint {
            Endpoint::Asset => BuiltIn::Asset,
            Endpoint::VerifyForm
            | Endpoint::Verify
            | Endpoint::ResetForm
            | Endpoint::Reset
            | Endpoint::ConfirmEmailForm
            | Endpoint::ConfirmEmailSave
            | Endpoint::UndoEmailForm
            | Endpoint::UndoEmailSave
            | Endpoint::EndSessionsForm
            | Endpoint::EndSessionsSave
            | Endpoint::ProviderForm
            | Endpoint::ProviderReturn
            | Endpoint::ProviderGo
            | Endpoint::SignUpForm
            | Endpoint::SignUp => BuiltIn::TokenPage,
            _ if route.path.starts_with("/account") => BuiltIn::Page,
            _ => BuiltIn::Api,
        };
        assert_eq!(part, expected, "{}", route.path);
    }
}
