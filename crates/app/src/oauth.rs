//! The way to a provider and back, as API and pages share it.

use axum::response::Response;
use doorward_domain::ceremony::CeremonyKind;
use doorward_domain::federation::{ProviderFinish, ProviderFinished, ProviderStarted};
use doorward_kit::Secret;
use http::{HeaderMap, StatusCode};

use crate::app::AppState;
use crate::cookie::{self, Cookies};
use crate::guard::Caller;
use crate::problem::Problem;

/// What came back, as it came.
pub(crate) struct Back<'a> {
    pub(crate) provider: &'a str,
    pub(crate) state: &'a str,
    /// None where the provider answered with an error, whose text goes nowhere (OAUTH-18).
    pub(crate) code: Option<&'a str>,
    pub(crate) issuer: Option<&'a str>,
}

/// Binds the way back to this browser (OAUTH-02).
pub(crate) fn keep(app: &AppState, headers: &mut HeaderMap, started: &ProviderStarted) {
    let life = CeremonyKind::Provider.life();
    cookie::add(headers, &app.policy.cookies.provider.set(&started.token.reveal(), Some(life)));
}

/// However it ended: the way is gone. Who was only told to wait, or met a fault of ours, has it still.
pub(crate) fn forget_ended(app: &AppState, response: &mut Response) {
    if !matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        cookie::add(response.headers_mut(), &app.policy.cookies.provider.clear());
    }
}

/// Runs the flow; one refusal for every cause (OAUTH-13).
pub(crate) async fn finish(
    app: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    back: Back<'_>,
) -> Result<ProviderFinished, Problem> {
    let cookies = Cookies::read(headers, &app.policy.cookies);
    let request = ProviderFinish {
        provider: back.provider,
        cookie: cookies.provider_text(),
        state: back.state,
        code: back.code.map(|code| Secret::new(code.to_owned())),
        issuer: back.issuer,
        active: caller.session.as_deref(),
        presented: cookies.session_text(),
        device: cookies.device_text(),
    };
    let outcome = app.accounts.finish_provider(caller.visitor(), request).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::OAUTH_FAILED))
}
