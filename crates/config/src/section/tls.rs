//! `[tls]`

use super::Scene;
use crate::model::Tls;
use crate::reader::{Item, Problem, Section};
use crate::value::{self, not_yet};

#[derive(Clone, Copy)]
enum Source {
    SelfSigned,
    Files,
}

pub(crate) fn tls(section: &Section<'_>, scene: &Scene<'_>) -> Option<Tls> {
    let source = section.required("source", "files, or self-signed in development", source);
    let certificate = section.maybe("certificate", |item| value::path(item, scene.base));
    let key = section.maybe("key", |item| value::path(item, scene.base));
    // No spelling of another certification authority exists (TLS-01, TLS-05).
    for other in ["directory", "acme_directory", "acme", "ca", "ca_server", "server", "resolver"] {
        section.refuse(other, production());
    }
    section.refuse("email", not_yet("ordering certificates"));
    section.finish();
    match source?.value {
        Source::SelfSigned if scene.is_development() => Some(Tls::SelfSigned),
        Source::SelfSigned => {
            section.blame("source", Problem::new("self-signed certificates are for development only", "use source = \"files\""));
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
        "le-staging" => Err(not_yet("ordering certificates (le-staging)")),
        text if names_an_authority(text) => Err(production()),
        _ => Err(Problem::new("is none of the choices", "\"files\", or \"self-signed\" in development")),
    }
}

fn names_an_authority(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = ["acme", "encrypt", "le-", "le_", "letsenc", "prod", "zerossl", "google", "buypass", "ssl.com", "://"];
    words.iter().any(|word| text.contains(word)) || text == "le"
}

fn production() -> Problem {
    Problem::new("production issuance is disallowed", "no setting or variable lifts this; use source = \"files\"")
}
