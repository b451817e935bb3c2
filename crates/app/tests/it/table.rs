//! Routes as rows: what a test needs to knock at any of them.

use doorward_app::route::{CsrfClass, Endpoint, ROUTES, Route, SessionUse};
use http::Method;
use serde_json::{Value, json};

use crate::client::{Answer, CSRF, Client, PASSWORD, form};
use crate::house::House;

/// The path with something in place of each parameter.
pub(crate) fn concrete(route: &Route) -> String {
    route.path.replace("{name}", "x").replace("{provider}", "elsewhere").replace("{id}", "00000000-0000-4000-8000-000000000000")
}

/// [`concrete`] with the query without which a route is not understood.
pub(crate) fn target(route: &Route) -> String {
    let query = if route.endpoint == Endpoint::Gate { format!("?request={}", "a".repeat(64)) } else { String::new() };
    concrete(route) + &query
}

/// Routes that read JSON: before sign-in by origin alone, after it with the token.
pub(crate) fn json_routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| matches!(route.csrf, CsrfClass::Origin | CsrfClass::Token))
}

/// Routes that read a JSON body; the others of [`json_routes`] do not look at one.
pub(crate) fn body_routes() -> impl Iterator<Item = &'static Route> {
    use Endpoint as E;
    let bodiless = [
        E::Logout,
        E::Refresh,
        E::RevokeSession,
        E::RevokeOthers,
        E::Export,
        E::PasskeyOptions,
        E::OfferTotp,
        E::OfferPasskey,
        E::RemoveFactor,
        E::RecoveryCodes,
        E::StepUpOptions,
    ];
    json_routes().filter(move |route| !bodiless.contains(&route.endpoint))
}

/// Pages of whoever is signed in.
pub(crate) fn is_member_page(route: &Route) -> bool {
    use Endpoint as E;
    matches!(
        route.endpoint,
        E::Account
            | E::ProfileForm
            | E::ProfileSave
            | E::PasswordForm
            | E::PasswordSave
            | E::EmailForm
            | E::EmailSave
            | E::SessionsPage
            | E::SessionEnd
            | E::SessionsEnd
            | E::ExportFile
            | E::DeleteForm
            | E::Delete
            | E::FactorsPage
            | E::FactorRename
            | E::FactorRemove
            | E::TotpForm
            | E::TotpOffer
            | E::TotpSave
            | E::PasskeyForm
            | E::RecoveryCodesForm
            | E::RecoveryCodesSave
            | E::StepUpForm
            | E::StepUpSend
            | E::Connections
            | E::ConnectionEnd
            | E::Gate
    )
}

/// Somebody who may knock there: a member where one is asked for, else a stranger whose browser has a token.
pub(crate) async fn caller<'h>(house: &'h House, route: &Route, email: &str) -> Client<'h> {
    if route.session == SessionUse::Required || is_member_page(route) || route.endpoint == Endpoint::SignOut {
        return house.member(email).await;
    }
    let mut client = Client::new(house);
    client.get("/api/auth/csrf").await;
    client
}

/// A body with every field that any route reads; the current password is not right.
pub(crate) fn any_body() -> Value {
    json!({
        "email": "new@example.com",
        "password": PASSWORD,
        "current_password": "not the one that it is",
        "new_password": "eleven calm otters under Bergen",
        "token": "x",
        "id": "00000000-0000-4000-8000-000000000000",
        "name": "Phone",
        "enrolment": "x",
        "challenge": "x",
        "code": "000000",
        "credential": {},
    })
}

/// The same with the only fields that a profile has.
pub(crate) fn body_for(route: &Route) -> Value {
    match route.endpoint {
        Endpoint::Profile | Endpoint::ProfileSave => json!({"display_name": "Ada"}),
        _ => any_body(),
    }
}

/// As the site's own script or form sends it.
pub(crate) async fn send(client: &mut Client<'_>, route: &Route, body: &Value) -> Answer {
    let token = client.cookie(CSRF).to_owned();
    if route.csrf == CsrfClass::Form {
        let mut fields: Vec<(&str, &str)> = vec![("csrf_token", &token)];
        let members = body.as_object().into_iter().flatten();
        fields.extend(members.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))));
        let ask = client.ask(route.method.clone(), &target(route)).own();
        return ask.body("application/x-www-form-urlencoded", form(&fields)).send().await;
    }
    send_octets(client, route, body.to_string()).await
}

/// Any octets that say they are JSON, with origin and token as they should be.
pub(crate) async fn send_octets(client: &mut Client<'_>, route: &Route, body: impl Into<bytes::Bytes>) -> Answer {
    let token = client.cookie(CSRF).to_owned();
    let ask = client.ask(route.method.clone(), &target(route)).own().field("x-csrf-token", &token);
    if route.method == Method::GET { ask.send().await } else { ask.body("application/json", body).send().await }
}
