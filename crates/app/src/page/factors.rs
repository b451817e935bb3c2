//! `/account/factors`: the second factors of an account (D-14).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{FactorKind, FactorSummary};
use doorward_domain::service::FlowError;
use doorward_kit::Timestamp;
use doorward_kit::id::FactorId;
use http::{HeaderMap, Uri};

use super::view::{self, Shell};
use super::{see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

const HERE: &str = "/account/factors";

#[derive(Template)]
#[template(path = "factors.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    rows: &'a [Row],
    recovery_codes: u32,
    /// Whether nothing else can be done before there is one.
    is_needed: bool,
    done: Option<Done>,
}

impl Page<'_> {
    fn has_totp(&self) -> bool {
        self.rows.iter().any(|row| row.is_totp)
    }
}

/// One factor, in words.
struct Row {
    id: FactorId,
    name: String,
    is_totp: bool,
    added_at: String,
    used_at: Option<String>,
}

impl Row {
    fn new(factor: &FactorSummary) -> Self {
        let day = |at: Timestamp| at.strftime("%-d %B %Y").to_string();
        Self {
            id: factor.id,
            name: factor.name.clone(),
            is_totp: factor.kind == FactorKind::Totp,
            added_at: day(factor.created_at),
            used_at: factor.last_used_at.map(day),
        }
    }
}

/// What led here, in words of ours.
struct Done {
    text: &'static str,
    is_bad: bool,
}

fn done(query: &str) -> Option<Done> {
    let (text, is_bad) = match query {
        "done=added" => ("It is added. From now on it is asked for when you sign in.", false),
        "done=renamed" => ("It has its new name.", false),
        "done=removed" => ("It is removed.", false),
        "not=name" => ("A name has 1 to 60 characters.", true),
        "not=last" => ("Your role needs a second factor: add another one before you remove this.", true),
        "not=more" => ("There is no room for another one of its kind.", true),
        _ => return None,
    };
    Some(Done { text, is_bad })
}

pub(crate) async fn show(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(active) = caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let list = app.accounts.list_factors(active).await.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    let rows: Vec<_> = list.factors.iter().map(Row::new).collect();
    let (is_needed, recovery_codes) = (app.accounts.needs_second_factor(active), list.recovery_codes);
    Ok(with_token(&app, &caller, &headers, |token| {
        let done = done(uri.query().unwrap_or_default());
        view::render(&Page { shell: Shell::new(&app), token, rows: &rows, recovery_codes, is_needed, done })
    }))
}

pub(crate) async fn rename(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let id = form.text("id").parse().map_err(|_| Problem::NOT_FOUND)?;
    match app.accounts.rename_factor(form.caller.visitor(), active, id, form.text("name")).await {
        Ok(()) => Ok(see_other("/account/factors?done=renamed")),
        Err(FlowError::Invalid(_)) => Ok(see_other("/account/factors?not=name")),
        Err(error) => Err(Problem::of_flow(error, Problem::NOT_FOUND)),
    }
}

pub(crate) async fn remove(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let id = form.text("id").parse().map_err(|_| Problem::NOT_FOUND)?;
    match app.accounts.remove_factor(form.caller.visitor(), active, id).await {
        Ok(signed_in) => {
            let mut response = see_other("/account/factors?done=removed");
            session::begin(&app, response.headers_mut(), &signed_in);
            Ok(response)
        }
        Err(FlowError::LastOfItsKind) => Ok(see_other("/account/factors?not=last")),
        Err(error) => Err(Problem::of_flow(error, Problem::NOT_FOUND)),
    }
}
