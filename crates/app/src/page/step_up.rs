//! `/account/step-up`: proves afresh who it is, then goes on to where it was asked for (ASVS 7.5.3).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::ActiveSession;
use doorward_domain::factor::{FactorKind, FactorList, SecondProof, StepUpProof};
use doorward_domain::service::FlowError;
use doorward_policy::redirect::LocalTarget;
use http::{HeaderMap, StatusCode, Uri};

use super::view::{self, Shell};
use super::{Alert, again, next_of, secret, see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

const HERE: &str = "/account/step-up";
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "That was not right.");

/// What the account can show.
#[derive(Clone, Copy)]
struct Ways {
    passkey: bool,
    code: bool,
    password: bool,
}

impl Ways {
    /// Where there is a second factor the password is no proof.
    fn of(active: &ActiveSession, list: &FactorList) -> Self {
        let has = |kind| list.factors.iter().any(|factor| factor.kind == kind);
        Self {
            passkey: has(FactorKind::Passkey),
            code: has(FactorKind::Totp) || list.recovery_codes > 0,
            password: list.factors.is_empty() && active.has_password,
        }
    }

    const fn none(self) -> bool {
        !(self.passkey || self.code || self.password)
    }
}

#[derive(Template)]
#[template(path = "step_up.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    next: &'a str,
    ways: Ways,
    /// Where there is nothing else: the providers that the account is linked with.
    providers: &'a [Linked],
    alert: Option<&'a Alert>,
}

/// A provider that may say afresh who it is.
struct Linked {
    name: String,
    label: String,
}

async fn ways(app: &AppState, active: &ActiveSession) -> Result<(Ways, Vec<Linked>), FlowError> {
    let ways = Ways::of(active, &app.accounts.list_factors(active).await?);
    let identities = if ways.none() { app.accounts.list_identities(active).await? } else { Vec::new() };
    let is_linked = |name: &str| identities.iter().any(|identity| identity.provider == name);
    let providers = app.accounts.providers().iter().filter(|provider| is_linked(provider.name()));
    let linked = providers.map(|provider| Linked { name: provider.name().to_owned(), label: provider.label().to_owned() });
    Ok((ways, linked.collect()))
}

fn untold(error: FlowError) -> Problem {
    Problem::of_flow(error, Problem::INTERNAL)
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(active) = caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let (ways, providers) = ways(&app, active).await.map_err(untold)?;
    let (next, email, providers) = (next_of(&uri), &active.user.email.display, &providers[..]);
    Ok(with_token(&app, &caller, &headers, |token| {
        view::render(&Page { shell: Shell::new(&app), token, email, next: next.as_str(), ways, providers, alert: None })
    }))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let next = LocalTarget::parse(form.text("next")).unwrap_or_else(LocalTarget::account);
    let proof = match form.sent("code") {
        Some(code) => StepUpProof::Second(SecondProof::Code(code)),
        None => StepUpProof::Password(secret(form.text("current_password"))),
    };
    match app.accounts.step_up(form.caller.visitor(), active, proof).await {
        Ok(signed_in) => {
            let mut response = see_other(next.as_str());
            session::begin(&app, response.headers_mut(), &signed_in);
            Ok(response)
        }
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let (shell, token, email) = (Shell::new(&app), form.token.as_str(), active.user.email.display.as_str());
            let (ways, providers) = ways(&app, active).await.map_err(untold)?;
            let (next, providers) = (next.as_str(), &providers[..]);
            Ok(again(&alert, &Page { shell, token, email, next, ways, providers, alert: Some(&alert) }))
        }
    }
}
