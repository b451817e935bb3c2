//! `[[upstream]]`

use std::path::Path;

use doorward_config::UpstreamTarget;

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
        "https://127.0.0.1:3000",
        "h2c://x",
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

#[test]
fn several_urls_are_said_to_be_of_a_later_version() {
    let text = format!("{RIGHT}[[upstream]]\nname = \"x\"\nurl = \"http://127.0.0.1:1\"\nurls = []\n");
    assert!(refused_at(&text, "upstream[2].urls").contains("not available in this version"));
}
