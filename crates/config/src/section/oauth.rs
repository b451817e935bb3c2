//! `[[oauth]]`

use std::path::{Path, PathBuf};

use doorward_kit::Host;

use super::Scene;
use crate::model::{Issuer, OAuth, ProviderKind, SecretSource};
use crate::reader::{Item, Located, Problem, Section};
use crate::value;

const KINDS: &[(&str, ProviderKind)] = &[
    ("google", ProviderKind::Google),
    ("github", ProviderKind::GitHub),
    ("microsoft", ProviderKind::Microsoft),
    ("gitlab", ProviderKind::GitLab),
    ("oidc", ProviderKind::Oidc),
];

const MOST_SCOPES: usize = 16;
const MOST_HOSTS: usize = 8;

/// As read; `None` is a value that was wrong.
pub(crate) struct OAuthDraft {
    pub(crate) name: Option<Located<String>>,
    secret: Option<Located<SecretSource>>,
    rest: Option<Rest>,
}

/// What nothing outside the section is compared with.
struct Rest {
    provider: ProviderKind,
    label: String,
    issuer: Option<Issuer>,
    client_id: String,
    scopes: Vec<String>,
    link_by_address: bool,
    keep_grant: bool,
    ca_file: Option<PathBuf>,
    hosts: Vec<Host>,
}

impl OAuthDraft {
    pub(crate) fn finish(self) -> Option<OAuth> {
        let rest = self.rest?;
        Some(OAuth {
            provider: rest.provider,
            name: self.name?.value,
            label: rest.label,
            issuer: rest.issuer,
            client_id: rest.client_id,
            client_secret: self.secret?.value,
            scopes: rest.scopes,
            link_by_address: rest.link_by_address,
            keep_grant: rest.keep_grant,
            ca_file: rest.ca_file,
            hosts: rest.hosts,
        })
    }

    /// A secret that must not be served.
    pub(crate) fn secret_file(&self) -> Option<&Path> {
        match &self.secret.as_ref()?.value {
            SecretSource::File(path) => Some(path),
            SecretSource::Env(_) => None,
        }
    }
}

pub(crate) fn oauth(section: &Section<'_>, scene: &Scene<'_>) -> OAuthDraft {
    let hint = "one of \"google\", \"github\", \"microsoft\", \"gitlab\", \"oidc\"";
    let provider = section.required("provider", hint, |item| value::choice(item, KINDS).map(|kind| (kind, word(kind))));
    let name = section.maybe("name", name);
    let secret = secret(section, scene);
    let rest = rest(section, scene, provider.as_ref().map(|provider| provider.value.0));
    section.finish();
    // Two of one kind are told apart by name, so a name that was left out counts as well.
    let name = name.and_then(|name| name.or_else(|| Some(provider?.map(|(_, word)| word.to_owned()))));
    OAuthDraft { name, secret, rest }
}

fn word(kind: ProviderKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(word, _)| word)
}

fn rest(section: &Section<'_>, scene: &Scene<'_>, provider: Option<ProviderKind>) -> Option<Rest> {
    // Every key is looked at before one that is wrong ends it.
    let label = section.maybe("label", label);
    let issuer = section.maybe("issuer", |item| issuer(item, scene, provider));
    let client_id = section.required("client_id", "what the provider calls this site", client_id);
    let keep_grant = section.or("keep_grant", false, value::truth);
    let link_by_address = section.or("link_by_address", true, value::truth);
    let scopes = section.list("scopes", scope);
    let ca_file = section.maybe("ca_file", |item| value::path(item, scene.base));
    let hosts = section.list("hosts", value::host);
    let (provider, keep_grant) = (provider?, keep_grant?);
    let scopes = scopes.and_then(|scopes| judge_scopes(section, provider, keep_grant, scopes));
    let issuer = issuer.and_then(|issuer| usual_issuer(section, provider, issuer));
    let (ca_file, hosts) = (ca_file?, hosts?.unwrap_or_default());
    if section.reader.blame_each(misplaced(provider, ca_file.as_ref(), &hosts)) || is_too_many(section, &hosts, MOST_HOSTS) {
        return None;
    }
    let (issuer, label) = (issuer?, label?);
    Some(Rest {
        provider,
        label: label.map_or_else(|| usual_label(provider, issuer.as_ref()), |label| label.value),
        issuer,
        client_id: client_id?.value,
        scopes: scopes?,
        link_by_address: link_by_address?,
        keep_grant,
        ca_file: ca_file.map(|file| file.value),
        hosts: hosts.into_iter().map(|host| host.value).collect(),
    })
}

/// Keys that mean nothing for this provider.
fn misplaced(provider: ProviderKind, ca_file: Option<&Located<PathBuf>>, hosts: &[Located<Host>]) -> Vec<(Located<()>, Problem)> {
    let of_others =
        |place: Located<()>, whom: &str| (place, Problem::new("means nothing here", format!("it is for {whom}: remove it")));
    let ca_file = ca_file.filter(|_| !matches!(provider, ProviderKind::Oidc | ProviderKind::GitLab));
    let hosts = hosts.first().filter(|_| provider != ProviderKind::Oidc);
    let ca_file = ca_file.map(|file| of_others(file.place(), "\"oidc\" and \"gitlab\""));
    ca_file.into_iter().chain(hosts.map(|host| of_others(host.place(), "\"oidc\""))).collect()
}

fn is_too_many<T>(section: &Section<'_>, list: &[Located<T>], most: usize) -> bool {
    list.get(most).is_some_and(|first| {
        section.reader.blame(first, Problem::new("is one too many", format!("at most {most}")));
        true
    })
}

/// The client's secret, as the provider issued it: a file or a variable, one of them (OAUTH-20).
fn secret(section: &Section<'_>, scene: &Scene<'_>) -> Option<Located<SecretSource>> {
    let file = section.maybe("client_secret_file", |item| value::path(item, scene.base).map(SecretSource::File));
    let variable = section.maybe("client_secret_env", |item| value::variable_name(item).map(SecretSource::Env));
    let secret = match (file?, variable?) {
        (Some(file), Some(_)) => {
            section.reader.blame(&file, Problem::new("stands beside client_secret_env", "keep one of the two"));
            return None;
        }
        (None, None) => {
            let hint =
                "a file with the secret that the provider issued, mode 0600, or client_secret_env for the name of a variable";
            section.blame("client_secret_file", Problem::new("is missing", hint));
            return None;
        }
        (file, variable) => file.or(variable)?,
    };
    section.reader.names("oauth", &secret.value);
    Some(secret)
}

/// As it stands in paths, such as `/account/oauth/google`.
fn name(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-');
    if fine {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not a name of a provider", "a word of at most 32 lower-case letters, digits and -"))
    }
}

fn label(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?.trim();
    if (1..=40).contains(&text.chars().count()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not a name for buttons", "1 to 40 characters, no line ends"))
    }
}

fn usual_label(provider: ProviderKind, issuer: Option<&Issuer>) -> String {
    match provider {
        ProviderKind::Google => "Google".to_owned(),
        ProviderKind::GitHub => "GitHub".to_owned(),
        ProviderKind::Microsoft => "Microsoft".to_owned(),
        ProviderKind::GitLab => "GitLab".to_owned(),
        ProviderKind::Oidc => issuer.map_or_else(String::new, |issuer| issuer.origin().authority().chars().take(40).collect()),
    }
}

/// Never repeated in a fault: somebody may have put the secret here.
fn client_id(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text().map_err(Problem::hidden)?;
    if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not an identifier of a client", "1 to 255 visible ASCII characters, as the provider shows it")
            .hidden())
    }
}

/// Plain HTTP would show the client's secret and every code to whoever is on the way; on one machine, in development, nobody is.
fn issuer(item: &Item<'_>, scene: &Scene<'_>, provider: Option<ProviderKind>) -> Result<Issuer, Problem> {
    let text = item.text()?;
    let hint = "as the provider spells it, such as \"https://id.example.com\", at most 255 plain characters, no query";
    let careful = |problem: Problem| if text.contains(['@', '?', '#']) { problem.hidden() } else { problem };
    let issuer = Issuer::parse(text).ok_or_else(|| careful(Problem::new("is not an issuer", hint)))?;
    let may_be_plain = scene.is_development() && issuer.is_loopback() && provider == Some(ProviderKind::Oidc);
    if !issuer.is_encrypted() && !may_be_plain {
        return Err(Problem::new("is not https", "http is for \"oidc\" on this machine in development"));
    }
    Ok(issuer)
}

const MICROSOFT: &str = "https://login.microsoftonline.com/";

/// What holds without the key, and what the key may say for this provider.
fn usual_issuer(section: &Section<'_>, provider: ProviderKind, written: Option<Located<Issuer>>) -> Option<Option<Issuer>> {
    let fixed = |text: &str| Issuer::parse(text).map(Some);
    match (provider, written) {
        (ProviderKind::Google, None) => fixed("https://accounts.google.com"),
        (ProviderKind::GitHub, None) => Some(None),
        (ProviderKind::GitLab, None) => fixed("https://gitlab.com"),
        (ProviderKind::Google | ProviderKind::GitHub, Some(issuer)) => {
            section.reader.blame(&issuer, Problem::new("means nothing here", "this provider has one place only: remove it"));
            None
        }
        (ProviderKind::Microsoft, Some(issuer)) if !is_tenant(issuer.value.as_str()) => {
            section.reader.blame(&issuer, Problem::new("names no tenant", MICROSOFT_HINT));
            None
        }
        (ProviderKind::Microsoft, None) => {
            section.blame("issuer", Problem::new("is missing", MICROSOFT_HINT));
            None
        }
        (ProviderKind::Oidc, None) => {
            section.blame("issuer", Problem::new("is missing", "who signs, such as \"https://id.example.com\""));
            None
        }
        (_, Some(issuer)) => Some(Some(issuer.value)),
    }
}

const MICROSOFT_HINT: &str = "https://login.microsoftonline.com/<tenant id>/v2.0 with the id of one tenant: with `common` or \
                              `organizations` anybody's tenant vouches for any address";

/// A tenant is an id in hexadecimal with hyphens; the words for all tenants, and names that resolve to one, are not.
fn is_tenant(issuer: &str) -> bool {
    let id = issuer.strip_prefix(MICROSOFT).and_then(|rest| rest.strip_suffix("/v2.0")).unwrap_or_default();
    let lengths = id.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-')
}

/// `scope-token` of RFC 6749 §3.3.
fn scope(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if fine { Ok(text.to_owned()) } else { Err(Problem::new("is not a scope", "one word each, such as [\"openid\", \"email\"]")) }
}

/// The least that says who somebody is, unless more is written (OAUTH-15).
fn judge_scopes(
    section: &Section<'_>,
    provider: ProviderKind,
    keep_grant: bool,
    written: Option<Vec<Located<String>>>,
) -> Option<Vec<String>> {
    let Some(written) = written else {
        let usual: &[&str] =
            if provider == ProviderKind::GitHub { &["read:user", "user:email"] } else { &["openid", "email", "profile"] };
        return Some(usual.iter().map(|scope| (*scope).to_owned()).collect());
    };
    if is_too_many(section, &written, MOST_SCOPES) {
        return None;
    }
    if provider != ProviderKind::GitHub && written.iter().all(|scope| scope.value != "openid") {
        section.blame("scopes", Problem::new("holds no \"openid\"", "without it no provider says who somebody is"));
        return None;
    }
    if let Some(offline) = written.iter().find(|scope| scope.value == "offline_access" && !keep_grant) {
        let hint = "keep_grant = true keeps what it gives; without that nothing uses it";
        section.reader.blame(offline, Problem::new("asks for more than is used", hint));
        return None;
    }
    Some(written.into_iter().map(|scope| scope.value).collect())
}
