//! A refusal as a page.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};

use super::view::{self, Shell};
use crate::app::AppState;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    shell: Shell<'a>,
    title: &'static str,
    text: &'static str,
}

/// Draws the problem; what the JSON answer says beside its body is kept, `Allow` for one.
pub(crate) fn show(app: &AppState, problem: &Problem, headers: &HeaderMap) -> Response {
    let (title, text) = words(problem.status);
    let mut response = view::render(&Page { shell: Shell::new(app), title, text });
    for name in [header::ALLOW, header::VARY] {
        for value in headers.get_all(&name) {
            response.headers_mut().append(&name, value.clone());
        }
    }
    problem.dress(&mut response);
    response
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("That did not work", "The request could not be understood. Please start again."),
        StatusCode::UNAUTHORIZED => ("Please sign in", "This page is only for people who are signed in."),
        StatusCode::FORBIDDEN => {
            ("This form is no longer valid", "It may have been open for too long. Please open it again and repeat your entry.")
        }
        StatusCode::NOT_FOUND => ("Nothing here", "There is no page at this address."),
        StatusCode::METHOD_NOT_ALLOWED => ("That did not work", "This page cannot be used in that way."),
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("That did not work", "What was sent is not what this form sends. Please start again.")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("One moment, please", "There were too many attempts. Please wait a little and try again.")
        }
        _ => ("Not available at the moment", "Something on our side does not answer. Please try again in a moment."),
    }
}
