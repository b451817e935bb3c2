//! `GET /api/auth/me`: who the session belongs to.

use axum::response::Response;
use doorward_domain::User;
use doorward_kit::UserId;
use http::StatusCode;
use serde::Serialize;

use super::json;
use crate::extract::Member;

/// What a caller may know of itself (PROF-04).
#[derive(Serialize)]
pub(crate) struct UserMe<'a> {
    id: UserId,
    email: &'a str,
    display_name: &'a str,
    avatar_url: Option<&'a str>,
    bio: Option<&'a str>,
    roles: &'a [String],
    email_verified: bool,
}

impl<'a> UserMe<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            email: &user.email.display,
            display_name: &user.display_name,
            avatar_url: user.avatar_url.as_deref(),
            bio: user.bio.as_deref(),
            roles: &user.roles,
            // An account comes into being by the proof of its address; there is no other kind.
            email_verified: true,
        }
    }
}

pub(crate) async fn show(caller: Member) -> Response {
    json(StatusCode::OK, &UserMe::of(&caller.active().user))
}
