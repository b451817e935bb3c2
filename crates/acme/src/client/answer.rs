//! What an answer may contain before the library sees it.
//!
//! Every address in it that the session could turn to is judged here, at once and not only when it is used, so that an authority that
//! names a foreign address is caught even where that address would never be asked.

use std::time::Duration;

use bytes::Bytes;
use doorward_kit::Timestamp;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue, LINK, LOCATION, RETRY_AFTER};

use crate::backoff::later;
use crate::directory::Directory;
use crate::fault::Fault;
use crate::port::UrlClass;

/// What a directory may name (RFC 8555 §7.1.1, RFC 9773 §4.1). Other entries are ignored, as the RFC asks and as the authority tests
/// by adding entries that point to its forum.
const RESOURCES: [&str; 7] = ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo"];
/// Addresses in the objects of a session: orders, authorizations, challenges, accounts (RFC 8555 §7.1.2 to §7.1.5).
const MEMBERS: [&str; 5] = ["authorizations", "finalize", "certificate", "orders", "url"];
/// Objects of a session nest three deep: authorization, challenges, challenge.
const DEEPEST: usize = 4;

/// Judges one answer to a request for `url`.
pub(super) fn judge(answer: &Response<Bytes>, url: &str, directory: &Directory) -> Result<(), Fault> {
    if answer.status().is_redirection() {
        return Err(Fault::Refused(UrlClass::Redirect));
    }
    for location in answer.headers().get_all(LOCATION) {
        permitted(location.to_str().map_err(|_| Fault::Refused(UrlClass::Spelling))?, directory)?;
    }
    for link in answer.headers().get_all(LINK) {
        judge_link(link, directory)?;
    }
    if answer.body().is_empty() {
        return Ok(());
    }
    match media_type(answer) {
        Some("application/json" | "application/problem+json") => judge_json(answer.body(), url, directory),
        Some("application/pem-certificate-chain") => Ok(()),
        _ => Err(Fault::Answer),
    }
}

fn permitted(url: &str, directory: &Directory) -> Result<(), Fault> {
    directory.permits(url).map_err(Fault::Refused)
}

fn media_type(answer: &Response<Bytes>) -> Option<&str> {
    let text = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    text.split(';').next().map(str::trim)
}

/// `<url>;rel="index", …`. The terms of service are a page for people and lie elsewhere; nothing here asks for them.
fn judge_link(field: &HeaderValue, directory: &Directory) -> Result<(), Fault> {
    let text = field.to_str().map_err(|_| Fault::Refused(UrlClass::Spelling))?;
    for link in text.split(",<").flat_map(|part| part.split(", <")) {
        let link = link.trim().trim_start_matches('<');
        let (target, parameters) = link.split_once('>').ok_or(Fault::Refused(UrlClass::Spelling))?;
        let for_people = parameters.split(';').any(|parameter| {
            matches!(parameter.trim(), "rel=\"terms-of-service\"" | "rel=terms-of-service" | "rel=\"help\"" | "rel=help")
        });
        if !for_people {
            permitted(target, directory)?;
        }
    }
    Ok(())
}

fn judge_json(body: &[u8], url: &str, directory: &Directory) -> Result<(), Fault> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| Fault::Answer)?;
    if url == directory.url() {
        let found = RESOURCES.iter().filter_map(|name| value.get(name));
        return found.map(|entry| entry.as_str().ok_or(Fault::Answer)).try_for_each(|entry| permitted(entry?, directory));
    }
    judge_members(&value, directory, 0)
}

/// Members that the session could follow, wherever they stand.
fn judge_members(value: &serde_json::Value, directory: &Directory, depth: usize) -> Result<(), Fault> {
    use serde_json::Value;
    if depth > DEEPEST {
        return Err(Fault::Answer);
    }
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, member)| match member {
            Value::String(text) if MEMBERS.contains(&name.as_str()) => permitted(text, directory),
            Value::Array(entries) if name == "authorizations" => {
                entries.iter().try_for_each(|entry| permitted(entry.as_str().ok_or(Fault::Answer)?, directory))
            }
            // A record of what the authority's validation visited: the site's own addresses, which nobody here follows.
            _ if name == "validationRecord" => Ok(()),
            other => judge_members(other, directory, depth + 1),
        }),
        Value::Array(entries) => entries.iter().try_for_each(|entry| judge_members(entry, directory, depth + 1)),
        _ => Ok(()),
    }
}

/// Until when the authority wants to be left alone; both forms of RFC 9110 §10.2.3. Only of answers that refuse: elsewhere the field
/// says when to look again, which the library heeds.
pub(super) fn retry_at(answer: &Response<Bytes>, now: Timestamp) -> Option<Timestamp> {
    if answer.status().is_success() {
        return None;
    }
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(later(now, Duration::from_secs(seconds)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Timestamp::try_from(date).ok()
}
