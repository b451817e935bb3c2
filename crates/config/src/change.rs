//! What two configurations of one running process differ in, as far as only a restart can bring it about.
//!
//! Routes, gates, upstreams, certificates, headers, limits and roles are decided per request and may change at any time. What sockets,
//! databases, keys and running tasks were made from may not: a process that took one half of such a change would be neither the old nor
//! the new one.

use crate::model::{Accounts, Config, Listen, Site, Tls};

/// Keys and sections that differ and that a running process cannot take, in the order of the file; empty when everything can be taken.
///
/// ```
/// use std::{collections::BTreeMap, path::Path};
/// # const TEXT: &str = "version = 1\n[site]\norigin = \"https://localhost:8443\"\nenv = \"development\"\ndata_dir = \"data\"\n[listen]\n\
/// #     https = [\"127.0.0.1:8443\"]\n[tls]\nsource = \"self-signed\"\n[mail]\nfrom = \"a@localhost.localdomain\"\n";
/// let parse = |text: &str| doorward_config::parse(text, Path::new("/doorward.toml"), &BTreeMap::new()).expect("legal");
/// let before = parse(TEXT);
/// let after = parse(&TEXT.replace("127.0.0.1:8443", "127.0.0.1:9443"));
/// assert_eq!(doorward_config::needs_restart(&before, &after), ["listen.https"]);
/// ```
#[must_use]
pub fn needs_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    // Every field is named, so that a new one has to be put on one side or the other.
    let Config {
        sha256: _,
        site,
        listen,
        tls,
        store,
        counters,
        mail,
        audit,
        upstreams: _,
        routes: _,
        gates: _,
        accounts,
        oauth,
        limits: _,
        tunnels: _,
        headers: _,
    } = after;
    let mut keys = Vec::new();
    of_site(&before.site, site, &mut keys);
    of_listen(&before.listen, listen, &mut keys);
    let orders = |tls: &Tls| match tls {
        Tls::LeStaging { email } => Some(email.clone()),
        Tls::Files { .. } | Tls::SelfSigned => None,
    };
    let sections = [
        // Files and their paths may change; who orders, and for whom, is a task of the process.
        ("tls", orders(&before.tls) != orders(tls)),
        ("store", before.store != *store),
        ("counters", before.counters != *counters),
        ("mail", before.mail != *mail),
        ("audit", before.audit != *audit),
        ("accounts", before.accounts != Accounts { roles: before.accounts.roles.clone(), ..accounts.clone() }),
        ("oauth", before.oauth != *oauth),
    ];
    keys.extend(sections.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section));
    keys
}

fn of_site(before: &Site, after: &Site, keys: &mut Vec<&'static str>) {
    let named = [
        ("site.origin", before.origin != after.origin),
        ("site.env", before.env != after.env),
        ("site.name", before.name != after.name),
        ("site.node", before.node != after.node),
        ("site.data_dir", before.data_dir != after.data_dir),
        ("site.danger_run_as_root", before.danger_run_as_root != after.danger_run_as_root),
        ("site.key_file", before.key != after.key),
    ];
    let known = keys.len();
    keys.extend(named.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key));
    // A key that is not named here is not one that may change.
    let rest = Site { cors_origins: before.cors_origins.clone(), ..after.clone() };
    if keys.len() == known && rest != *before {
        keys.push("site");
    }
}

fn of_listen(before: &Listen, after: &Listen, keys: &mut Vec<&'static str>) {
    let Listen { http, https, internal, trusted_proxies: _, proxy_protocol: _, forward_auth: _ } = after;
    let named = [
        ("listen.http", before.http != *http),
        ("listen.https", before.https != *https),
        ("listen.internal", before.internal != *internal),
    ];
    keys.extend(named.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key));
}
