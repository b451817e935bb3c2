//! `POST /account/export`: the button that saves a copy of one's own data.

use axum::extract::State;
use axum::response::Response;

use super::sign_in_first;
use crate::api;
use crate::app::AppState;
use crate::extract::Form;
use crate::problem::Problem;

pub(crate) async fn file(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first("/account")) };
    api::export::file(&app, form.caller.visitor(), active).await
}
