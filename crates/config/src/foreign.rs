//! Variables by which other programs weaken cookies. They mean nothing here, and whoever sets one believes that they do:
//! outside development the start is refused instead of the wish being ignored (SES-02, CFG-04).

use crate::reader::{At, Reader, no_cookie_settings};
use crate::section::Scene;

pub(crate) fn refuse(reader: &Reader<'_>, scene: &Scene<'_>) {
    if scene.is_development() {
        return;
    }
    for name in [
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "COOKIE_SECURE",
        "SESSION_COOKIE_SECURE",
        "COOKIE_SAMESITE",
        "SESSION_COOKIE_SAMESITE",
    ] {
        let Some(value) = reader.env().get(name) else { continue };
        if weakens(name, value.trim()) {
            reader.fault("", At::Variable(name.to_owned()), no_cookie_settings());
        }
    }
}

fn weakens(name: &str, value: &str) -> bool {
    if name.ends_with("_NAME") {
        !value.starts_with("__Host-")
    } else if name.ends_with("_SECURE") {
        !matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
    } else {
        !matches!(value.to_ascii_lowercase().as_str(), "lax" | "strict")
    }
}
