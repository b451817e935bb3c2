//! Text and environment in, a legal [`Config`] or every fault out.

use std::io::Read as _;
use std::path::Path;

use doorward_kit::sha256_hex;
use toml::de::DeTable;

use crate::cross::{self, Drafts};
use crate::env::EnvSource;
use crate::fault::{Fault, Faults, Place};
use crate::foreign;
use crate::model::{Config, Counters, Mail, MailTransport, Store, Tls};
use crate::orderable;
use crate::reader::{Item, Problem, Reader};
use crate::section::{self, Scene};
use crate::value::tidy;

/// The largest file that is read: 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a configuration file and the variables that override it. Opens no other file and no port.
///
/// # Errors
/// [`Faults`], all at once, when the file cannot be read or anything in it is not right.
pub fn load(path: &Path, env: &dyn EnvSource) -> Result<Config, Faults> {
    let unreadable = |problem: String| Faults::whole(path, problem, "name the file with --config FILE");
    let file = std::fs::File::open(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable("is larger than 1 MiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("is not UTF-8 text".into()))?;
    parse(&text, path, env)
}

/// Reads a configuration from its text. `origin` is where the text came from: its folder is what relative paths start at.
///
/// # Errors
/// [`Faults`], all at once.
///
/// ```
/// use std::{collections::BTreeMap, path::Path};
/// let faults = doorward_config::parse("version = 2", Path::new("/etc/doorward.toml"), &BTreeMap::new()).unwrap_err();
/// assert!(faults.to_string().starts_with("/etc/doorward.toml:1:11: version: this Doorward reads version 1"));
/// ```
pub fn parse(text: &str, origin: &Path, env: &dyn EnvSource) -> Result<Config, Faults> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What stands in a broken file is a guess: only the syntax is reported.
        return Err(Faults::new(origin, text, errors.iter().map(|error| syntax_fault(error, text)).collect()));
    }
    let reader = Reader::new(env);
    let config = read(&reader, table.get_ref(), origin, text);
    let secrets = reader.secrets();
    let faults = reader.into_faults(text);
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ if faults.is_empty() => Err(Faults::whole(origin, "cannot be understood", "")),
        _ => Err(Faults::new(origin, text, faults).naming(secrets)),
    }
}

fn syntax_fault(error: &toml::de::Error, text: &str) -> Fault {
    Fault {
        key: String::new(),
        place: error.span().map(|span| Place::find(text, span)),
        variable: None,
        problem: format!("not TOML: {}", error.message().replace('\n', "; ")),
        hint: String::new(),
        hidden: false,
    }
}

/// Reads every section, then compares them; `None` exactly when a fault was recorded.
fn read(reader: &Reader<'_>, table: &DeTable<'_>, origin: &Path, text: &str) -> Option<Config> {
    let file = tidy(&std::path::absolute(origin).unwrap_or_else(|_| origin.to_owned()));
    let base = file.parent().unwrap_or(&file);
    let root = section::root(reader, table);
    let version = root.required("version", "the file starts with version = 1", version);
    let site = section::site(&section::table(reader, &root, "site"), base);
    let scene = Scene { base, env: site.env };
    foreign::refuse(reader, &scene);

    let listen = section::listen(&section::table(reader, &root, "listen"), &scene);
    let tls = section::tls(&section::table(reader, &root, "tls"), &scene);
    let store = section::store(&section::table(reader, &root, "store"), &scene);
    let counters = section::counters(&section::table(reader, &root, "counters"), &scene);
    let mail = section::mail(&section::table(reader, &root, "mail"), &scene);
    let audit = section::audit(&section::table(reader, &root, "audit"), &scene);
    let (accounts, roles) = section::accounts(&section::table(reader, &root, "accounts"), &scene);
    let limits = section::limits(&section::table(reader, &root, "limits"), &scene);
    let headers = section::headers(&section::table(reader, &root, "headers"), &scene);
    let upstreams = section::tables(reader, &root, "upstream").iter().map(|s| section::upstream(s, &scene)).collect();
    let host = site.origin.as_ref().map(|origin| origin.value.host());
    let routes = section::tables(reader, &root, "route").iter().map(|s| section::route(s, host)).collect();
    let gates = section::tables(reader, &root, "gate").iter().map(|s| section::gate(s, &scene)).collect();
    let oauth = section::tables(reader, &root, "oauth").iter().map(|s| section::oauth(s, &scene)).collect();
    root.finish();
    reader.refuse_stray_variables();

    let has_operators = accounts.as_ref().map(|accounts| !accounts.operator_roles.is_empty());
    let drafts = Drafts { site, listen, upstreams, routes, gates, roles, oauth, has_operators };
    let mut private = PrivateFiles::default();
    if let Some(Tls::Files { key, .. }) = &tls {
        private.add("tls.key", Some(key));
    }
    private.add_services(store.as_ref(), counters.as_ref(), mail.as_ref());
    private.add("audit.file", audit.as_ref().and_then(|audit| audit.file.as_deref()));
    private.add("audit.anchor_file", audit.as_ref().and_then(|audit| audit.anchor_file.as_deref()));
    cross::check(reader, &drafts, &private.0, &file);
    orderable::check(reader, &drafts, tls.as_ref());
    version?;
    let (limits, tunnels) = limits?;
    Some(Config {
        sha256: sha256_hex(text.as_bytes()),
        site: drafts.site.finish()?,
        listen: drafts.listen.finish()?,
        tls: tls?,
        store: store?,
        counters: counters?,
        mail: mail?,
        audit: audit?,
        upstreams: drafts.upstreams.into_iter().map(section::UpstreamDraft::finish).collect::<Option<_>>()?,
        routes: drafts.routes.into_iter().map(section::RouteDraft::finish).collect::<Option<_>>()?,
        gates: drafts.gates.into_iter().map(section::GateDraft::finish).collect::<Option<_>>()?,
        accounts: accounts?,
        oauth: drafts.oauth.into_iter().map(section::OAuthDraft::finish).collect::<Option<_>>()?,
        limits,
        tunnels,
        headers: headers?,
    })
}

/// Files that must not be served, as far as they are known.
#[derive(Default)]
struct PrivateFiles<'c>(Vec<(&'static str, &'c Path)>);

impl<'c> PrivateFiles<'c> {
    fn add(&mut self, key: &'static str, path: Option<&'c Path>) {
        self.0.extend(path.map(|path| (key, path)));
    }

    fn add_services(&mut self, store: Option<&'c Store>, counters: Option<&'c Counters>, mail: Option<&'c Mail>) {
        if let Some(Store::Postgres(postgres)) = store {
            self.add("store.password_file", postgres.server.password_path());
        }
        if let Some(Counters::Redis(redis)) = counters {
            self.add("counters.password_file", redis.server.password_path());
        }
        if let Some(MailTransport::Smtp(relay)) = mail.map(|mail| &mail.transport) {
            self.add("mail.password_file", relay.password_path());
        }
    }
}

fn version(item: &Item<'_>) -> Result<u32, Problem> {
    item.whole(1..=1).map_err(|_| Problem::new("this Doorward reads version 1 of the file", "write version = 1"))
}

#[cfg(test)]
pub(crate) fn keys_read(text: &str, env: &dyn EnvSource) -> std::collections::BTreeSet<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let reader = Reader::new(env);
    let _ = read(&reader, table.get_ref(), Path::new("/doorward.toml"), text);
    reader.into_keys()
}
