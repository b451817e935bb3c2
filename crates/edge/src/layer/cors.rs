//! Which other sites' pages may read an answer, and the answer to those that only ask (CSRF-12).

use doorward_policy::cors::is_preflight;
use doorward_policy::{BuiltIn, CorsPolicy, Target};
use http::request::Parts;
use http::{Response, StatusCode};

use super::seen::Seen;
use crate::body::{self, EdgeBody};

/// Notes what the answer will say, and gives the answer to a preflight: it carries no session, so it must not meet admission, and what
/// an upstream would answer is stripped anyway. With nobody listed everything is left as it is.
pub(crate) fn answer(policy: &CorsPolicy, target: &Target<'_>, head: &Parts, seen: &mut Seen) -> Option<Response<EdgeBody>> {
    if policy.is_empty() || !is_shared(target) {
        return None;
    }
    seen.cors = policy.grant(&head.method, &head.headers);
    is_preflight(&head.method, &head.headers).then(|| {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    })
}

/// Pages of the accounts hold forms and tokens; a gate's UI is for operators alone. Neither is ever shared.
fn is_shared(target: &Target<'_>) -> bool {
    match target {
        Target::Route(_) | Target::BuiltIn(BuiltIn::Api) => true,
        Target::BuiltIn(BuiltIn::Page | BuiltIn::TokenPage | BuiltIn::Asset) | Target::Gate(_) | Target::NoPath(_) => false,
    }
}
