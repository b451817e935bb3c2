//! `/account/profile`: what the account shows of itself.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::account::ProfileChanges;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "profile.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    display_name: &'a str,
    avatar_url: &'a str,
    bio: &'a str,
    alert: Option<&'a Alert>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first("/account/profile") };
    let user = &active.user;
    with_token(&app, &caller, &headers, |token| {
        view::render(&Page {
            shell: Shell::new(&app),
            token,
            display_name: &user.display_name,
            avatar_url: user.avatar_url.as_deref().unwrap_or_default(),
            bio: user.bio.as_deref().unwrap_or_default(),
            alert: None,
        })
    })
}

/// An emptied field is a cleared one; a field that the form did not send stays.
pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first("/account/profile")) };
    let wish = |name| form.sent(name).map(|text| (!text.is_empty()).then(|| text.to_owned()));
    let changes = ProfileChanges { display_name: wish("display_name"), avatar_url: wish("avatar_url"), bio: wish("bio") };
    match app.accounts.update_profile(form.caller.visitor(), active, changes).await {
        Ok(_user) => Ok(see_other("/account?done=profile")),
        Err(error) => {
            let alert = Alert::of_flow(error, (StatusCode::BAD_REQUEST, "That could not be saved."))?;
            let page = Page {
                shell: Shell::new(&app),
                token: &form.token,
                display_name: form.text("display_name"),
                avatar_url: form.text("avatar_url"),
                bio: form.text("bio"),
                alert: Some(&alert),
            };
            Ok(again(&alert, &page))
        }
    }
}
