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
    /// A passkey belongs to a name; a site that is reached by a bare address has none (WebAuthn Level 3 §5.1.2).
    pub(super) has_passkeys: bool,
}

impl<'a> Shell<'a> {
    pub(super) fn new(app: &'a AppState) -> Self {
        let (site, assets) = (&app.policy.site_name, &app.assets);
        let has_passkeys = app.policy.origin.host().ip().is_none();
        Self { site, style: &assets.style, script: &assets.script, icon: &assets.icon, has_passkeys }
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
