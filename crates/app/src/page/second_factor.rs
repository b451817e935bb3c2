//! `/account/sign-in/second-factor`: the second step of a sign-in.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{PendingSignIn, SecondProof, SecondStep};
use doorward_policy::redirect::LocalTarget;
use http::{HeaderMap, StatusCode, Uri};

use super::view::{self, Shell};
use super::{Alert, again, next_of, query, see_other, with_token};
use crate::app::AppState;
use crate::cookie::Cookies;
use crate::extract::Form;
use crate::gate::escape;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// The one sentence for every cause: a wrong code, one that was used, a sign-in that no longer waits (ENUM-01).
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "That was not right, or it came too late.");

/// What is offered. It travels in the address, since the step is not looked up before it is taken; it opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) passkey: bool,
    pub(super) code: bool,
}

impl Kinds {
    fn of(kinds: &[&str]) -> Self {
        Self { passkey: kinds.contains(&"passkey"), code: kinds.iter().any(|kind| *kind != "passkey") }
    }

    /// Reads [`Self::word`]; whatever else comes offers everything.
    fn parse(word: &str) -> Self {
        match word {
            "passkey" => Self { passkey: true, code: false },
            "code" => Self { passkey: false, code: true },
            _ => Self { passkey: true, code: true },
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self { passkey: true, code: false } => "passkey",
            Self { passkey: false, code: true } => "code",
            _ => "all",
        }
    }
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    next: &'a str,
    kinds: Kinds,
    alert: Option<&'a Alert>,
}

/// Half signed in: to the second step, with a cookie that it brings back.
pub(crate) fn ask(app: &AppState, pending: &PendingSignIn, next: &LocalTarget) -> Response {
    let next = escape(next.as_str());
    let word = Kinds::of(&pending.kinds).word();
    let mut response = see_other(&format!("/account/sign-in/second-factor?with={word}&next={next}"));
    session::wait(app, response.headers_mut(), pending);
    response
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Response {
    let (next, kinds) = (next_of(&uri), Kinds::parse(&query(&uri, "with").unwrap_or_default()));
    with_token(&app, &caller, &headers, |token| {
        view::render(&Page { shell: Shell::new(&app), token, next: next.as_str(), kinds, alert: None })
    })
}

pub(crate) async fn submit(State(app): State<AppState>, headers: HeaderMap, form: Form) -> Result<Response, Problem> {
    let next = LocalTarget::parse(form.text("next")).unwrap_or_else(LocalTarget::account);
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    let step = SecondStep {
        pending: cookies.pending_text(),
        proof: SecondProof::Code(form.text("code")),
        presented: cookies.session_text(),
        device: cookies.device_text(),
    };
    match app.accounts.finish_sign_in(form.caller.visitor(), step).await {
        Ok(signed_in) => {
            let mut response = see_other(next.as_str());
            session::begin_waited(&app, response.headers_mut(), &signed_in);
            Ok(response)
        }
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let kinds = Kinds::parse(form.text("with"));
            let (shell, token) = (Shell::new(&app), form.token.as_str());
            Ok(again(&alert, &Page { shell, token, next: next.as_str(), kinds, alert: Some(&alert) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kinds;

    #[test]
    fn what_is_offered_survives_the_address() {
        for kinds in [&["passkey"][..], &["totp"], &["totp", "recovery_code"], &["passkey", "recovery_code"]] {
            let kinds = Kinds::of(kinds);
            assert_eq!(Kinds::parse(kinds.word()), kinds);
        }
        assert_eq!(Kinds::parse("<b>"), Kinds { passkey: true, code: true });
    }
}
