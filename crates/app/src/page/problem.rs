//! A refusal as a page.

use askama::Template;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::view::{self, Shell};
use super::{see_other, step_up_at};
use crate::app::AppState;
use crate::problem::Problem;
use crate::route::ROUTES;

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    shell: Shell<'a>,
    title: &'static str,
    text: &'static str,
}

/// Draws the problem, or leads to the page where it can be mended; what the JSON answer says beside its body is kept, `Allow` for one.
pub(crate) fn show(app: &AppState, problem: &Problem, asked: (&Method, &Uri), headers: &HeaderMap) -> Response {
    let mut response = match remedy(problem, asked) {
        Some(target) => see_other(&target),
        None => {
            let (title, text) = words(problem.status);
            let mut response = view::render(&Page { shell: Shell::new(app), title, text });
            problem.dress(&mut response);
            response
        }
    };
    for name in [header::ALLOW, header::VARY] {
        for value in headers.get_all(&name) {
            response.headers_mut().append(&name, value.clone());
        }
    }
    response
}

/// Where somebody is led who can do what was asked for after one more step.
fn remedy(problem: &Problem, (method, uri): (&Method, &Uri)) -> Option<String> {
    if problem.detail == Problem::STEP_UP.detail {
        // What was only looked at is come back to as it was; what was sent is not sent again.
        let whole = uri.path_and_query().map(PathAndQuery::as_str).filter(|_| method.is_safe());
        return Some(step_up_at(whole.unwrap_or_else(|| page_of(uri.path()))));
    }
    (problem.detail == Problem::SECOND_FACTOR.detail).then(|| "/account/factors?needed".to_owned())
}

/// The page whose form leads to `path`: itself where it can be opened, else what it lies under.
fn page_of(path: &str) -> &str {
    let is_page = ROUTES.iter().any(|route| route.method == Method::GET && route.path == path);
    match path.rsplit_once('/') {
        Some((parent, _)) if !is_page && !parent.is_empty() => page_of(parent),
        _ => path,
    }
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("That did not work", "The request could not be understood. Please start again."),
        StatusCode::UNAUTHORIZED => ("Please sign in", "This page is only for people who are signed in."),
        StatusCode::FORBIDDEN => {
            ("This form is no longer valid", "It may have been open for too long. Please open it again and repeat your entry.")
        }
        StatusCode::CONFLICT => ("Not possible now", "Something changed meanwhile, or it would leave you without a way in."),
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
