//! `[[oauth]]`, and what `[accounts]` says of providers and operators.

use std::path::Path;
use std::time::Duration;

use doorward_config::{Config, ProviderKind, SecretSource};

use crate::support::{RIGHT, development, env, every_form, only, refused_at, right, under, wrong};

/// A tenant's id.
const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// [`RIGHT`] with one provider and these lines in it.
fn provider(kind: &str, lines: &str) -> String {
    format!("{RIGHT}[[oauth]]\nprovider = \"{kind}\"\nclient_id = \"abc\"\nclient_secret_env = \"SECRET\"\n{lines}\n")
}

fn oidc(lines: &str) -> String {
    provider("oidc", &format!("issuer = \"https://id.example.com/a\"\n{lines}"))
}

fn issuers(config: &Config) -> Vec<Option<&str>> {
    config.oauth.iter().map(|oauth| oauth.issuer.as_ref().map(doorward_config::Issuer::as_str)).collect()
}

#[test]
fn each_kind_knows_its_issuer_name_label_and_scopes() {
    for (kind, lines, issuer, label) in [
        ("google", String::new(), Some("https://accounts.google.com".to_owned()), "Google"),
        ("github", String::new(), None, "GitHub"),
        ("gitlab", String::new(), Some("https://gitlab.com".to_owned()), "GitLab"),
        ("gitlab", "issuer = \"https://git.example.com\"".into(), Some("https://git.example.com".into()), "GitLab"),
        (
            "microsoft",
            format!("issuer = \"https://login.microsoftonline.com/{TENANT}/v2.0\""),
            Some(format!("https://login.microsoftonline.com/{TENANT}/v2.0")),
            "Microsoft",
        ),
        ("oidc", "issuer = \"https://id.example.com/a/\"".into(), Some("https://id.example.com/a/".into()), "id.example.com"),
    ] {
        let config = right(&provider(kind, &lines));
        assert_eq!(issuers(&config), [issuer.as_deref()]);
        let found = &config.oauth[0];
        assert_eq!((found.name.as_str(), found.label.as_str()), (kind, label));
        let usual: &[&str] = if kind == "github" { &["read:user", "user:email"] } else { &["openid", "email", "profile"] };
        assert_eq!(found.scopes, usual);
        assert!(found.link_by_address && !found.keep_grant && found.hosts.is_empty() && found.ca_file.is_none());
    }
}

#[test]
fn what_is_written_of_a_provider_is_what_is_read() {
    let config = right(&format!(
        "{RIGHT}[[oauth]]\nprovider = \"oidc\"\nname = \"work-2\"\nlabel = \"Work\"\nissuer = \"https://id.example.com\"\nclient_id = \"abc\"\n\
         client_secret_file = \"work.secret\"\nscopes = [\"openid\", \"offline_access\"]\nlink_by_address = false\nkeep_grant = true\n\
         ca_file = \"work.pem\"\nhosts = [\"API.example.com\"]\n"
    ));
    let found = &config.oauth[0];
    assert_eq!((found.provider, found.name.as_str(), found.label.as_str()), (ProviderKind::Oidc, "work-2", "Work"));
    assert_eq!(found.client_secret, SecretSource::File("/etc/doorward/work.secret".into()));
    assert_eq!(found.ca_file.as_deref(), Some(Path::new("/etc/doorward/work.pem")));
    assert_eq!((found.scopes.join(" ").as_str(), found.hosts[0].as_str()), ("openid offline_access", "api.example.com"));
    assert!(!found.link_by_address && found.keep_grant);
    let secrets: Vec<String> = config.secrets().iter().map(doorward_config::NamedSecret::key).collect();
    assert_eq!(secrets, ["site.key_file", "oauth.client_secret_file"]);
}

#[test]
fn what_weakens_a_provider_is_refused() {
    for (text, key) in [
        (provider("facebook", ""), "provider"),
        (provider("oidc", ""), "issuer"),
        (provider("microsoft", ""), "issuer"),
        (provider("microsoft", "issuer = \"https://login.microsoftonline.com/common/v2.0\""), "issuer"),
        (provider("microsoft", "issuer = \"https://login.microsoftonline.com/organizations/v2.0\""), "issuer"),
        (provider("microsoft", "issuer = \"https://login.microsoftonline.com/example.com/v2.0\""), "issuer"),
        (provider("microsoft", &format!("issuer = \"https://login.example.com/{TENANT}/v2.0\"")), "issuer"),
        (provider("google", "issuer = \"https://accounts.google.com\""), "issuer"),
        (provider("github", "issuer = \"https://github.com\""), "issuer"),
        (provider("oidc", "issuer = \"http://id.example.com\""), "issuer"),
        (provider("oidc", "issuer = \"http://127.0.0.1:4000\""), "issuer"),
        (provider("oidc", "issuer = \"https://id.example.com?tenant=1\""), "issuer"),
        (provider("oidc", "issuer = \"https://user:pass@id.example.com\""), "issuer"),
        (provider("oidc", "issuer = \"https://ID.example.com\""), "issuer"),
        (provider("oidc", "issuer = \"https://id.example.com:443\""), "issuer"),
        (provider("oidc", "issuer = \"https://id.example.com/a/../b\""), "issuer"),
        (oidc("name = \"Work\""), "name"),
        (oidc("name = \"a/b\""), "name"),
        (oidc("name = \"-\""), "name"),
        (oidc("label = \"\""), "label"),
        (oidc("scopes = [\"email\"]"), "scopes"),
        (oidc("scopes = [\"openid\", \"offline_access\"]"), "scopes[1]"),
        (oidc("scopes = [\"openid email\"]"), "scopes[0]"),
        (oidc("hosts = [\"https://api.example.com\"]"), "hosts[0]"),
        (oidc("hosts = [\"a.io\", \"b.io\", \"c.io\", \"d.io\", \"e.io\", \"f.io\", \"g.io\", \"h.io\", \"i.io\"]"), "hosts[8]"),
        (oidc("client_secret_file = \"a\""), "client_secret_file"),
        (oidc("client_secret = \"a\""), "client_secret"),
        (provider("google", "hosts = [\"api.example.com\"]"), "hosts[0]"),
        (provider("google", "ca_file = \"ca.pem\""), "ca_file"),
        (oidc("").replace("client_id = \"abc\"", "client_id = \"a b\""), "client_id"),
        (oidc("").replace("client_secret_env = \"SECRET\"", ""), "client_secret_file"),
    ] {
        refused_at(&text, &format!("oauth[0].{key}"));
    }
}

/// Whoever is on the way would read every code: on one machine, in development, nobody is.
#[test]
fn plain_http_is_for_a_loopback_issuer_in_development() {
    for host in ["127.0.0.1:4000", "[::1]:4000", "localhost:4000", "id.localhost:4000"] {
        let text = development(&provider("oidc", &format!("issuer = \"http://{host}\"")));
        assert!(!right(&text).oauth[0].issuer.as_ref().expect("one").is_encrypted());
        assert_eq!(only(&wrong(&text.replace("development", "staging"))).0, "oauth[0].issuer");
    }
    for host in ["10.0.0.1", "id.example.com", "localhost.example.com"] {
        refused_at(&development(&provider("oidc", &format!("issuer = \"http://{host}\""))), "oauth[0].issuer");
    }
    refused_at(&development(&provider("gitlab", "issuer = \"http://127.0.0.1\"")), "oauth[0].issuer");
}

#[test]
fn names_of_providers_are_unique_also_where_they_are_not_written() {
    let two =
        format!("{}[[oauth]]\nprovider = \"google\"\nclient_id = \"b\"\nclient_secret_env = \"OTHER\"\n", provider("google", ""));
    assert_eq!(only(&wrong(&two)).0, "oauth[1].provider");
    assert_eq!(right(&format!("{two}name = \"google-2\"\n")).oauth.len(), 2);
}

#[test]
fn a_secret_of_a_client_that_is_missing_is_named_and_never_shown() {
    let config = right(&oidc(""));
    let secret = config.secrets().pop().expect("the client's");
    assert_eq!(secret.key(), "oauth.client_secret_env");
    assert!(secret.judge(&env(&[])).is_err(), "unset");
    assert!(secret.judge(&env(&[("SECRET", "")])).is_err(), "empty");
    // As long as the provider made it.
    assert!(secret.judge(&env(&[("SECRET", "GOCSPX-k3j")])).is_ok());
    let shown = every_form(&wrong(&oidc("").replace("\"SECRET\"", "\"k3j-not-a-name\"").replace("\"abc\"", "\"k3j not an id\"")));
    assert!(!shown.contains("k3j"), "{shown}");
}

#[test]
fn a_folder_that_holds_the_secret_of_a_client_is_not_served() {
    let served = RIGHT.replace("url = \"http://127.0.0.1:3000\"", "root = \"dist\"");
    let text =
        oidc("").replace(RIGHT, &served).replace("client_secret_env = \"SECRET\"", "client_secret_file = \"dist/work.secret\"");
    assert_eq!(only(&wrong(&text)).0, "upstream[0].root");
}

/// Providers are opened with the house; so are the rules that say who is an operator.
#[test]
fn what_is_said_of_providers_and_operators_changes_with_a_restart() {
    let before = right(&under("[accounts]", "roles = [\"ops\"]"));
    let after = |lines: &str| doorward_config::needs_restart(&before, &right(&under("[accounts]", lines)));
    for line in ["operator_roles = [\"ops\"]", "step_up = \"5min\"", "provider_targets = [\"/\"]"] {
        assert_eq!(after(&format!("roles = [\"ops\"]\n{line}")), ["accounts"], "{line}");
    }
    assert_eq!(doorward_config::needs_restart(&right(RIGHT), &right(&oidc(""))), ["oauth"]);
    assert_eq!(doorward_config::needs_restart(&right(&oidc("")), &right(&oidc("label = \"Other\""))), ["oauth"]);
}

#[test]
fn operators_have_roles_that_exist() {
    let accounts = |lines: &str| under("[accounts]", lines);
    let config = right(&accounts("roles = [\"staff\", \"ops\"]\noperator_roles = [\"ops\"]"));
    assert_eq!(config.accounts.operator_roles, ["ops"]);
    refused_at(&accounts("operator_roles = [\"ops\"]"), "accounts.operator_roles[0]");
    refused_at(&accounts("roles = [\"ops\"]\noperator_roles = [\"ops\", \"ops\"]"), "accounts.operator_roles[1]");
    assert_eq!(right(RIGHT).accounts.step_up, Duration::from_secs(600));
    assert_eq!(right(&accounts("step_up = \"5min\"")).accounts.step_up, Duration::from_secs(300));
    for line in ["step_up = \"59s\"", "step_up = \"61min\""] {
        refused_at(&accounts(line), "accounts.step_up");
    }
}

#[test]
fn targets_of_a_provider_are_exact_paths_of_this_site() {
    let targets = |list: &str| under("[accounts]", &format!("provider_targets = [{list}]"));
    assert_eq!(right(RIGHT).accounts.provider_targets, ["/account"]);
    assert_eq!(right(&targets("\"/dashboard\", \"/\", \"/a/\"")).accounts.provider_targets, ["/dashboard", "/", "/a/"]);
    for target in
        ["//evil.example", "/\\\\evil.example", "https://evil.example", "/a/../b", "/%2f%2fevil.example", "a", "", "/a?b", "/a#b"]
    {
        refused_at(&targets(&format!("\"/\", \"{target}\"")), "accounts.provider_targets[1]");
    }
    refused_at(&targets("\"/\", \"/\""), "accounts.provider_targets[1]");
    refused_at(&targets(""), "accounts.provider_targets");
}
