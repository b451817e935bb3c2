//! The application that `dev` puts behind the door: a page, an API and an internal UI, each a small server on loopback.
//!
//! They know nothing of accounts; they show what the door told them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PAGE: &str = include_str!("assets/index.html");
const SCRIPT: &str = include_str!("assets/app.js");
const STYLE: &str = include_str!("assets/style.css");
const UI_PAGE: &str = include_str!("assets/admin.html");

/// Where the demo's servers listen.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// The page.
    pub web: SocketAddr,
    /// The API.
    pub api: SocketAddr,
    /// The internal UI.
    pub ui: SocketAddr,
}

/// Starts all three on free ports of loopback; they run until the process ends.
///
/// # Errors
/// When loopback cannot be bound.
pub async fn start() -> std::io::Result<Demo> {
    Ok(Demo { web: spawn(web()).await?, api: spawn(api()).await?, ui: spawn(ui()).await? })
}

async fn spawn(router: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a demo server ended");
        }
    });
    Ok(address)
}

fn web() -> Router {
    let asset = |kind: &'static str, text: &'static str| get(move || async move { ([(header::CONTENT_TYPE, kind)], text) });
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/app.js", asset("text/javascript; charset=utf-8", SCRIPT))
        .route("/style.css", asset("text/css; charset=utf-8", STYLE))
}

fn api() -> Router {
    let notes = Arc::new(AtomicU64::new(0));
    Router::new().route("/api/demo/seen", get(seen)).route("/api/demo/notes", post(add_note)).with_state(notes)
}

async fn seen(headers: HeaderMap) -> Json<Value> {
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
    Json(json!({ "headers": pairs }))
}

async fn add_note(State(notes): State<Arc<AtomicU64>>, Json(body): Json<Value>) -> impl IntoResponse {
    let count = notes.fetch_add(1, Ordering::Relaxed) + 1;
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    Json(json!({ "text": text, "count": count }))
}

fn ui() -> Router {
    Router::new()
        .route("/", get(|| async { Html(UI_PAGE) }))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
}
