//! `/account/connections`: the providers that an account is linked with (OAUTH-10, OAUTH-12).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::ActiveSession;
use doorward_domain::federation::Identity;
use doorward_domain::service::FlowError;
use http::{HeaderMap, Uri};

use super::view::{self, Shell};
use super::{password_or_step_up, secret, see_other, sign_in_first, step_up_at, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

const HERE: &str = "/account/connections";

#[derive(Template)]
#[template(path = "connections.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    rows: &'a [Row],
    /// Whether the password is asked for before a link is ended.
    asks_password: bool,
    email: &'a str,
    done: Option<Done>,
}

/// One provider, in words.
struct Row {
    name: String,
    label: String,
    linked_at: Option<String>,
    /// Whether it can be linked at all: a link may be left of one that is configured no longer.
    is_offered: bool,
}

/// What led here, in words of ours.
struct Done {
    text: &'static str,
    is_bad: bool,
}

fn done(query: &str) -> Option<Done> {
    let (text, is_bad) = match query {
        "done=linked" => ("It is connected. You can sign in with it from now on.", false),
        "done=unlinked" => ("It is no longer connected.", false),
        "not=last" => ("You would have no way to sign in. Choose a password first, or add a passkey.", true),
        "not=proved" => ("The password is not right.", true),
        _ => return None,
    };
    Some(Done { text, is_bad })
}

fn rows(app: &AppState, links: &[Identity]) -> Vec<Row> {
    let since = |name: &str| {
        let link = links.iter().find(|link| link.provider == name);
        link.map(|link| link.created_at.strftime("%-d %B %Y").to_string())
    };
    let row = |name: &str, label: &str, is_offered| Row {
        name: name.to_owned(),
        label: label.to_owned(),
        linked_at: since(name),
        is_offered,
    };
    let providers = app.accounts.providers();
    let mut rows: Vec<Row> = providers.iter().map(|provider| row(provider.name(), provider.label(), true)).collect();
    for link in links {
        if !rows.iter().any(|row| row.name == link.provider) {
            rows.push(row(&link.provider, &link.provider, false));
        }
    }
    rows
}

pub(crate) async fn show(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(active) = caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let links = app.accounts.list_identities(active).await.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    let (rows, asks_password, email) = (rows(&app, &links), asks_password(active), &active.user.email.display);
    Ok(with_token(&app, &caller, &headers, |token| {
        let done = done(uri.query().unwrap_or_default());
        view::render(&Page { shell: Shell::new(&app), token, rows: &rows, asks_password, email, done })
    }))
}

/// Where nothing better can be shown, the password is.
const fn asks_password(active: &ActiveSession) -> bool {
    active.has_password && !active.user.has_second_factor
}

pub(crate) async fn unlink(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    if let Some(first) = password_or_step_up(&app, active, HERE) {
        return Ok(first);
    }
    let current = form.sent("current_password").map(secret);
    match app.accounts.unlink_provider(form.caller.visitor(), active, form.text("provider"), current).await {
        Ok(()) => Ok(see_other("/account/connections?done=unlinked")),
        Err(FlowError::LastOfItsKind) => Ok(see_other("/account/connections?not=last")),
        Err(FlowError::Refused) => Ok(see_other("/account/connections?not=proved")),
        Err(FlowError::StepUpNeeded) => Ok(see_other(&step_up_at(HERE))),
        Err(error) => Err(Problem::of_flow(error, Problem::NOT_FOUND)),
    }
}
