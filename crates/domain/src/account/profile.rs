//! What an account shows of itself (PROF-01 … PROF-06).

use super::model::DISPLAY_NAME_MAX_CHARS;
use super::{ProfileChanges, User, text};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::service::{Accounts, FieldFault, FlowError, Visitor};
use crate::session::ActiveSession;

/// Longest biography, in characters.
const BIO_MAX_CHARS: usize = 2000;
/// Longest address of a picture, in octets.
const AVATAR_MAX_OCTETS: usize = 2048;

pub(crate) async fn update(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    mut changes: ProfileChanges,
) -> Result<User, FlowError> {
    let now = accounts.high_water.now();
    let entry = |outcome| {
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::ProfileUpdated, outcome, now);
        entry.by(active.user.id).in_session(active.session.id)
    };
    // An empty field of a form clears, as null does.
    for change in [&mut changes.avatar_url, &mut changes.bio].into_iter().flatten() {
        *change = change.take().filter(|value| !value.is_empty());
    }
    if let Err(error) = judge(&changes) {
        accounts.commit_entry(entry(Outcome::Failure).because("invalid")).await?;
        return Err(error);
    }
    let mut tx = accounts.begin().await?;
    // Read and written under one lock: of two at once none is lost and no row is mixed (PROF-05).
    let user = tx.users().lookup(active.user.id).await?.ok_or(FlowError::NotThere)?;
    let (user, fields) = apply(user, changes);
    tx.users().set_profile(&user).await?;
    tx.note(entry(Outcome::Success).with(MetaKey::Fields, fields.join(",")));
    tx.commit().await?;
    // The next request of this session sees it; those of others within the cache's second.
    accounts.sessions.evict(active.session.digests());
    Ok(User { password_hash: None, ..user })
}

/// Puts the changes in; says which fields are different now (PROF-06: names, never values).
fn apply(mut user: User, changes: ProfileChanges) -> (User, Vec<&'static str>) {
    let mut fields = Vec::new();
    if let Some(name) = changes.display_name {
        let name = name.unwrap_or_default();
        if user.display_name != name {
            fields.push("display_name");
        }
        user.display_name = name;
    }
    for (field, slot, change) in [("avatar_url", &mut user.avatar_url, changes.avatar_url), ("bio", &mut user.bio, changes.bio)] {
        let Some(value) = change else { continue };
        if *slot != value {
            fields.push(field);
        }
        *slot = value;
    }
    (user, fields)
}

/// All faults at once.
fn judge(changes: &ProfileChanges) -> Result<(), FlowError> {
    let mut faults = Vec::new();
    let mut blame = |field, fault: Option<String>| faults.extend(fault.map(|detail| FieldFault { field, detail }));
    if let Some(Some(name)) = &changes.display_name {
        blame("display_name", text::line_fault(name, DISPLAY_NAME_MAX_CHARS));
    }
    if let Some(Some(bio)) = &changes.bio {
        blame("bio", text::lines_fault(bio, BIO_MAX_CHARS));
    }
    if let Some(Some(url)) = &changes.avatar_url {
        blame("avatar_url", avatar_fault(url));
    }
    if faults.is_empty() { Ok(()) } else { Err(FlowError::Invalid(faults)) }
}

/// Only `https://host/…` in plain ASCII: the value is shown to browsers, never fetched by us (PROF-03).
fn avatar_fault(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://");
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_host = |text: &str| text.parse::<doorward_kit::net::Authority>().is_ok();
    if url.len() > AVATAR_MAX_OCTETS {
        Some(format!("Use at most {AVATAR_MAX_OCTETS} characters"))
    } else if !url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`')) {
        Some("Use an address without spaces, quotes and other special characters".to_owned())
    } else if authority.is_none_or(|authority| authority.contains('@') || !is_host(authority)) {
        Some("Enter an address that begins with https:// and carries no user name".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::avatar_fault;

    #[test]
    fn only_https_addresses_without_credentials_are_taken() {
        for good in ["https://img.example/a.png", "https://img.example:8443/a?b=c#d", "https://xn--bcher-kva.example/"] {
            assert_eq!(avatar_fault(good), None, "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "http://img.example/a",
            "HTTPS://img.example/a",
            "https://u:p@img.example/a",
            "https://u@img.example",
            "https://",
            "https:///a",
            "https://img.example/\u{202e}gnp",
            "https://img.example/a b",
            "https://img.example/\"onerror=",
            "//img.example/a",
            "",
            "https://img.example/\0",
        ] {
            assert!(avatar_fault(bad).is_some(), "{bad}");
        }
        assert!(avatar_fault(&format!("https://img.example/{}", "a".repeat(2048))).is_some());
    }
}
