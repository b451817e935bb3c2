//! `[tls]`

use super::Scene;
use crate::model::Tls;
use crate::reader::{Item, Located, Problem, Section};
use crate::value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    SelfSigned,
    Files,
    LeStaging,
}

pub(crate) fn tls(section: &Section<'_>, scene: &Scene<'_>) -> Option<Tls> {
    let source = section.required("source", "files, le-staging, or self-signed in development", source);
    let certificate = section.maybe("certificate", |item| value::path(item, scene.base));
    let key = section.maybe("key", |item| value::path(item, scene.base));
    // No spelling of another certification authority exists (TLS-01, TLS-05).
    for other in ["directory", "acme_directory", "acme", "ca", "ca_server", "server", "resolver"] {
        section.refuse(other, production());
    }
    let email = section.maybe("email", email);
    section.finish();
    let source = source?.value;
    if source == Source::LeStaging {
        [&certificate, &key].into_iter().flatten().flatten().for_each(|path| ignored(section, path));
    }
    if source != Source::LeStaging
        && let Some(Some(email)) = &email
    {
        ignored(section, email);
    }
    match source {
        Source::LeStaging => Some(Tls::LeStaging { email: email?.map(|email| email.value) }),
        Source::SelfSigned if scene.is_development() => Some(Tls::SelfSigned),
        Source::SelfSigned => {
            section.blame(
                "source",
                Problem::new("self-signed certificates are for development only", "use source = \"le-staging\" or \"files\""),
            );
            None
        }
        Source::Files => {
            let (certificate, key) = (certificate?, key?);
            for (name, value) in [("certificate", &certificate), ("key", &key)] {
                if value.is_none() {
                    section.blame(name, Problem::new("is missing", "the path of a PEM file"));
                }
            }
            Some(Tls::Files { certificate: certificate?.value, key: key?.value })
        }
    }
}

fn source(item: &Item<'_>) -> Result<Source, Problem> {
    match item.text()? {
        "self-signed" => Ok(Source::SelfSigned),
        "files" => Ok(Source::Files),
        "le-staging" => Ok(Source::LeStaging),
        text if names_an_authority(text) => Err(production()),
        _ => Err(Problem::new("is none of the choices", "\"le-staging\", \"files\", or \"self-signed\" in development")),
    }
}

fn ignored<T>(section: &Section<'_>, located: &Located<T>) {
    section.reader.blame(located, Problem::new("means nothing with this source", "remove the line, or change tls.source"));
}

/// One address, written plainly: it goes into a `mailto:` as it is (RFC 8555 §7.3 allows neither fields nor a second address).
fn email(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let is_plain = |part: &str, signs: &[u8]| {
        (1..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
    };
    match text.split_once('@') {
        Some((local, host)) if is_plain(local, b"._+-") && host.contains('.') && host.parse::<doorward_kit::Host>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err(Problem::new("is not a plain address", "one address alone, such as \"ops@example.com\"")),
    }
}

fn names_an_authority(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = ["acme", "encrypt", "le-", "le_", "letsenc", "prod", "zerossl", "google", "buypass", "ssl.com", "://"];
    words.iter().any(|word| text.contains(word)) || text == "le"
}

fn production() -> Problem {
    Problem::new(
        "production issuance is disallowed",
        "no setting or variable lifts this; use source = \"le-staging\", or \"files\"",
    )
}
