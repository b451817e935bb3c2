//! `PATCH /api/auth/me`: `{display_name?, avatar_url?, bio?}` → 200 with the account as it is then (PROF-01, PROF-05).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::account::ProfileChanges;
use http::StatusCode;

use super::json;
use super::me::UserMe;
use crate::app::AppState;
use crate::extract::{JsonObject, Member as Caller, json::Member};
use crate::problem::Problem;

/// All that may be changed; any other name spoils the request, so that nobody believes to have changed what stays (PROF-01).
const FIELDS: [&str; 3] = ["display_name", "avatar_url", "bio"];

pub(crate) async fn update(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    if !body.has_only(&FIELDS) {
        return Err(Problem::INVALID_REQUEST);
    }
    body.check_text(&FIELDS)?;
    let changes = ProfileChanges {
        display_name: wish(&body, "display_name"),
        avatar_url: wish(&body, "avatar_url"),
        bio: wish(&body, "bio"),
    };
    let outcome = app.accounts.update_profile(caller.visitor(), caller.active(), changes).await;
    let user = outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_REQUEST))?;
    Ok(json(StatusCode::OK, &UserMe::of(&user)))
}

/// Absent keeps, `null` clears (RFC 7396).
fn wish(body: &JsonObject, name: &str) -> Option<Option<String>> {
    body.has(name).then(|| match body.member(name) {
        Member::Text(text) => Some(text.to_owned()),
        Member::Absent | Member::Other => None,
    })
}
