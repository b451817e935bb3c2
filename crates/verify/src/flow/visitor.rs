//! A browser of the run: it keeps cookies and shows the CSRF token that it was given.

use doorward_kit::Secret;
use doorward_policy::{Audience, ControlId};
use serde_json::{Value, json};

use super::cast::Actor;
use super::scene::Scene;
use crate::observer::Answer;
use crate::plan::Vantage;
use crate::probe::{Spec, StatusRule};

/// Readable by script, sent back in `X-CSRF-Token`.
const CSRF: &str = "__Host-doorward_csrf";

/// The credential.
pub(crate) const SESSION: &str = "__Host-doorward_session";

/// Cookies by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    jar: Vec<(String, Secret<String>)>,
    /// Where it comes from.
    pub(crate) vantage: Option<Vantage>,
    /// Leaves from this address instead of that of its vantage.
    pub(crate) source: Option<std::net::IpAddr>,
}

impl Visitor {
    /// Opens the sign-in page for its CSRF cookie.
    pub(crate) async fn arrive(scene: &mut Scene<'_>, id: &str) -> Option<Self> {
        let mut visitor = Self::default();
        let spec = visitor.get(scene, id, Audience::PublicPage, "/account/sign-in");
        visitor.ask(scene, spec).await?;
        visitor.cookie(CSRF).is_some().then_some(visitor)
    }

    /// A GET with the cookies.
    pub(crate) fn get(&self, scene: &Scene<'_>, id: &str, audience: Audience, path: &str) -> Spec {
        let origin = &scene.plan.origin;
        self.dress(Spec::get(id, audience, origin.host(), origin.port(), path))
    }

    /// A request as our own page makes it: JSON, same origin, cookies and CSRF token. `status` is what must come.
    pub(crate) fn send(
        &self,
        scene: &Scene<'_>,
        (id, control): (&str, &'static str),
        (method, path): (&'static str, &str),
        body: &Value,
        status: u16,
    ) -> Spec {
        let origin = &scene.plan.origin;
        let mut spec = self.dress(Spec::get(id, Audience::Api, origin.host(), origin.port(), path)).method(method);
        spec = spec.field("origin", origin.as_str()).field("sec-fetch-site", "same-origin");
        spec = spec.field("content-type", "application/json").body(body.to_string());
        if let Some(token) = self.cookie(CSRF) {
            spec = spec.secret("x-csrf-token", token.expose());
        }
        spec.status = StatusRule::Exactly(status);
        spec.control = ControlId(control);
        spec
    }

    /// Makes a look and keeps the cookies of its answer.
    pub(crate) async fn ask(&mut self, scene: &mut Scene<'_>, spec: Spec) -> Option<Answer> {
        let answer = scene.ask(spec).await?;
        for line in answer.values("set-cookie") {
            scene.canaries.extend(self.keep(line));
        }
        Some(answer)
    }

    /// Signs in with the right password; whether that was answered with 200.
    pub(crate) async fn sign_in(&mut self, scene: &mut Scene<'_>, id: &str, actor: &Actor) -> bool {
        let body = json!({ "email": actor.address, "password": actor.password.expose() });
        let spec = self.send(scene, (id, "SES-07"), ("POST", "/api/auth/login"), &body, 200);
        self.ask(scene, spec).await.is_some_and(|answer| answer.status == 200)
    }

    /// Value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&Secret<String>> {
        self.jar.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Puts a cookie into the jar that no answer set.
    pub(crate) fn plant(&mut self, name: &str, value: Secret<String>) {
        self.jar.retain(|(known, _)| known != name);
        self.jar.push((name.to_owned(), value));
    }

    fn dress(&self, mut spec: Spec) -> Spec {
        if !self.jar.is_empty() {
            let pairs: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
            spec = spec.secret("cookie", &pairs.join("; "));
        }
        spec.vantage = self.vantage.unwrap_or(spec.vantage);
        spec.source = self.source;
        spec
    }

    /// Keeps a cookie, or forgets it; gives its value when that is long enough to be a secret.
    fn keep(&mut self, line: &str) -> Option<Secret<String>> {
        let mut parts = line.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), Secret::new(value.trim().to_owned()));
        self.jar.retain(|(known, _)| known != name);
        if value.expose().is_empty() || parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0")) {
            return None;
        }
        self.jar.push((name.to_owned(), value.clone()));
        (value.expose().len() >= 16).then_some(value)
    }
}
