//! Gates: no way round one, and never an allowlist that is none.

use doorward_config::{Profile, UpstreamTarget};

use crate::support::{RIGHT, development, every_form, only, refused_at, right, under, with, wrong};

const ALLOW: &str = r#"allow = ["203.0.113.0/24"]"#;

/// Another upstream entry for the gated service, spelt differently, and a route to it.
fn second_way(url: &str) -> String {
    format!(
        "{RIGHT}[[upstream]]\nname = \"other\"\n{url}\n[[route]]\npath = \"/x/\"\nupstream = \"other\"\naccess = \"public\"\n"
    )
}

#[test]
fn gate_02_a_route_to_a_gated_upstream_is_refused() {
    for access in ["public", "identified", "signed-in"] {
        let text = format!("{RIGHT}[[route]]\npath = \"/x/\"\nupstream = \"admin\"\naccess = \"{access}\"\n");
        let problem = refused_at(&text, "route[1].upstream");
        assert_eq!(problem, "reaches without a gate what gate[0] guards");
    }
}

#[test]
fn gate_02_another_name_for_the_gated_address_is_no_way_round() {
    for url in [
        "http://127.0.0.1:8100",
        "http://localhost:8100",
        "http://LOCALHOST.:8100",
        "http://api.localhost:8100",
        "http://127.0.0.2:8100",
        "http://localhost.localdomain:8100",
        "http://ip6-localhost:8100",
        "http://[::1]:8100",
        "http://[::ffff:127.0.0.1]:8100",
        "http://[::ffff:7f00:1]:8100",
    ] {
        refused_at(&second_way(&format!("url = \"{url}\"")), "route[1].upstream");
    }
    // Spellings that resolvers take for 127.0.0.1 are not addresses of upstreams at all.
    for url in
        ["http://0x7f000001:8100", "http://127.0x1:8100", "http://2130706433:8100", "http://127.1:8100", "http://0177.0.0.1:8100"]
    {
        refused_at(&second_way(&format!("url = \"{url}\"")), "upstream[2].url");
    }
    right(&second_way("url = \"http://127.0.0.1:8101\""));
    right(&second_way("url = \"http://127.0.0.1.example.com:8100\""));
}

#[test]
fn gate_02_a_name_is_compared_by_its_canonical_form() {
    let by_name = RIGHT.replace("http://127.0.0.1:8100", "http://admin.internal:8100");
    let text = format!(
        "{by_name}[[upstream]]\nname = \"other\"\nurl = \"http://ADMIN.Internal.:8100\"\n[[route]]\npath = \"/x\"\nupstream = \"other\"\naccess = \"public\"\n"
    );
    refused_at(&text, "route[1].upstream");
}

#[test]
fn gate_02_a_folder_that_holds_the_gated_folder_is_no_way_round() {
    let gated = RIGHT.replace("url = \"http://127.0.0.1:8100\"", "root = \"/srv/sites/admin\"");
    for root in ["/srv/sites/admin", "/srv/sites/admin/", "/srv/sites", "/srv/sites/x/../admin/static"] {
        let text = format!(
            "{gated}[[upstream]]\nname = \"other\"\nroot = \"{root}\"\n[[route]]\npath = \"/x\"\nupstream = \"other\"\naccess = \"public\"\n"
        );
        refused_at(&text, "route[1].upstream");
    }
}

#[test]
fn gate_02_two_gates_on_one_address_are_refused() {
    let text = format!(
        "{RIGHT}[[upstream]]\nname = \"other\"\nurl = \"http://localhost:8100\"\n[[gate]]\nname = \"second\"\n\
         host = \"second.example.com\"\nupstream = \"other\"\nallow = [\"198.51.100.0/24\"]\nusers_file = \"x\"\n"
    );
    assert_eq!(refused_at(&text, "gate[1].upstream"), "is already guarded by gate[0]");
}

#[test]
fn gate_05_short_octal_zoned_and_crooked_networks_are_refused() {
    for entry in [
        "010.0.0.1",
        "10.1",
        "10",
        "0x0a.0.0.1",
        "1.2.3.4/33",
        "1.2.3.4/08",
        "1.2.3.4/+8",
        "1.2.3.4/",
        "1.2.3.4/24/24",
        " 1.2.3.4",
        "1.2.3.4 ",
        "fe80::1%eth0",
        "fe80::%1/64",
        "2001:db8::/129",
        "[2001:db8::1]",
        "203.0.113.7/24",
        "2001:db8::1/48",
        "203.0.113.0/255.255.255.0",
        "::ffff:203.0.113.0/24",
        "٢03.0.113.7",
    ] {
        let problem = refused_at(&with(ALLOW, &format!("allow = [{entry:?}]")), "gate[0].allow[0]");
        assert!(!problem.contains(entry), "{problem} repeats {entry}");
    }
}

#[test]
fn gate_05_a_mapped_network_is_the_ipv4_network_it_maps() {
    let config = right(&with(ALLOW, r#"allow = ["203.0.113.7/32", "::ffff:198.51.100.0/120", "2001:db8::/48"]"#));
    let allowed = |text: &str| config.gates[0].allow.iter().any(|net| net.contains(text.parse().expect("an address")));
    for inside in ["203.0.113.7", "::ffff:203.0.113.7", "198.51.100.9", "::ffff:198.51.100.9", "2001:db8::5"] {
        assert!(allowed(inside), "{inside}");
    }
    for outside in ["203.0.113.70", "::ffff:203.0.113.70", "203.0.113.6", "2001:db8:1::5", "::203.0.113.7"] {
        assert!(!allowed(outside), "{outside}");
    }
}

#[test]
fn gate_06_an_allowlist_that_is_none_is_refused_without_repeating_it() {
    for entry in [
        "0.0.0.0/0",
        "::/0",
        "::ffff:0.0.0.0/96",
        "your_ip_address_here/32",
        "your-office-ip",
        "CHANGE_ME",
        "",
        " ",
        "*",
        "any",
        "0.0.0.0/1",
        "8.0.0.0/7",
        "2000::/3",
        "2001::/15",
    ] {
        let faults = wrong(&with(ALLOW, &format!("allow = [{entry:?}]")));
        assert_eq!(only(&faults).0, "gate[0].allow[0]", "{entry:?}");
        let shown = every_form(&faults);
        assert!(entry.len() < 4 || !shown.contains(entry), "{entry:?} is repeated in\n{shown}");
    }
}

#[test]
fn gate_06_a_missing_or_empty_allowlist_is_refused() {
    assert_eq!(refused_at(&with(ALLOW, ""), "gate[0].allow"), "is missing");
    assert_eq!(refused_at(&with(ALLOW, "allow = []"), "gate[0].allow"), "is empty");
    refused_at(&with(ALLOW, "allow = \"203.0.113.0/24\""), "gate[0].allow");
    refused_at(&with(ALLOW, "allow = [24]"), "gate[0].allow[0]");
}

#[test]
fn gate_06_networks_that_add_up_to_everyone_are_refused() {
    let halves = with(ALLOW, r#"allow = ["0.0.0.0/1", "128.0.0.0/1"]"#);
    refused_at(&development(&halves), "gate[0].allow");
    let neighbours = with(ALLOW, r#"allow = ["10.0.0.0/8", "11.0.0.0/8"]"#);
    refused_at(&neighbours, "gate[0].allow");
    right(&with(ALLOW, r#"allow = ["10.0.0.0/8", "192.0.2.1"]"#));
}

#[test]
fn gate_06_everyone_is_refused_in_development_too() {
    for entry in ["0.0.0.0/0", "::/0"] {
        refused_at(&development(&with(ALLOW, &format!("allow = [{entry:?}]"))), "gate[0].allow[0]");
    }
}

#[test]
fn gate_06_a_gate_without_users_file_is_refused() {
    assert_eq!(refused_at(&with("users_file = \"admin.htpasswd\"", ""), "gate[0].users_file"), "is missing");
}

#[test]
fn a_gate_shares_its_host_with_nobody() {
    let host = "host = \"admin.app.example.com\"";
    for own in ["app.example.com", "APP.example.com.", "app.EXAMPLE.com"] {
        assert_eq!(refused_at(&with(host, &format!("host = {own:?}")), "gate[0].host"), "is the site's own host");
    }
    let route = under("[[route]]", "host = \"Admin.app.example.com\"");
    assert_eq!(refused_at(&route, "gate[0].host"), "is also the host at route[0].host");
    let second = format!(
        "{RIGHT}[[upstream]]\nname = \"u\"\nurl = \"http://127.0.0.1:1\"\n[[gate]]\nname = \"g\"\nhost = \"ADMIN.app.example.com.\"\n\
         upstream = \"u\"\nallow = [\"198.51.100.1\"]\nusers_file = \"x\"\n"
    );
    assert_eq!(refused_at(&second, "gate[1].host"), "is already the host at gate[0].host");
}

#[test]
fn a_host_is_a_host_and_nothing_more() {
    for host in
        ["https://a.example", "a.example/x", "a.example:443", "", ".", "a..b", "*.a.example", "a b", "a%00", "10.1", "0x7f.1"]
    {
        refused_at(&with("host = \"admin.app.example.com\"", &format!("host = {host:?}")), "gate[0].host");
    }
}

#[test]
fn profiles_websockets_and_paths_are_read() {
    let config = right(&under("[[gate]]", "profile = \"flower\"\npaths = [\"/flower/\", \"/static\"]"));
    let gate = &config.gates[0];
    assert_eq!((gate.profile, gate.websocket), (Profile::Flower, true));
    assert_eq!(gate.paths, ["/flower", "/static"]);
    assert!(!right(RIGHT).gates[0].websocket);
    refused_at(&under("[[gate]]", "profile = \"none\""), "gate[0].profile");
    refused_at(&under("[[gate]]", "paths = []"), "gate[0].paths");
    refused_at(&under("[[gate]]", "paths = [\"/a/../b\"]"), "gate[0].paths[0]");
}

#[test]
fn an_operator_session_is_asked_for_only_where_somebody_is_an_operator() {
    let asks = under("[[gate]]", "operator_session = true");
    refused_at(&asks, "gate[0].operator_session");
    assert!(!right(&under("[[gate]]", "operator_session = false")).gates[0].operator_session);
    let operators = asks.replace("[accounts]\n", "[accounts]\nroles = [\"admin\"]\noperator_roles = [\"admin\"]\n");
    assert!(right(&operators).gates[0].operator_session);
}

#[test]
fn a_server_upstream_keeps_host_and_port_apart() {
    let config = right(RIGHT);
    let UpstreamTarget::Servers(servers) = &config.upstreams[1].target else { panic!("a server") };
    assert_eq!((servers.addresses[0].host.as_str(), servers.addresses[0].port), ("127.0.0.1", 8100));
}
