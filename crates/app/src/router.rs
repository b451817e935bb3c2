//! Every route on one page: the table of [`crate::route`] meets its handlers.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, patch, post};
use http::{HeaderMap, HeaderValue, header};

use crate::app::AppState;
use crate::guard::{Guard, stand};
use crate::problem::{Problem, ProblemMark};
use crate::route::{Endpoint, ROUTES, Route};
use crate::{api, page};

/// Builds the router. Outermost first: problem shapes, then each route's guard, then its handler.
pub(crate) fn router(app: &AppState) -> Router {
    ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, guarded(app, route)))
        .method_not_allowed_fallback(async || Problem::METHOD_NOT_ALLOWED)
        .fallback(async || Problem::NOT_FOUND)
        .layer(from_fn_with_state(app.clone(), shape))
        .with_state(app.clone())
}

fn guarded(app: &AppState, route: &'static Route) -> MethodRouter<AppState> {
    let guard = Guard { app: app.clone(), route };
    // `route_layer`, not `layer`: a method that is not there must meet no guard, or 405 would differ by session (ERR-05).
    handler(route.endpoint).route_layer(from_fn_with_state(guard, stand))
}

fn handler(endpoint: Endpoint) -> MethodRouter<AppState> {
    match endpoint {
        Endpoint::CsrfToken => get(api::csrf::issue),
        Endpoint::Register => post(api::register::register),
        Endpoint::Login => post(api::login::login),
        Endpoint::Logout => post(api::logout::logout),
        Endpoint::Me => get(api::me::show),
        Endpoint::Profile => patch(api::profile::update),
        Endpoint::DeleteAccount => delete(api::delete_account::delete),
        Endpoint::Export => post(api::export::export),
        Endpoint::VerifyEmail => post(api::verify_email::verify),
        Endpoint::ResendVerification => post(api::verify_email::resend),
        Endpoint::ForgotPassword => post(api::forgot_password::ask),
        Endpoint::ResetPassword => post(api::reset_password::reset),
        Endpoint::ChangePassword => post(api::password::change),
        Endpoint::ChangeEmail => post(api::email::request),
        Endpoint::ConfirmEmail => post(api::email::confirm),
        Endpoint::UndoEmail => post(api::email::undo),
        Endpoint::EndSessions => post(api::end_sessions::end),
        Endpoint::Refresh => post(api::refresh::refresh),
        Endpoint::SessionList => get(api::sessions::list),
        Endpoint::RevokeSession => delete(api::sessions::revoke),
        Endpoint::RevokeOthers => post(api::sessions::revoke_others),
        Endpoint::Health => get(api::health::show),
        Endpoint::CspReport => post(api::csp_report::take),
        Endpoint::Jwks => get(api::jwks::show),
        Endpoint::Asset => get(page::asset::show),
        Endpoint::SignUpForm => get(page::sign_up::form),
        Endpoint::SignUp => post(page::sign_up::submit),
        Endpoint::CheckMail => get(page::check_mail::show),
        Endpoint::VerifyForm => get(page::verify::form),
        Endpoint::Verify => post(page::verify::submit),
        Endpoint::ResendForm => get(page::resend::form),
        Endpoint::Resend => post(page::resend::submit),
        Endpoint::SignInForm => get(page::sign_in::form),
        Endpoint::SignIn => post(page::sign_in::submit),
        Endpoint::SignOut => post(page::sign_out::submit),
        Endpoint::Gate => get(page::gate::show),
        Endpoint::ForgotForm => get(page::forgot::form),
        Endpoint::Forgot => post(page::forgot::submit),
        Endpoint::ResetForm => get(page::reset::form),
        Endpoint::Reset => post(page::reset::submit),
        Endpoint::Account => get(page::account::show),
        Endpoint::ProfileForm => get(page::profile::form),
        Endpoint::ProfileSave => post(page::profile::submit),
        Endpoint::PasswordForm => get(page::password::form),
        Endpoint::PasswordSave => post(page::password::submit),
        Endpoint::EmailForm => get(page::email::form),
        Endpoint::EmailSave => post(page::email::submit),
        Endpoint::ConfirmEmailForm => get(page::email_link::confirm_form),
        Endpoint::ConfirmEmailSave => post(page::email_link::confirm),
        Endpoint::UndoEmailForm => get(page::email_link::undo_form),
        Endpoint::UndoEmailSave => post(page::email_link::undo),
        Endpoint::EndSessionsForm => get(page::end_sessions::form),
        Endpoint::EndSessionsSave => post(page::end_sessions::submit),
        Endpoint::SessionsPage => get(page::sessions::show),
        Endpoint::SessionEnd => post(page::sessions::end),
        Endpoint::SessionsEnd => post(page::sessions::end_others),
        Endpoint::DeviceForget => post(page::sessions::forget),
        Endpoint::ExportFile => post(page::export::file),
        Endpoint::DeleteForm => get(page::delete::form),
        Endpoint::Delete => post(page::delete::submit),
        Endpoint::LoginSecondFactor => post(api::second_factor::finish),
        Endpoint::PasskeyOptions => post(api::passkey::options),
        Endpoint::PasskeyLogin => post(api::passkey::login),
        Endpoint::FactorList => get(api::factors::list),
        Endpoint::OfferTotp => post(api::factors::begin_totp),
        Endpoint::ConfirmTotp => post(api::factors::confirm_totp),
        Endpoint::OfferPasskey => post(api::factors::begin_passkey),
        Endpoint::ConfirmPasskey => post(api::factors::confirm_passkey),
        Endpoint::RenameFactor => patch(api::factors::rename),
        Endpoint::RemoveFactor => delete(api::factors::remove),
        Endpoint::RecoveryCodes => post(api::factors::renew_codes),
        Endpoint::StepUp => post(api::step_up::prove),
        Endpoint::StepUpOptions => post(api::step_up::options),
        Endpoint::SecondFactorForm => get(page::second_factor::form),
        Endpoint::SecondFactor => post(page::second_factor::submit),
        Endpoint::FactorsPage => get(page::factors::show),
        Endpoint::FactorRename => post(page::factors::rename),
        Endpoint::FactorRemove => post(page::factors::remove),
        Endpoint::TotpForm => get(page::totp::form),
        Endpoint::TotpOffer => post(page::totp::offer),
        Endpoint::TotpSave => post(page::totp::save),
        Endpoint::PasskeyForm => get(page::passkey::form),
        Endpoint::RecoveryCodesForm => get(page::recovery_codes::form),
        Endpoint::RecoveryCodesSave => post(page::recovery_codes::submit),
        Endpoint::StepUpForm => get(page::step_up::form),
        Endpoint::StepUpSend => post(page::step_up::submit),
        Endpoint::ProviderList => get(api::oauth::list),
        Endpoint::ProviderStart => post(api::oauth::start),
        Endpoint::ProviderFinish => post(api::oauth::finish),
        Endpoint::ProviderUnlink => delete(api::oauth::unlink),
        Endpoint::ProviderForm => get(page::oauth::show),
        Endpoint::ProviderReturn => post(page::oauth::finish),
        Endpoint::ProviderGo => post(page::oauth::start),
        Endpoint::Connections => get(page::connections::show),
        Endpoint::ConnectionEnd => post(page::connections::unlink),
    }
}

/// Shows a problem in the shape that its reader can use: a page under `/account`, else JSON, as `problem+json` when asked (D-09).
async fn shape(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_page = path == "/account" || path.starts_with("/account/");
    let page = is_page.then(|| (request.method().clone(), request.uri().clone()));
    let wants_problem = accepts_problem_json(request.headers());
    let mut response = next.run(request).await;
    let Some(ProblemMark(problem)) = response.extensions_mut().remove() else { return response };
    if let Some((method, uri)) = page {
        return page::problem::show(&app, &problem, (&method, &uri), response.headers());
    }
    if wants_problem {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
    response.headers_mut().append(header::VARY, HeaderValue::from(header::ACCEPT));
    response
}

fn accepts_problem_json(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/problem+json")))
}
