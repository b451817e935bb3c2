//! Every key of the file, as data: the reference in `docs/` is printed from it, and a test holds it against what is really read.

use std::fmt::Write as _;

use crate::model::SCOPES;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may be written.
    pub kind: &'static str,
    /// What holds when it is not written; empty when it must be.
    pub default: &'static str,
    /// What it does.
    pub text: &'static str,
}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Whether it is written `[[name]]`, once for each.
    pub repeated: bool,
    /// What it is for.
    pub text: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

const fn key(name: &'static str, kind: &'static str, default: &'static str, text: &'static str) -> Key {
    Key { name, kind, default, text }
}

const fn part(name: &'static str, text: &'static str, keys: &'static [Key]) -> Part {
    Part { name, repeated: false, text, keys }
}

const fn repeated(name: &'static str, text: &'static str, keys: &'static [Key]) -> Part {
    Part { name, repeated: true, text, keys }
}

/// Every section but `[limits]`, whose keys are [`SCOPES`] and [`TUNNELS`].
pub const PARTS: &[Part] = &[
    part(
        "site",
        "The site itself.",
        &[
            key(
                "origin",
                "origin",
                "",
                "The one address, `https` always. Links in mail, cookies and origin checks use nothing else.",
            ),
            key("env", "`development`, `staging`, `production`", "", "Outside `development` weak settings are refused."),
            key("name", "1 to 60 characters", "the host", "What pages and mails call the site."),
            key(
                "node",
                "1 to 63 letters, digits, `-_.`",
                "the machine's name",
                "Name of this node in audit rows; one of its own for each node.",
            ),
            key("data_dir", "path", "", "Database, mail files, generated keys."),
            key(
                "cors_origins",
                "list of origins",
                "`[]`",
                "Other origins whose pages may read answers of the site's routes and API, without cookies. Each in full; no wildcard.",
            ),
            key(
                "danger_run_as_root",
                "`true`, `false`",
                "`false`",
                "Serve as root outside development. Root is not needed: ports below 1024 take `CAP_NET_BIND_SERVICE` alone.",
            ),
            key(
                "key_file",
                "path",
                "–",
                "File with the master key: at least 32 random octets as text, mode 0600. This or `key_env`; neither is needed in development.",
            ),
            key("key_env", "variable name", "–", "Variable that holds the master key."),
        ],
    ),
    part(
        "listen",
        "Where connections are taken.",
        &[
            key("https", "list of address:port", "", "TLS listeners, at least one."),
            key("http", "list of address:port", "`[]`", "Plain listeners. They redirect and do nothing else."),
            key(
                "internal",
                "address:port",
                "none",
                "Health, metrics and the description of the API for operators; a loopback or private address.",
            ),
            key(
                "trusted_proxies",
                "list of networks",
                "`[]`",
                "Peers whose `X-Forwarded-For` is believed. Never everyone; outside development no whole private range.",
            ),
            key(
                "proxy_protocol",
                "list of networks",
                "`[]`",
                "Peers that have to speak the PROXY protocol (version 1 or 2) on `https` and `http`; nobody else may. As strict as `trusted_proxies`.",
            ),
            key(
                "forward_auth",
                "list of networks",
                "`[]`",
                "Proxies that may ask `/forward-auth` on the internal listener whether a request may pass. As strict as `trusted_proxies`.",
            ),
        ],
    ),
    part(
        "tls",
        "Certificates: ordered from the staging authority of Let's Encrypt, or from files. Production issuance is disallowed for good.",
        &[
            key(
                "source",
                "`le-staging`, `files`, `self-signed`",
                "",
                "`le-staging` orders and renews for every host of the site; `self-signed` is for development only.",
            ),
            key("email", "address", "–", "Whom the authority may write to; for `le-staging`."),
            key("certificate", "path", "–", "PEM chain, leaf first; for `files`."),
            key("key", "path", "–", "PEM private key; for `files`."),
        ],
    ),
    part(
        "store",
        "Accounts, sessions, audit, outbox. With PostgreSQL several nodes may share them.",
        &[
            key(
                "url",
                "`sqlite`, `postgres://user@host:port/database`",
                "`sqlite`",
                "A file in the data folder, or a server. TLS, certificate and name verified, to every host but a loopback address.",
            ),
            key(
                "password_file",
                "path",
                "–",
                "File with the password: at least 32 random octets, mode 0600. Needed outside development.",
            ),
            key("password_env", "variable name", "–", "Variable that holds the password, instead of the file."),
            key(
                "ca_file",
                "path",
                "public ones",
                "PEM certificates of authorities that may vouch for the server, beside the public ones.",
            ),
            key("max_connections", "2 to 200", "`16`", "Connections at most."),
        ],
    ),
    part(
        "counters",
        "Rate-limit counters. With Redis or Valkey several nodes may share them.",
        &[
            key(
                "url",
                "`memory`, `rediss://[user@]host:port/number`, `redis://…`",
                "`memory`",
                "In this process, or a server. `redis://` is not encrypted and for a loopback address only.",
            ),
            key(
                "password_file",
                "path",
                "–",
                "File with the password: at least 32 random octets, mode 0600. Needed outside development.",
            ),
            key("password_env", "variable name", "–", "Variable that holds the password, instead of the file."),
            key("ca_file", "path", "the system's", "PEM certificates of the only authorities that may vouch for the server."),
            key("prefix", "letters, digits, `-_.:`", "`doorward:`", "What every key begins with."),
        ],
    ),
    part(
        "mail",
        "How mail leaves. A mail that cannot leave waits and is tried again; nobody who asked for it is told.",
        &[
            key(
                "url",
                "`file`, `smtps://[user@]host:port`, `smtp://[user@]host:port`",
                "`file`",
                "One `.eml` file a message in `mail/` of the data folder, or a relay. `smtp://` is STARTTLS, and a relay that does not offer it \
                 gets no mail. `smtp-plain://` is for a loopback address in development.",
            ),
            key("password_file", "path", "–", "File with the relay's password, mode 0600; needed when `url` names a user."),
            key("password_env", "variable name", "–", "Variable that holds the password, instead of the file."),
            key("ca_file", "path", "the system's", "PEM certificates of the only authorities that may vouch for the relay."),
            key("from", "one mailbox", "", "The `From` field."),
            key(
                "queue_max",
                "100 to 1000000",
                "`10000`",
                "Mails that may wait. Further ones are not sent and nobody is told; notices that protect an account are exempt.",
            ),
            key(
                "retry_first",
                "1s to 1h",
                "`30s`",
                "Pause before the first repetition. It doubles with each, to an hour at most, and chance adds up to a quarter.",
            ),
            key(
                "give_up",
                "10min to 7d",
                "`24h`",
                "When a mail is given up that has not left. `doorward mail retry` revives it within seven days.",
            ),
        ],
    ),
    part(
        "audit",
        "The record of what was done. It cannot be switched off.",
        &[
            key("retention", "30d to 3650d", "`400d`", "How long entries are kept."),
            key("file", "path", "none", "Entries are also appended here, one line of JSON each, to be shipped off this host."),
            key("file_max_mib", "1 to 4096", "`64`", "The file is rotated at this size."),
            key("anchor_file", "path", "none", "The chain's head is also written here, so that a chain cut at its end is told."),
        ],
    ),
    repeated(
        "upstream",
        "What stands behind: a server or a folder.",
        &[
            key("name", "letters, digits, `-`, `_`", "", "Unique; routes and gates use it."),
            key(
                "url",
                "`http://host:port`, `https://host`, `h2c://host:port`",
                "–",
                "A server, nothing after the port. This, `urls` or `root`. `h2c` is HTTP/2 in the clear, for gRPC.",
            ),
            key("urls", "list of such addresses", "–", "Several servers, each as good as the other, with one scheme."),
            key(
                "max_connections",
                "1 to 65535",
                "`4096`",
                "Connections in use at a time, for each address; with `h2c` requests. As many more wait up to 2 s, the rest get 503.",
            ),
            key(
                "time_limit",
                "1s to 60min",
                "`30s`",
                "How long an exchange may wait for the server in all, and a second more for every 64 KiB. Not for streams.",
            ),
            key(
                "health_path",
                "path",
                "–",
                "Asked of every address; two answers in a row other than 2xx, or none, leave it out until the next 2xx.",
            ),
            key("health_every", "1s to 60min", "`10s`", "How often `health_path` is asked."),
            key("ca_file", "path", "the system's", "With `https`: PEM of the only authorities that may vouch for the servers."),
            key("client_certificate", "path", "–", "With `https`: PEM chain that we show, leaf first."),
            key("client_key", "path", "–", "Its key, readable by nobody else."),
            key(
                "secret_file",
                "path",
                "–",
                "File with at least 32 random octets as text, mode 0600. Every request carries it as `X-Doorward-Edge`, so that the server can \
                 refuse whoever does not come by the door.",
            ),
            key("secret_env", "variable name", "–", "Variable that holds it, instead of the file."),
            key(
                "root",
                "path",
                "–",
                "A folder of files; unknown paths get its `index.html`. It must not hold the configuration, keys or data.",
            ),
        ],
    ),
    repeated(
        "route",
        "Which path leads to which upstream. The longest prefix wins. An upstream address that a gate guards is refused here.",
        &[
            key("host", "host", "the site's", "Another host than the site's; then `access` is `public`."),
            key(
                "path",
                "prefix",
                "",
                "`/api` and `/api/` both match `/api`, `/api/` and `/api/x`, never `/apix`. What Doorward answers itself is refused.",
            ),
            key("upstream", "name", "", "Where it leads."),
            key("access", "`public`, `identified`, `signed-in`", "", "Who passes, and whether the upstream is told who it is."),
            key(
                "roles",
                "list of roles",
                "`[]`",
                "Any of these suffices; declared in `accounts.roles`, and `access` is `signed-in`.",
            ),
            key("strip_prefix", "true or false", "`false`", "Send `/api/x` as `/x`."),
            key("websocket", "true or false", "`false`", "Let WebSocket upgrades through."),
            key(
                "compress",
                "true or false",
                "`false`",
                "Compress answers that hold nothing of a person ([files](../concepts/files.md)); then `access` is `public`.",
            ),
        ],
    ),
    repeated(
        "gate",
        "An internal UI on a host of its own: allowlist first, then basic auth.",
        &[
            key("name", "letters, digits, `-`, `_`", "", "Unique; log and audit use it."),
            key("host", "host", "", "Nobody else's."),
            key("upstream", "name", "", "Belongs to this gate alone, by its address."),
            key(
                "allow",
                "list of networks",
                "",
                "Never empty, never everyone; outside development at most a /8 of IPv4 or a /16 of IPv6.",
            ),
            key("users_file", "path", "", "htpasswd with bcrypt or Argon2id; `doorward hash-password` makes its lines."),
            key(
                "profile",
                "`strict`, `django-admin`, `pgadmin`, `flower`, `traefik`",
                "`strict`",
                "Which headers the UI can live with.",
            ),
            key("paths", "list of prefixes", "everything", "What exists on this host; the rest is 404 behind the gate."),
            key("websocket", "true or false", "by profile", "`true` for `pgadmin` and `flower`."),
            key(
                "operator_session",
                "`true`, `false`",
                "`false`",
                "Ask for an operator session with a second factor too, after allowlist and password; needs `accounts.operator_roles`.",
            ),
        ],
    ),
    part(
        "accounts",
        "Accounts and sessions. No setting weakens the cookies.",
        &[
            key("sign_up", "`open`, `invitation`, `closed`", "`open`", "Who may sign up."),
            key("allowed_domains", "list of domains", "everyone's", "Whose addresses may have an account."),
            key("roles", "list of lower-case words", "`[]`", "What accounts may be; routes ask for them."),
            key(
                "operator_roles",
                "list of roles",
                "`[]`",
                "Which of `roles` make an operator: a second factor is asked for, and a session ends after 15 min without a request and after \
                 8 h in any case.",
            ),
            key(
                "step_up",
                "1min to 60min",
                "`10min`",
                "How old the last proof may be where a fresh one is asked for: password, address, factors, links, deletion, export.",
            ),
            key(
                "provider_targets",
                "list of paths",
                "`[\"/account\"]`",
                "Where a sign-in with a provider may lead to, exactly; the first is the usual one.",
            ),
            key(
                "session_idle",
                "5min to 30d",
                "`24h`",
                "Ends a session after this long without a request; at most `session_absolute`.",
            ),
            key("session_absolute", "5min to 90d", "`7d`", "Ends a session this long after sign-in."),
            key("remember_idle", "5min to 90d", "`14d`", "As `session_idle`, for 'remember me'; at most `remember_absolute`."),
            key("remember_absolute", "5min to 90d", "`30d`", "As `session_absolute`, for 'remember me'; not less than that."),
            key("session_rotate", "10min to 30d", "`12h`", "A session's credential is replaced this long after the last time."),
            key("session_limit", "1 to 1000", "`20`", "Sessions of one account; the oldest goes."),
            key("verification", "10min to 7d", "`24h`", "Life of a verification link."),
            key("recovery", "10min to 60min", "`30min`", "Life of a reset link."),
            key("email_change", "10min to 7d", "`24h`", "Life of the link that confirms a new address."),
            key("email_undo", "1d to 30d", "`7d`", "Life of the link that undoes a change of address."),
            key("invitation", "1h to 30d", "`7d`", "Life of an invitation."),
            key("device", "1d to 365d", "`90d`", "A device is known this long after its last sign-in."),
            key("blocklist_file", "path", "none", "Refused besides the built-in list: one entry a line."),
            key("password_min", "15 to 64", "`15`", "Least characters of a password; from 8 in development."),
            key("argon2_memory_kib", "19456 to 1048576", "`19456`", "Argon2id memory."),
            key("argon2_passes", "2 to 16", "`2`", "Argon2id passes."),
            key("hash_threads", "1 to 64", "one a core", "Threads that hash."),
        ],
    ),
    repeated(
        "oauth",
        "A provider that people may sign in with ([providers](../concepts/providers.md)). Its redirect URI is `<origin>/account/oauth/<name>`.",
        &[
            key(
                "provider",
                "`google`, `github`, `microsoft`, `gitlab`, `oidc`",
                "",
                "What is spoken, and which hosts belong to it. `oidc` is any other by OpenID Connect.",
            ),
            key(
                "name",
                "lower-case letters, digits, `-`",
                "the word of `provider`",
                "Unique; stands in paths and in the audit trail.",
            ),
            key("label", "1 to 40 characters", "the provider's", "What buttons call it."),
            key(
                "issuer",
                "`https` address",
                "by provider",
                "As the provider spells it. Needed for `oidc`, and for `microsoft` with the id of one tenant; `gitlab` may name another GitLab. \
                 `http` for `oidc` on a loopback address in development.",
            ),
            key("client_id", "1 to 255 characters", "", "What the provider calls this site."),
            key(
                "client_secret_file",
                "path",
                "–",
                "File with the secret that the provider issued, mode 0600. This or `client_secret_env`; there is no client without one.",
            ),
            key("client_secret_env", "variable name", "–", "Variable that holds it, instead of the file."),
            key(
                "scopes",
                "list of words",
                "`[\"openid\", \"email\", \"profile\"]`",
                "What is asked for. `github` has `read:user` and `user:email`. `offline_access` needs `keep_grant`.",
            ),
            key(
                "link_by_address",
                "true or false",
                "`true`",
                "Link an account here at its first sign-in with the provider, when both have proved the same address.",
            ),
            key(
                "keep_grant",
                "true or false",
                "`false`",
                "Keep what the provider gives to act for its account, sealed, until the link ends. Asks for it as well.",
            ),
            key(
                "ca_file",
                "path",
                "public ones",
                "PEM certificates of the only authorities that may vouch for the provider; for `oidc` and `gitlab`.",
            ),
            key(
                "hosts",
                "list of hosts",
                "`[]`",
                "For `oidc`: hosts besides the issuer's own that its endpoints may stand on. No other host is ever asked.",
            ),
        ],
    ),
    part(
        "headers",
        "Only what weakens the policy is a setting.",
        &[key(
            "danger_content_security_policy",
            "policy",
            "none",
            "Replaces the Content-Security-Policy of public pages. Refused in production; `doorward verify` fails all the same.",
        )],
    ),
];

/// Prints the reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    for part in PARTS {
        let name = if part.repeated { format!("[[{}]]", part.name) } else { format!("[{}]", part.name) };
        let _ = write!(out, "\n## `{name}`\n\n{}\n\n| key | value | default | |\n|---|---|---|---|\n", part.text);
        for key in part.keys {
            let default = if key.default.is_empty() { "**required**" } else { key.default };
            let _ = writeln!(out, "| `{}` | {} | {default} | {} |", key.name, key.kind, key.text);
        }
    }
    out.push_str(LIMITS);
    for (scope, default) in SCOPES {
        let _ = writeln!(out, "| `{scope}` | `{default}` |");
    }
    out.push_str("\n| key | value | default | |\n|---|---|---|---|\n");
    for key in TUNNELS {
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", key.name, key.kind, key.default, key.text);
    }
    out
}

const HEAD: &str = "# Configuration

<!-- Printed by `cargo run -p doorward-config --example reference`; a test proves that it is fresh. -->

One TOML file, `version = 1` on top. Unknown keys are refused; every fault is told at once, with its line and a way out.
`doorward check` reads the file as `serve` does and opens no port.

- **Paths** that are relative start at the file's folder.
- **Times** are a whole number and `s`, `min`, `h` or `d`: `\"24h\"`, `\"15min\"`.
- **Quotas** are how many per time: `\"5/min\"`, `\"10/15min\"`, `\"100/h\"`.
- **Networks** are written strictly: `\"203.0.113.0/24\"`, `\"2001:db8::/48\"` or one address; no short or octal forms, no bits beyond the prefix.
- **Secrets** are never in the file: a `*_file` key names a file, an `*_env` key a variable.
- **Variables** override single keys of sections in single brackets: `DOORWARD_<SECTION>__<KEY>`, such as `DOORWARD_SITE__ORIGIN`. Lists and
  `[[…]]` sections are set in the file alone. A variable of this form that names no key is refused.
";

/// How long a WebSocket may stay open: `[limits]` too, but no quotas.
pub const TUNNELS: &[Key] = &[
    key(
        "websocket_max_age",
        "a time, 1min to 7d",
        "`12h`",
        "From the upgrade to the end of a WebSocket, whatever goes through it. It ends sooner with its session, or when its gate no longer \
         lets its user or network in.",
    ),
    key("websocket_idle", "a time, 10s to 24h", "`15min`", "A WebSocket through which nothing goes for so long ends."),
];

const LIMITS: &str = "
## `[limits]`

At most so many in any interval of that length: 1 to 1000000, in 1s to 24h. Outside development no scope may be more than a hundred
times as lax as its default. None can be switched off.

| key | default |
|---|---|
";

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::load;

    /// Every section once, so that every reader runs.
    const EVERY_SECTION: &str = "version = 1\n[[upstream]]\n[[route]]\n[[gate]]\n[[oauth]]\n";

    #[test]
    fn the_reference_names_exactly_the_keys_that_are_read() {
        let read = load::keys_read(EVERY_SECTION, &BTreeMap::new());
        let mut named: BTreeSet<String> =
            PARTS.iter().flat_map(|p| p.keys.iter().map(|k| format!("{}.{}", p.name, k.name))).collect();
        named.extend(SCOPES.iter().map(|(scope, _)| format!("limits.{scope}")));
        named.extend(TUNNELS.iter().map(|key| format!("limits.{}", key.name)));
        assert_eq!(read, named);
    }
}
