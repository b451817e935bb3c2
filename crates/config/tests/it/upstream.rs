//! `[[upstream]]`

use std::path::Path;

use doorward_config::{SecretSource, Speech, UpstreamTarget, UpstreamTls};

use crate::support::{RIGHT, development, refused_at, right, with};

const URL: &str = "url = \"http://127.0.0.1:3000\"";

#[test]
fn a_server_is_scheme_host_and_port_and_nothing_after() {
    for url in [
        "http://127.0.0.1:3000/",
        "http://127.0.0.1:3000/x",
        "http://127.0.0.1:3000?x",
        "http://127.0.0.1:0",
        "http://0.0.0.0:3000",
        "http://[::]:3000",
        "http://[::ffff:0.0.0.0]:3000",
        "http://224.0.0.1:1",
        "127.0.0.1:3000",
        "unix:/run/x",
        "h2c://127.0.0.1:3000/",
        "https://x/y",
        "ftp://127.0.0.1:3000",
        "HTTP://127.0.0.1:3000",
        "https://u:p@x",
        "",
        "http://10.1:80",
        "http://0x7f.1:80",
    ] {
        refused_at(&with(URL, &format!("url = {url:?}")), "upstream[0].url");
    }
}

#[test]
fn an_upstream_is_a_server_or_a_folder() {
    refused_at(&with(URL, &format!("{URL}\nroot = \"dist\"")), "upstream[0].root");
    refused_at(&with(URL, ""), "upstream[0].url");
    let config = right(&with(URL, "root = \"dist/\""));
    assert_eq!(config.upstreams[0].target, UpstreamTarget::Files { root: Path::new("/etc/doorward/dist").into() });
}

#[test]
fn a_folder_that_holds_secrets_is_not_served() {
    for (root, what) in [
        (".", "the configuration"),
        ("/etc", "the configuration"),
        ("/srv/doorward", "site.data_dir"),
        ("/srv", "site.data_dir"),
        ("/", "the configuration"),
    ] {
        let problem = refused_at(&with(URL, &format!("root = {root:?}")), "upstream[0].root");
        assert_eq!(problem, format!("holds {what} and would serve it"));
    }
    let elsewhere =
        with(URL, "root = \"/srv/site\"").replace("data_dir = \"/srv/doorward\"", "data_dir = \"/srv/site/.doorward\"");
    right(&elsewhere);
}

#[test]
fn the_door_is_not_its_own_upstream() {
    for url in ["http://127.0.0.1:9180", "http://localhost:9180", "http://[::1]:443", "http://127.0.0.1:80"] {
        assert!(refused_at(&with(URL, &format!("url = {url:?}")), "upstream[0].url").starts_with("is Doorward's own address"));
    }
    right(&development(&with(URL, "url = \"http://10.0.0.1:9180\"")));
}

#[test]
fn names_are_unique_and_plain() {
    let twice = format!("{RIGHT}[[upstream]]\nname = \"web\"\nurl = \"http://127.0.0.1:1\"\n");
    assert_eq!(refused_at(&twice, "upstream[2].name"), "\"web\" is already the name at upstream[0].name");
    for name in ["\"\"", "\"a b\"", "\"a/b\"", "\"ä\"", "7"] {
        refused_at(&format!("{RIGHT}[[upstream]]\nname = {name}\nurl = \"http://127.0.0.1:1\"\n"), "upstream[2].name");
    }
}

fn servers(text: &str) -> doorward_config::Servers {
    let config = right(text);
    let UpstreamTarget::Servers(servers) = &config.upstreams[0].target else { panic!("servers") };
    (**servers).clone()
}

#[test]
fn several_servers_are_addresses_of_one_scheme_each_once() {
    let urls = |urls: &str| with(URL, &format!("urls = [{urls}]"));
    let several = servers(&urls("\"http://10.0.0.1:80\", \"http://10.0.0.2:80\", \"http://web.internal:80\""));
    let hosts: Vec<&str> = several.addresses.iter().map(|address| address.host.as_str()).collect();
    assert_eq!(hosts, ["10.0.0.1", "10.0.0.2", "web.internal"]);
    assert_eq!(several.urls().next().as_deref(), Some("http://10.0.0.1:80"));
    refused_at(&urls(""), "upstream[0].url");
    refused_at(&urls("\"http://10.0.0.1:80\", \"http://10.0.0.1:80\""), "upstream[0].urls[1]");
    refused_at(&urls("\"http://10.0.0.1:80\", \"https://10.0.0.2:80\""), "upstream[0].urls[1]");
    refused_at(&urls("\"http://10.0.0.1:80\", \"http://10.0.0.2:0\""), "upstream[0].urls[1]");
    refused_at(&with(URL, &format!("{URL}\nurls = [\"http://10.0.0.1:80\"]")), "upstream[0].url");
    refused_at(&with(URL, "urls = [\"http://10.0.0.1:80\"]\nroot = \"dist\""), "upstream[0].root");
}

#[test]
fn what_a_gate_guards_is_guarded_at_each_of_its_addresses() {
    let text = with(URL, "urls = [\"http://127.0.0.1:3000\", \"http://localhost:8100\"]");
    assert!(refused_at(&text, "route[0].upstream").starts_with("reaches without a gate"));
    let text = with(URL, "urls = [\"http://127.0.0.1:3000\", \"http://127.0.0.1:9180\"]");
    assert!(refused_at(&text, "upstream[0].urls[0]").starts_with("is Doorward's own address"));
}

#[test]
fn tls_takes_files_and_nothing_else_does() {
    let https = "url = \"https://web.internal\"";
    let Speech::Tls(tls) = servers(&with(URL, https)).speech else { panic!("TLS") };
    assert_eq!(tls, UpstreamTls::default());
    assert_eq!(servers(&with(URL, https)).addresses[0].port, 443);
    let all = "ca_file = \"ca.pem\"\nclient_certificate = \"edge.pem\"\nclient_key = \"edge.key\"";
    let Speech::Tls(tls) = servers(&with(URL, &format!("{https}\n{all}"))).speech else { panic!("TLS") };
    assert_eq!(tls.ca_file.as_deref(), Some(Path::new("/etc/doorward/ca.pem")));
    assert_eq!(tls.client.expect("both").key, Path::new("/etc/doorward/edge.key"));
    for (key, line) in [
        ("ca_file", "ca_file = \"ca.pem\""),
        ("client_certificate", "client_certificate = \"edge.pem\""),
        ("client_key", "client_key = \"edge.key\""),
    ] {
        refused_at(&with(URL, &format!("{URL}\n{line}")), &format!("upstream[0].{key}"));
        refused_at(&with(URL, &format!("url = \"h2c://127.0.0.1:3000\"\n{line}")), &format!("upstream[0].{key}"));
        refused_at(&with(URL, &format!("root = \"dist\"\n{line}")), &format!("upstream[0].{key}"));
        if key != "ca_file" {
            refused_at(&with(URL, &format!("{https}\n{line}")), &format!("upstream[0].{key}"));
        }
    }
    // No word of the file turns the judgement of certificates off.
    for line in ["verify = false", "tls_verify = false", "insecure = true", "danger_accept_invalid_certs = true"] {
        let key = line.split(' ').next().expect("a key");
        refused_at(&with(URL, &format!("{https}\n{line}")), &format!("upstream[0].{key}"));
    }
}

#[test]
fn a_client_key_is_not_served() {
    let files = "[[upstream]]\nname = \"files\"\nroot = \"/srv/site\"\n";
    let tls = "url = \"https://x\"\nclient_certificate = \"/srv/site/a.pem\"\nclient_key = \"/srv/site/a.key\"";
    let problem = refused_at(&format!("{}{files}", with(URL, tls)), "upstream[2].root");
    assert_eq!(problem, "holds an upstream's client_key and would serve it");
}

#[test]
fn caps_times_and_health_have_defaults_and_bounds() {
    let plain = servers(RIGHT);
    assert_eq!((plain.max_connections, plain.time_limit.as_secs()), (4096, 30));
    assert!(plain.health.is_none());
    assert_eq!(servers(&with(URL, &format!("{URL}\nmax_connections = 7\ntime_limit = \"2min\""))).time_limit.as_secs(), 120);
    let health = |lines: &str| with(URL, &format!("{URL}\n{lines}"));
    let asked = servers(&health("health_path = \"/health?deep=1\"")).health.expect("asked for");
    assert_eq!((asked.path.as_str(), asked.every.as_secs()), ("/health?deep=1", 10));
    for (key, value) in [
        ("max_connections", "0"),
        ("max_connections", "65536"),
        ("time_limit", "\"0s\""),
        ("time_limit", "\"2h\""),
        ("health_path", "\"health\""),
        ("health_path", "\"//elsewhere/\""),
        ("health_path", "\"/a b\""),
        ("health_path", "\"/a\\r\\nX: y\""),
        ("health_every", "\"5s\""),
    ] {
        refused_at(&health(&format!("{key} = {value}")), &format!("upstream[0].{key}"));
        refused_at(&with(URL, &format!("root = \"dist\"\n{key} = {value}")), &format!("upstream[0].{key}"));
    }
}

#[test]
fn a_secret_that_an_upstream_knows_the_door_by_is_named_and_not_written() {
    let secret = |lines: &str| with(URL, &format!("{URL}\n{lines}"));
    let config = right(&secret("secret_file = \"api.secret\""));
    assert_eq!(config.upstreams[0].secret, Some(SecretSource::File("/etc/doorward/api.secret".into())));
    assert_eq!(config.secrets().last().expect("named").key(), "upstream.secret_file");
    assert_eq!(right(&secret("secret_env = \"API_SECRET\"")).upstreams[0].secret, Some(SecretSource::Env("API_SECRET".into())));
    assert_eq!(right(RIGHT).upstreams[0].secret, None);
    refused_at(&secret("secret_file = \"a\"\nsecret_env = \"B\""), "upstream[0].secret_file");
    refused_at(&with(URL, "root = \"dist\"\nsecret_file = \"a\""), "upstream[0].secret_file");
    let faults = crate::support::wrong(&secret("secret = \"dGhlIGRvb3IgaXMga25vd24gYnkgdGhpcyBhbG9uZQ\""));
    assert!(!crate::support::every_form(&faults).contains("dGhlIGRvb3Ig"), "a secret in the file is refused and not repeated");
    let files = "[[upstream]]\nname = \"files\"\nroot = \"/srv/site\"\n";
    let problem = refused_at(&format!("{}{files}", secret("secret_file = \"/srv/site/api.secret\"")), "upstream[2].root");
    assert_eq!(problem, "holds an upstream's secret_file and would serve it");
}
