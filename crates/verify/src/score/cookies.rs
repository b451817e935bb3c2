//! The test of cookies.

use super::subject::Subject;

/// From best to worst; the worst that any cookie shows counts.
const WORST_LAST: [&str; 7] = [
    "cookies-without-secure-flag-but-protected-by-hsts",
    "cookies-without-secure-flag",
    "cookies-session-without-secure-flag-but-protected-by-hsts",
    "cookies-samesite-flag-invalid",
    "cookies-anticsrf-without-samesite-flag",
    "cookies-session-without-httponly-flag",
    "cookies-session-without-secure-flag",
];

struct Cookie {
    name: String,
    secure: bool,
    http_only: bool,
    same_site: Option<String>,
    is_misspelt: bool,
}

pub(super) fn test(subject: &Subject, hsts: bool) -> &'static str {
    let all: Vec<Cookie> = subject.values("set-cookie").filter_map(read).collect();
    // A browser keeps none of these, and neither does the scanner's jar.
    let kept: Vec<&Cookie> = all.iter().filter(|cookie| cookie.secure || !has_prefix(&cookie.name)).collect();
    if kept.is_empty() {
        return "cookies-not-found";
    }
    let misspelt = all.iter().filter(|cookie| cookie.is_misspelt).map(|_| "cookies-samesite-flag-invalid");
    let found = misspelt.chain(kept.iter().flat_map(|cookie| faults(cookie, hsts)));
    let worst = found.max_by_key(|fault| WORST_LAST.iter().position(|known| known == fault));
    match worst {
        Some(fault) => fault,
        None if kept.iter().all(|cookie| cookie.same_site.is_some()) => "cookies-secure-with-httponly-sessions-and-samesite",
        None => "cookies-secure-with-httponly-sessions",
    }
}

fn has_prefix(name: &str) -> bool {
    name.starts_with("__Host-") || name.starts_with("__Secure-")
}

fn faults(cookie: &Cookie, hsts: bool) -> Vec<&'static str> {
    let name = cookie.name.to_lowercase();
    let is_session = name.contains("login") || name.contains("sess");
    let mut faults = Vec::new();
    if !cookie.secure {
        faults.push(if hsts { WORST_LAST[0] } else { WORST_LAST[1] });
        if cookie.same_site.as_deref() == Some("none") {
            faults.push("cookies-samesite-flag-invalid");
        }
        if is_session {
            faults.push(if hsts { WORST_LAST[2] } else { WORST_LAST[6] });
        }
    }
    if name.contains("csrf") && cookie.same_site.is_none() {
        faults.push("cookies-anticsrf-without-samesite-flag");
    }
    if is_session && !cookie.http_only {
        faults.push("cookies-session-without-httponly-flag");
    }
    faults
}

fn read(line: &str) -> Option<Cookie> {
    let mut parts = line.split(';').map(str::trim);
    let (name, _) = parts.next()?.split_once('=')?;
    let name = name.trim().to_owned();
    let mut cookie = Cookie { name, secure: false, http_only: false, same_site: None, is_misspelt: false };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim().to_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => {
                let value = value.trim().to_lowercase();
                let is_known = matches!(value.as_str(), "strict" | "lax" | "none");
                cookie.is_misspelt |= !is_known;
                cookie.same_site = is_known.then_some(value);
            }
            _ => {}
        }
    }
    (!cookie.name.is_empty() && cookie.name != "heroku-session-affinity").then_some(cookie)
}
