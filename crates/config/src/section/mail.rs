//! `[mail]`

use doorward_kit::Host;

use crate::model::{Mail, MailTransport};
use crate::reader::{Item, Problem, Section};
use crate::value::not_yet;

pub(crate) fn mail(section: &Section<'_>) -> Option<Mail> {
    let transport = section.or("url", MailTransport::File, url);
    let from = section.required("from", "who mails come from, such as \"App <no-reply@example.com>\"", mailbox);
    section.refuse("password_file", not_yet("SMTP"));
    section.finish();
    Some(Mail { transport: transport?, from: from?.value })
}

fn url(item: &Item<'_>) -> Result<MailTransport, Problem> {
    match item.text()? {
        "file" => Ok(MailTransport::File),
        text if text.starts_with("smtp") => Err(not_yet("SMTP").hidden()),
        _ => Err(Problem::new("is no mail transport", "\"file\"").hidden()),
    }
}

/// One mailbox: `local@domain`, or `Name <local@domain>` (RFC 5322 §3.4), in ASCII address characters.
fn mailbox(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?.trim();
    let address = match text.split_once('<') {
        Some((name, rest)) if is_display_name(name.trim()) => rest.strip_suffix('>'),
        Some(_) => None,
        None => Some(text),
    };
    if address.is_some_and(is_address) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not one mailbox", "such as \"App <no-reply@example.com>\""))
    }
}

fn is_display_name(name: &str) -> bool {
    name.chars().count() <= 60 && !name.contains(|c: char| c.is_control() || "<>@,;:\"\\()[]".contains(c))
}

fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let atoms = (1..=64).contains(&local.len())
        && !local.split('.').any(str::is_empty)
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b));
    atoms && domain.is_ascii() && domain.parse::<Host>().is_ok_and(|host| host.ip().is_none())
}
