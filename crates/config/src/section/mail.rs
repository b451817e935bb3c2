//! `[mail]`

use doorward_kit::Host;

use super::Scene;
use super::remote::{Address, Credentials, credentials};
use crate::model::{Mail, MailTransport, Protection};
use crate::reader::{Item, Problem, Section};
use crate::value;

const EXAMPLE: &str = "smtps://app@mail.example.com:465";
const HOUR: u64 = 3600;

pub(crate) fn mail(section: &Section<'_>, scene: &Scene<'_>) -> Option<Mail> {
    let url = section.or("url", None, |item| url(item, scene));
    let credentials = credentials(section, scene);
    let from = section.required("from", "who mails come from, such as \"App <no-reply@example.com>\"", mailbox);
    let usual = Mail::to_files("");
    let queue_max = section.or("queue_max", usual.queue_max, |item| item.whole(100..=1_000_000));
    let retry_first = section.or("retry_first", usual.retry_first, |item| value::duration(item, &value::seconds(1, HOUR)));
    let give_up = section.or("give_up", usual.give_up, |item| value::duration(item, &value::seconds(600, 7 * 24 * HOUR)));
    section.finish();
    let transport = transport(section, url?, credentials?)?;
    Some(Mail { transport, from: from?.value, queue_max: queue_max?, retry_first: retry_first?, give_up: give_up? })
}

fn transport(section: &Section<'_>, url: Option<(Address, Protection)>, credentials: Credentials) -> Option<MailTransport> {
    let Some((address, protection)) = url else {
        return credentials.refuse_all(section, "file").map(|()| MailTransport::File);
    };
    let unsure = |key: &str, problem: &str, hint: &str| {
        section.blame(key, Problem::new(problem, hint));
        None
    };
    match (protection, &address.user, &credentials.password) {
        (_, Some(_), None) => unsure("password_file", "is missing", "url names a user: give its password, or remove the user"),
        (_, None, Some(_)) => unsure("url", "names no user for the password", "such as \"smtps://app@mail.example.com:465\""),
        (Protection::Plain, Some(_), _) => unsure("url", "would send the password in clear", "use smtps:// or smtp://"),
        _ => Some(MailTransport::Smtp(credentials.reach(&address, protection))),
    }
}

/// `smtp://` means that STARTTLS must succeed. Mail in clear has a word of its own, for a catcher on a developer's machine
/// (EMAIL-10).
fn url(item: &Item<'_>, scene: &Scene<'_>) -> Result<Option<(Address, Protection)>, Problem> {
    let text = item.text()?;
    if text == "file" {
        return Ok(None);
    }
    if !text.starts_with("smtp") {
        return Err(Problem::new("is no mail transport", format!("\"file\" or \"{EXAMPLE}\"")).hidden());
    }
    let address = Address::parse(text, &[("smtps", 465), ("smtp", 587), ("smtp-plain", 25)], EXAMPLE)?;
    if !matches!(address.path.as_deref(), None | Some("")) {
        return Err(Problem::new("has something after the port", format!("such as \"{EXAMPLE}\"")).hidden());
    }
    let protection = match address.scheme {
        "smtps" => Protection::Tls,
        "smtp" => Protection::StartTls,
        _ if scene.is_development() && address.is_loopback() => Protection::Plain,
        _ => {
            let hint = "use smtps://, or smtp:// for STARTTLS; smtp-plain:// is for this machine in development";
            return Err(Problem::new("would send mail in clear", hint).hidden());
        }
    };
    Ok(Some((address, protection)))
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
