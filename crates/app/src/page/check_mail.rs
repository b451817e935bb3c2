//! `/account/check-mail`: where every sign-up and every resend ends, whatever came of it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::view::{self, Shell};
use crate::app::AppState;

#[derive(Template)]
#[template(path = "check_mail.html")]
struct Page<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn show(State(app): State<AppState>) -> Response {
    view::render(&Page { shell: Shell::new(&app) })
}
