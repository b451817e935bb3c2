//! What every page is drawn with.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use super::asset::Asset;
use crate::app::AppState;
use crate::problem::Problem;

/// The frame of a page.
pub(super) struct Shell<'a> {
    pub(super) site: &'a str,
    pub(super) style: &'a Asset,
    pub(super) script: &'a Asset,
    pub(super) icon: &'a Asset,
}

impl<'a> Shell<'a> {
    pub(super) fn new(app: &'a AppState) -> Self {
        Self { site: &app.policy.site_name, style: &app.assets.style, script: &app.assets.script, icon: &app.assets.icon }
    }
}

/// Draws a page for one reader only: it may hold a token or a name (SES-15).
pub(super) fn render(page: &impl Template) -> Response {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(message = "a page could not be drawn", error = %error);
            return Problem::INTERNAL.into_response();
        }
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
