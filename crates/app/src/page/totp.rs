//! `/account/factors/totp`: one-time codes of an authenticator app (RFC 6238).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{Enrolled, TotpOffer};
use doorward_domain::service::FlowError;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, recovery_codes, see_other, sign_in_first, step_up_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::qr::Qr;
use crate::session;

const HERE: &str = "/account/factors/totp";
const REFUSED: (StatusCode, &str) =
    (StatusCode::BAD_REQUEST, "That code was not right. Enter the one that your app shows now, or start again.");

#[derive(Template)]
#[template(path = "totp.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    step: Step<'a>,
    alert: Option<&'a Alert>,
}

/// How far it is.
enum Step<'a> {
    /// Nothing was made yet.
    Begin,
    /// The app is to learn the key.
    Learn { key: &'a SharedKey, enrolment: &'a str },
    /// The app knows it, and its first code is awaited: a key is shown once.
    Prove { enrolment: &'a str },
}

/// A key in the three ways in which an app may take it.
struct SharedKey {
    qr: Option<Qr>,
    /// In groups of four, for typing.
    secret: String,
    uri: String,
}

impl SharedKey {
    fn new(offer: &TotpOffer) -> Self {
        let signs: Vec<char> = offer.secret.chars().collect();
        let groups: Vec<String> = signs.chunks(4).map(|group| group.iter().collect()).collect();
        Self { qr: Qr::of(&offer.uri), secret: groups.join(" "), uri: offer.uri.to_string() }
    }
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first(HERE) };
    if let Some(first) = step_up_first(&app, active, HERE) {
        return first;
    }
    with_token(&app, &caller, &headers, |token| {
        view::render(&Page { shell: Shell::new(&app), token, step: Step::Begin, alert: None })
    })
}

pub(crate) async fn offer(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let offer = match app.accounts.begin_totp(form.caller.visitor(), active).await {
        Ok(offer) => offer,
        Err(FlowError::LastOfItsKind) => return Ok(see_other("/account/factors?not=more")),
        Err(error) => return Err(Problem::of_flow(error, Problem::INTERNAL)),
    };
    let (key, enrolment) = (SharedKey::new(&offer), offer.enrolment.reveal());
    let step = Step::Learn { key: &key, enrolment: &enrolment };
    Ok(view::render(&Page { shell: Shell::new(&app), token: &form.token, step, alert: None }))
}

pub(crate) async fn save(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let enrolment = form.text("enrolment");
    match app.accounts.confirm_totp(form.caller.visitor(), active, enrolment, form.text("code")).await {
        Ok(enrolled) => Ok(added(&app, &enrolled)),
        Err(FlowError::LastOfItsKind) => Ok(see_other("/account/factors?not=more")),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let (shell, step) = (Shell::new(&app), Step::Prove { enrolment });
            Ok(again(&alert, &Page { shell, token: &form.token, step, alert: Some(&alert) }))
        }
    }
}

/// The first factor brings recovery codes, which are to be seen now or never.
fn added(app: &AppState, enrolled: &Enrolled) -> Response {
    if let Some(codes) = &enrolled.recovery_codes {
        return recovery_codes::show(app, codes, true, &enrolled.signed_in);
    }
    let mut response = see_other("/account/factors?done=added");
    session::begin(app, response.headers_mut(), &enrolled.signed_in);
    response
}
