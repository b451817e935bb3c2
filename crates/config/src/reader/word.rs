//! Words that mean nothing here: what was probably meant, and what must not be wished for.

use super::Problem;

pub(super) fn stray_variable<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    let key = name.to_ascii_lowercase();
    if key.contains("cookie") || key.contains("samesite") {
        return no_cookie_settings();
    }
    if looks_secret(&key) {
        return Problem::new("a secret is never given in a DOORWARD variable", "use the key's _file or _env form");
    }
    Problem::new("no such setting", nearest(name, known).map_or(String::new(), |near| format!("did you mean {near}?")))
}

/// The refusal of every cookie setting (SES-02, CFG-04, D-08).
pub(crate) fn no_cookie_settings() -> Problem {
    Problem::new(
        "there is no setting that weakens the cookies",
        "remove it: cookies are always __Host-, Secure and SameSite, in every environment",
    )
}

/// Whether a key, by its name, would hold a secret in clear.
pub(crate) fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let is_reference = key.ends_with("_file") || key.ends_with("_env");
    !is_reference
        && ["password", "passwd", "secret", "token", "pepper", "credential"].iter().any(|word| key.contains(word))
        && !key.contains("password_min")
}

/// The known word that was probably meant: a third of the letters wrong at most, or one word the start of the other.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let letters = name.rsplit("__").next().unwrap_or(name).chars().count();
    let measured = known.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let near = |(distance, candidate): &(usize, &str)| {
        *distance <= (letters / 3).max(1) || candidate.len() > 3 && (name.starts_with(candidate) || candidate.starts_with(name))
    };
    measured.filter(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

pub(super) fn unknown_key(name: &str, asked: &[&'static str]) -> Problem {
    let lower = name.to_ascii_lowercase();
    if lower.contains("cookie") || lower.replace(['_', '-'], "").contains("samesite") {
        return no_cookie_settings();
    }
    let with = |ending: &str| asked.iter().find(|known| known.strip_suffix(ending) == Some(name)).copied();
    if let Some(file) = with("_file") {
        let env = with("_env").map_or(String::new(), |env| format!(", or {env} for the name of a variable"));
        return Problem::new("a secret is never written in the configuration", format!("use {file} for the path of a file{env}"))
            .hidden();
    }
    if looks_secret(name) {
        return Problem::new("a secret is never written in the configuration", "secrets come from *_file or *_env keys only")
            .hidden();
    }
    Problem::new(
        "unknown key",
        nearest(name, asked.iter().copied()).map_or(String::new(), |near| format!("did you mean {near}?")),
    )
    .hidden()
}
