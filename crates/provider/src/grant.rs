//! What lets us act for an account at a provider, as it is handed over to be kept (OAUTH-14).

use doorward_kit::Secret;
use serde::{Deserialize, Serialize};

use crate::token::Tokens;

/// The member's name says which kind of token it is (RFC 7009 §2.1).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Grant {
    RefreshToken(String),
    AccessToken(String),
}

/// The longest-lived of what there is.
pub(crate) fn kept(tokens: &Tokens) -> Option<Secret<String>> {
    let grant = match &tokens.refresh_token {
        Some(token) => Grant::RefreshToken(token.expose().clone()),
        None => Grant::AccessToken(tokens.access_token.expose().clone()),
    };
    serde_json::to_string(&grant).ok().map(Secret::new)
}

/// The token and the word for its kind; `None` for what [`kept`] did not write.
pub(crate) fn opened(grant: &Secret<String>) -> Option<(&'static str, Secret<String>)> {
    Some(match serde_json::from_str(grant.expose()).ok()? {
        Grant::RefreshToken(token) => ("refresh_token", Secret::new(token)),
        Grant::AccessToken(token) => ("access_token", Secret::new(token)),
    })
}
