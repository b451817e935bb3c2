//! Stylesheet, script and icon: in the binary, named by their hash, so that a browser may keep them for ever.

use aws_lc_rs::digest;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};

use crate::app::AppState;
use crate::problem::Problem;

const PREFIX: &str = "/assets/doorward/";

/// One file for all pages: a browser fetches it once.
const SCRIPT: &str = concat!(
    include_str!("../../assets/account.js"),
    include_str!("../../assets/passkey.js"),
    include_str!("../../assets/oauth.js")
);

/// One file.
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: String,
    /// For the `integrity` attribute (W3C Subresource Integrity).
    pub(crate) integrity: String,
    media_type: &'static str,
    body: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, body: &'static [u8]) -> Self {
        let hash = digest::digest(&digest::SHA384, body);
        let short: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self {
            path: format!("{PREFIX}{stem}.{short}.{extension}"),
            integrity: format!("sha384-{}", STANDARD.encode(hash)),
            media_type,
            body,
        }
    }
}

/// All of them.
pub(crate) struct AssetSet {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
}

impl AssetSet {
    pub(crate) fn load() -> Self {
        Self {
            style: Asset::new("account", "css", "text/css; charset=utf-8", include_bytes!("../../assets/account.css")),
            script: Asset::new("account", "js", "text/javascript; charset=utf-8", SCRIPT.as_bytes()),
            icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
        }
    }

    fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon].into_iter().find(|asset| asset.path.strip_prefix(PREFIX) == Some(name))
    }
}

pub(crate) async fn show(State(app): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let asset = app.assets.find(&name).ok_or(Problem::NOT_FOUND)?;
    let mut response = asset.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}
